// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/mode.h"
#include "libfiona/store/shared_list.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::store {

/// One line of Assign/incoming.txt: blank-separated, each field percent-encoded,
/// `<epoch> <caller> <called> <host> <StudyUID> <series> <modalities> [unknown fields kept]`.
struct IncomingLine {
    std::int64_t arrived = 0; ///< seconds since 1970, UTC
    std::string caller, called, host;
    StudyUid study;
    unsigned series = 0;
    std::string modalities; ///< comma-joined
    std::string rest;       ///< unknown extra fields, as they were
};

/// The list of studies that wait to be assigned. All writers hold `incoming.txt.lock` and replace
/// the file by rename with its old owner and mode; a line that cannot be read is kept as it is, and so
/// is what a writer that knows no lock appends (SharedList).
///
/// line
///   -    not arrived, or older than remove_old() allows. The study itself stays
///   +    arrived; waits to be assigned, or is assigned already
class IncomingList {
public:
    explicit IncomingList(std::filesystem::path file);

    /// One line per study: replaces the study's line or adds one.
    void put(const IncomingLine& line) const;
    /// Readable lines, in file order. The StudyUID is also found behind `scp_` (old writers).
    [[nodiscard]] std::vector<IncomingLine> lines() const;

    struct Cleaned {
        std::size_t kept = 0;
        std::size_t removed = 0;
        std::size_t unreadable_kept = 0; ///< no time of arrival, or one that is yet to come
        std::size_t unreadable_removed = 0;
    };
    /// Removes the lines of studies that have left the site; returns how many.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    std::size_t remove(const std::set<StudyUid>& studies) const;

    /// Removes the lines of studies that arrived `age` ago or earlier. A line without a readable
    /// time goes when nobody has put a line for so long. The file's own time stays as it was.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    Cleaned remove_old(TimePoint now, std::chrono::seconds age, Mode mode) const;

private:
    void rewrite(const std::function<std::string(std::string_view)>& change,
                 SharedList::Time time) const;

    std::filesystem::path m_file;
};

} // namespace fiona::store
