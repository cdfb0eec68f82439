// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::store {

/// What the receiver tells the file processor about one stored object (fiona-files(5)).
struct SpoolEntry {
    TimePoint received;
    std::string caller;              ///< calling AE title, as sent, trimmed; any bytes
    std::string called;              ///< called AE title, likewise
    std::string host;                ///< short host name of the peer, or its address
    std::string address;             ///< numeric address
    std::filesystem::path directory; ///< archive directory of the study
    std::string file;                ///< name in it
    StudyUid study;
    SeriesUid series;
    SopInstanceUid sop;
    std::string sop_class;
    std::string transfer_syntax;
    std::uint64_t bytes = 0;
    std::string association; ///< `<pid>-<counter>`, for logs
};

/// The queue between receiver and processor: `<site>/.spool/{tmp,new,failed}`, on the file system
/// of the archive. An entry is named `<19-digit ns since 1970>.<pid>.<counter>.json`, so that
/// names sort by arrival.
///
/// tmp/X  new/X  failed/X  failed/X.err
///   +      -       -          -         being written; of a dead writer: swept after an hour
///   -      +       -          -         waiting, or processed and not yet unlinked (harmless: every
///                                       step of processing is idempotent)
///   -      -       +          -         given up, killed before the reason was written
///   -      -       +          +         given up; the reason is in .err; a person (or
///                                       `fiona-process-file reconcile`) moves X back to new/
///   -      -       -          -         processed. If the archive file has no link in raw/, the
///                                       entry was lost in a crash: reconcile makes it again
class Spool {
public:
    /// Makes the directories if they are missing.
    explicit Spool(std::filesystem::path directory);

    enum class Sync { yes, no };
    /// Returns only when the entry is in new/. Sync::yes: also fsync of file and directory.
    void add(const SpoolEntry& entry, Sync sync) const;

    /// Names in new/, oldest first, at most `limit`.
    [[nodiscard]] std::vector<std::string> waiting(std::size_t limit = SIZE_MAX) const;
    /// How many entries wait; counting stops at `limit`.
    [[nodiscard]] std::size_t count_waiting(std::size_t limit = SIZE_MAX) const;
    /// When the oldest waiting entry was made; nothing if none waits.
    [[nodiscard]] std::optional<TimePoint> oldest() const;
    [[nodiscard]] std::size_t count_failed() const;

    /// Throws Error{Fault::data} if the content is no entry, Fault::missing if it is gone.
    [[nodiscard]] SpoolEntry read(const std::string& name) const;
    void remove(const std::string& name) const;
    /// Moves it to failed/ and writes the reason beside it.
    void give_up(const std::string& name, std::string_view reason) const;
    /// Removes what dead writers left in tmp/ more than `age` ago; returns how many.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    std::size_t sweep(TimePoint now, std::chrono::seconds age) const;

    [[nodiscard]] const std::filesystem::path& directory() const { return m_directory; }

private:
    std::filesystem::path m_directory;
};

} // namespace fiona::store
