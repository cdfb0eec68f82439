// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/sent_images.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace fiona::transfer {

/// What the research PACS has taken of one request so far, and how often sending failed:
/// `<processing>/state/transfers/<request>.sent`, one line per event, written at once; also what it said
/// when it was asked for storage commitment. It holds new identifiers only.
///
/// request  journal  result
///    +        -        -     nothing sent yet
///    +        +        -     being sent, waiting for another try, or killed in between: the next
///                            try sends what is not listed
///    +        +        +     all answered; the journal is removed next and not read again
///    +        -        +     REDCap has still to be told
///
/// A try of another content of the request, or older than a day, is not continued: somebody asked again,
/// and then everything is sent again. The new one stands behind it, for the PACS has those images as well.
/// Finished, the journal moves to `<processing>/state/sent/<request>`, so that what comes late can go
/// alone. That is only a memory: without it everything is sent again.
class Journal {
public:
    /// Reads what is there. `now` decides whether it is too old.
    Journal(const Paths& paths, const store::TransferRequest& request, TimePoint now);

    using Stored = store::SentImage;
    /// Nothing was noted yet in this transfer.
    [[nodiscard]] bool is_new() const { return !m_started; }
    /// Nothing if the PACS has it not, or has said later that it lost it.
    [[nodiscard]] const Stored* stored(const std::string& series, const std::string& sop) const;
    [[nodiscard]] bool is_stored(const std::string& series, const std::string& sop) const
    {
        return stored(series, sop) != nullptr;
    }
    /// The same, of those bytes and no others.
    [[nodiscard]] const Stored* stored(const std::string& series, const std::string& sop,
                                       const std::string& sha256) const;
    [[nodiscard]] unsigned failures() const { return m_failures; }

    /// A request for storage commitment that has no answer yet.
    struct Question {
        std::string transaction;
        TimePoint asked;
    };
    [[nodiscard]] const std::optional<Question>& question() const { return m_question; }
    [[nodiscard]] bool is_committed(const std::string& sop) const
    {
        return m_committed.contains(sop);
    }

    void note_stored(const std::string& series, const std::string& sop, const Stored& how);
    void note_stored(const std::string& series, const std::string& sop)
    {
        note_stored(series, sop, Stored{});
    }
    void note_lost(const std::string& series, const std::string& sop);
    void note_failure();
    void note_asked(const Question& question);
    /// The question is answered: these are safe.
    void note_committed(const std::set<std::string>& sops);
    /// The transfer is over. Twice is harmless.
    static void finish(const Paths& paths, const store::TransferRequest& request);
    /// What the last finished transfer of the request has left in the PACS. To be read only.
    [[nodiscard]] static Journal finished(const Paths& paths,
                                          const store::TransferRequest& request);
    /// Forgets finished transfers that nothing has been added to for 90 days.
    static void sweep(const Paths& paths, TimePoint now);

private:
    explicit Journal(std::filesystem::path file) : m_file{std::move(file)} {}
    void append(const std::string& lines);
    void take(std::string_view line);

    std::filesystem::path m_file;
    std::string m_head; ///< first line of the try
    store::SentImages m_images;
    std::set<std::string> m_committed;
    std::optional<Question> m_question;
    unsigned m_failures = 0;
    bool m_started = false;
    bool m_is_torn = false; ///< the last line has no end
};

} // namespace fiona::transfer
