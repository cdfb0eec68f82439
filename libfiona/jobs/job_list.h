// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/jobs/job_line.h"
#include "libfiona/store/shared_list.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::jobs {

/// The list of jobs that fiona-run-one-job(1) works through, one JSON object a line.
///
/// line  in .done or .rejected
///   -     -     no job
///   +     -     waits, or runs
///   +     +     done, or no job at all; killed before the line was taken out: the next run does that
///   -     +     done, or no job at all
///   torn  -     a writer died in the middle; it ends at the next append, and its reader reports it
///
/// Whoever changes the list holds `<list>.lock`. Lines of writers that know no lock are kept, see
/// store::SharedList.
class JobList {
public:
    explicit JobList(std::filesystem::path file);

    enum class Appended { yes, was_there };
    /// Returns when the line is on the disk. A job whose id the list has is not added again, so that
    /// whoever was killed in between may repeat the call. Throws os_error(); then the list is as it was.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    Appended append(const Job& job) const;

    struct Line {
        std::string text;
        std::optional<Job> job;
        std::string problem; ///< why it is no job
    };
    /// Its lines, blank ones left out. A last line without an end that is no job is left out while the
    /// list is younger than a minute: somebody may be writing it.
    [[nodiscard]] std::vector<Line> lines(TimePoint now) const;

    /// Brings over what was written into the lists of before.
    void gather(TimePoint now) const;

    enum class Shelf { done, rejected };
    struct Settled {
        std::string text; ///< of the line, as lines() gave it
        Shelf shelf = Shelf::done;
        json::Object note; ///< what became of it; `line` is added
    };
    /// Takes lines out of the list; before that each is on the disk in `<list without .jobs>.done` or
    /// `.rejected`, a line of JSON each, once.
    void settle(const std::vector<Settled>& lines, TimePoint now) const;

    /// Jobs that failed, and lines that were no job, since then.
    [[nodiscard]] std::size_t failed_since(TimePoint since) const;

    /// Drops from the shelves what was settled before `before`, once a day at most.
    void forget(TimePoint before) const;

    [[nodiscard]] const std::filesystem::path& file() const { return m_list.file(); }
    [[nodiscard]] std::filesystem::path shelf(Shelf which) const;

private:
    [[nodiscard]] std::filesystem::path lock_file() const;
    void forget(Shelf which, TimePoint before) const;

    store::SharedList m_list;
};

} // namespace fiona::jobs
