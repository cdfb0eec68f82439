// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/store/requests.h"

#include <filesystem>
#include <set>
#include <string>

namespace fiona::transfer {

/// What the research PACS has taken of one request so far, and how often sending failed:
/// `<processing>/state/transfers/<request>.sent`, one line per event, written at once. It holds new
/// identifiers only.
///
/// request  journal  result
///    +        -        -     nothing sent yet
///    +        +        -     being sent, waiting for another try, or killed in between: the next
///                            try sends what is not listed
///    +        +        +     all answered; the journal is removed next and not read again
///    +        -        +     REDCap has still to be told
///
/// A journal of another content of the request, or older than a day, means nothing: somebody asked
/// again, and then everything is sent again.
class Journal {
public:
    /// Reads what is there. `now` decides whether it is too old.
    Journal(const Paths& paths, const store::TransferRequest& request, TimePoint now);

    [[nodiscard]] bool is_stored(const std::string& series, const std::string& sop) const;
    [[nodiscard]] unsigned failures() const { return m_failures; }

    void note_stored(const std::string& series, const std::string& sop);
    void note_failure();
    static void remove(const Paths& paths, const store::TransferRequest& request);

private:
    void append(const std::string& line);

    std::filesystem::path m_file;
    std::string m_head;
    std::set<std::string> m_stored;
    unsigned m_failures = 0;
    bool m_started = false;
    bool m_is_torn = false; ///< the last line has no end
};

} // namespace fiona::transfer
