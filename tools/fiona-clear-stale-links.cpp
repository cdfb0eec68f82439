// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cleanup/report.h"
#include "libfiona/cleanup/stale_links.h"
#include "libfiona/cli/tool.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-clear-stale-links", "Remove links to objects that have left the archive.",
                   "fiona-clear-stale-links --dry-run"};
    tool.with_dry_run().with_project();
    cleanup::StaleLinkOrder order;
    unsigned min_age = 60;
    bool is_forced = false;
    constexpr unsigned most_minutes = 52'560'000;
    auto& options = tool.options();
    options
        .add_option("--min-age-min", min_age,
                    "minutes before a link, a directory or a series JSON may go (60)")
        ->check(CLI::Range(1U, most_minutes));
    options
        .add_option("--max-fraction", order.max_fraction,
                    "share of all links that may be stale, if more than 1000 are (0.2)")
        ->check(CLI::Range(0.0, 1.0));
    options.add_flag("--force", is_forced,
                     "the archive is really empty, or so many links are really stale");

    return tool.run(argc, argv, [&] {
        const auto& config = tool.config();
        tool.run_alone();
        using Guard = cleanup::StaleLinkOrder::Guard;
        order.mode = tool.mode();
        order.now = Clock::now();
        order.min_age = std::chrono::minutes{min_age};
        order.guard = is_forced ? Guard::off : Guard::on;
        const auto report = cleanup::clear_stale_links(config.paths, order);
        tool.report(cleanup::as_json(report), cleanup::as_lines(report, order.mode));
        if (report.is_refused) {
            log::error("too_many_stale_links", {{"links", report.sum().links},
                                                {"stale", report.sum().stale},
                                                {"changed", "nothing"},
                                                {"do", "is a disk away? else --force"}});
            constexpr int refused = 2;
            tool.set_exit_code(refused);
        }
    });
}
