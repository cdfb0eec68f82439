// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cleanup/exports.h"
#include "libfiona/cleanup/report.h"
#include "libfiona/cli/tool.h"
#include "libfiona/store/clock_guard.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{
        "fiona-clear-exports",
        "Make room for exports: remove what dead exports left, then the oldest packages.",
        "fiona-clear-exports --max-used 90 --dry-run"};
    tool.with_dry_run();
    cleanup::ClearExportsOrder order;
    std::optional<std::filesystem::path> base;
    unsigned tmp_age = 1000;
    unsigned keep_days = 7;
    unsigned min_age = 60;
    constexpr unsigned most_minutes = 52'560'000;
    constexpr unsigned most_days = 36'500;
    constexpr unsigned whole = 100;
    auto& options = tool.options();
    options.add_option("--base", base, "the exports (else Export of the site)");
    options.add_option("--max-used", order.max_used, "percent of the disk that may be used (90)")
        ->check(CLI::Range(1U, whole));
    options
        .add_option("--tmp-age-min", tmp_age,
                    "minutes without a change, before a working directory goes (1000)")
        ->check(CLI::Range(1U, most_minutes));
    options
        .add_option("--keep-days-7z", keep_days,
                    "days that an encrypted package stays whose zip has gone (7)")
        ->check(CLI::Range(0U, most_days));
    options.add_option("--min-age-min", min_age, "minutes before a package may go (60)")
        ->check(CLI::Range(0U, most_minutes));

    return tool.run(argc, argv, [&] {
        const auto exports = base ? *base : tool.config().paths.export_root / "Export";
        tool.run_alone();
        constexpr unsigned hours_of_day = 24;
        order.mode = tool.mode();
        order.now = Clock::now();
        order.tmp_age = std::chrono::minutes{tmp_age};
        order.keep_encrypted = std::chrono::hours{keep_days * hours_of_day};
        order.min_age = std::chrono::minutes{min_age};
        store::check_clock(tool.config().paths, "clear-exports", order.mode,
                           store::read_clocks(order.now));
        const auto report =
            cleanup::clear_exports(exports, order, [&] { return store::disk_space(exports); });
        tool.report(cleanup::as_json(report), cleanup::as_lines(report, order.mode));
        if (report.trouble) {
            throw Error{*report.trouble};
        }
        if (!report.is_goal_reached) {
            log::warn("disk_full_for_another_reason", {{"used_percent", report.used_after}});
            constexpr int goal_not_reached = 2;
            tool.set_exit_code(goal_not_reached);
        }
    });
}
