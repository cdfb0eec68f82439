// SPDX-License-Identifier: MIT
#include "libfiona/workflow/selection.h"

#include "libfiona/base/files.h"
#include "libfiona/jobs/job_line.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/jobs/job_record.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/study_tree.h"

#include <utility>

namespace fiona::workflow {

namespace {

jobs::Job job_of(const SelectionOrder::Listing& listing, const jobs::SeriesSet& set,
                 std::size_t number, TimePoint now)
{
    jobs::Job job{.id = "",
                  .project = listing.project,
                  .stream = "",
                  .image = listing.image,
                  .user = listing.user,
                  .date = now,
                  .number = std::to_string(number),
                  .ror_folder = listing.ror_folder,
                  .destination = {},
                  .options = listing.options,
                  .select = "",
                  .members = set};
    // The same work has the same id, whenever it is asked for.
    auto what = job;
    what.number.clear();
    what.user.clear();
    if (listing.again == SelectionOrder::Listing::Again::no) {
        what.date = TimePoint{};
    }
    job.id = jobs::line_digest(jobs::as_line(what));
    return job;
}

} // namespace

Selection select_jobs(const Config& config, const SelectionOrder& order, TimePoint now, Mode mode)
{
    const auto statement = jobs::parse_statement(order.statement, order.precedence);
    const store::StudyTree tree{config.paths};
    Selection result;
    result.sets = jobs::chosen_sets(statement, jobs::candidates(tree, order.studies));
    if (order.freeze && mode == Mode::apply) {
        make_directories(*order.freeze);
        store::write_file(*order.freeze / "jobs.json",
                          json::write(jobs::as_frozen_list(result.sets), json::Style::pretty));
    }
    if (!order.listing) {
        return result;
    }
    const jobs::JobList list{config.paths.job_list()};
    const jobs::JobRecords records{config.paths.state()};
    for (std::size_t number = 0; number < result.sets.size(); ++number) {
        const auto job = job_of(*order.listing, result.sets[number], number, now);
        static_cast<void>(jobs::parse_line(jobs::as_line(job))); // or it would be rejected later
        if (records.load(job.id).state != jobs::JobState::waiting) {
            continue;
        }
        if (mode == Mode::dry_run || list.append(job) == jobs::JobList::Appended::yes) {
            ++result.listed;
        }
    }
    return result;
}

} // namespace fiona::workflow
