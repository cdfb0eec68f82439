// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cleanup/clear_old.h"
#include "libfiona/cleanup/report.h"
#include "libfiona/cli/tool.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/store/clock_guard.h"

namespace {

constexpr int goal_not_reached = 2;

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-clear-old",
                   "Make room in the archive: remove the oldest studies that nobody has asked for.",
                   "fiona-clear-old --max-used 80 --dry-run"};
    tool.with_dry_run().with_project();
    cleanup::ClearOldOrder order;
    unsigned min_age_hours = 24;
    std::optional<unsigned> sent_days;
    constexpr unsigned most_hours = 876'000;
    constexpr unsigned most_days = 36'500;
    constexpr unsigned whole = 100;
    auto& options = tool.options();
    options.add_option("--max-used", order.max_used, "percent of the disk that may be used (80)")
        ->check(CLI::Range(1U, whole));
    options
        .add_option("--emergency-used", order.emergency_used,
                    "percent above which studies older than 6 hours may go (97)")
        ->check(CLI::Range(1U, whole));
    options
        .add_option("--min-age-h", min_age_hours,
                    "hours since the last object came, before a study may go (24)")
        ->check(CLI::Range(1U, most_hours));
    options.add_option("--max-delete", order.max_delete, "studies that may go in one run")
        ->check(CLI::NonNegativeNumber);
    options
        .add_option("--sent-days", sent_days,
                    "studies that were sent completely, so many days ago, may go too")
        ->check(CLI::Range(1U, most_days));

    return tool.run(argc, argv, [&] {
        const auto& config = tool.config();
        tool.run_alone();
        constexpr unsigned hours_of_day = 24;
        order.mode = tool.mode();
        order.now = Clock::now();
        order.min_age = std::chrono::hours{min_age_hours};
        if (sent_days) {
            order.sent_age = std::chrono::hours{std::uint64_t{*sent_days} * hours_of_day};
        }
        store::check_clock(config.paths, "clear-old", order.mode, store::read_clocks(order.now));
        const auto report =
            cleanup::clear_old(config, order,
                               {.disk = [&] { return store::disk_space(config.paths.archive()); },
                                .incoming =
                                    [&] {
                                        return redcap::open(config.redcap, redcap::Role::incoming,
                                                            tool.mode(), redcap::Freshness::now);
                                    }});
        tool.report(cleanup::as_json(report, order), cleanup::as_lines(report, order));
        if (tool.mode() == Mode::apply) {
            cleanup::write_status(config.paths, report, order, Clock::now());
        }
        if (report.trouble) {
            throw Error{*report.trouble};
        }
        if (!report.is_goal_reached) {
            tool.set_exit_code(goal_not_reached);
        }
    });
}
