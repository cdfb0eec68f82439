// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/export/export_job.h"
#include "libfiona/store/shared_list.h"

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::exports {

/// The list of packages to make, one JSON object a line; the Export page and fiona-create-zip request
/// add to it.
///
/// line of the list       line of the failed list   package
///     -                       -                       -     nothing asked for
///   queued                    -                       -     waits; until `not_before`, if it has that
///   running, pid alive        -                       -     that process works on it
///   running, pid dead         -                       any   taken up again by the next run
///   queued                    -                       +     the next run sees the package, and mails it if that
///                                                           is asked for; else the line goes
///   mailing, pid alive        -                       +     handed to the mail server; or mailed, and the line could
///                                                           not be taken out
///   mailing, pid dead         -                       +     nobody knows whether the mail went: it is not sent
///                                                           again, the line goes to the failed list
///     any                     +                       any   crashed while giving up: the next run removes the first
///     -                       +                       -     given up; `last_error` says why, a person moves it back
///     -                       -                       +     done
///   torn, or no job           -                       -     left alone, and reported
///
/// Whoever changes the list holds `<list>.lock`, and changes only its own line; all other lines keep
/// their bytes and their order. What a writer that knows no lock appends in the same moment is kept
/// (store::SharedList).
class ExportList {
public:
    ExportList(std::filesystem::path list, std::filesystem::path failed);

    enum class Added { yes, was_there };
    /// Returns when the line is on the disk. Throws os_error(); then the list is as it was.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    Added add(const ExportJob& job, TimePoint now) const;

    struct GivenUp {
        ExportJob job;
        std::string when; ///< UTC; "" if the line does not say
    };
    struct Listing {
        std::vector<ExportJob> jobs;
        std::vector<GivenUp> given_up; ///< what is readable in the failed list
        std::size_t unreadable = 0;    ///< lines that are no job
        std::size_t failed = 0;        ///< lines of the failed list
    };
    /// Jobs whose process is dead are queued in it (mailing ones stay mailing).
    [[nodiscard]] Listing read() const;

    /// Which projects had their last package when, for fairness.
    using LastExports = std::map<std::string, std::int64_t, std::less<>>;
    struct Wish {
        TimePoint now;
        LastExports last{};
        std::optional<std::string> id{}; ///< this one, whatever its `not_before`
        std::set<std::string> without{}; ///< ids that this run has had already
        std::chrono::seconds longest_wait =
            std::chrono::hours{1}; ///< what is put off for longer is not
    };
    /// Marks the next job as running by this process: fewest attempts, those that its process did not
    /// survive among them, then the project that has waited longest for a package, then the oldest
    /// line. Nothing if none is due.
    [[nodiscard]] std::optional<ExportJob> claim(const Wish& wish) const;

    /// The process is about to hand the mail over: never again after this, unless release() is called.
    void mark_mailing(const ExportJob& job) const;
    /// Done: the line goes, and those that ask for the same.
    void finish(const ExportJob& job) const;
    /// Back into the queue with other counts, as `job` has them.
    void release(const ExportJob& job) const;
    /// Moves the line to the failed list.
    void give_up(const ExportJob& job, TimePoint now) const;

    [[nodiscard]] const std::filesystem::path& file() const { return m_list.file(); }

private:
    using Lines = std::vector<std::string>;
    /// Under the lock: `change` returns whether it changed the lines, and then they are written.
    void edit(const std::function<bool(Lines&)>& change) const;
    /// The line of that job which this process has claimed.
    void edit_own(const ExportJob& job,
                  const std::function<std::optional<json::Object>(json::Object)>& change) const;

    [[nodiscard]] std::filesystem::path lock_file() const;

    store::SharedList m_list;
    std::filesystem::path m_failed;
};

} // namespace fiona::exports
