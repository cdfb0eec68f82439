// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/store/clock_guard.h"
#include "libfiona/store/incoming_list.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-remove-old-entries", "take old studies off the list of those to assign",
                   "fiona-remove-old-entries --days 7 --dry-run"};
    tool.with_dry_run();
    std::optional<std::filesystem::path> file;
    unsigned days = 7;
    constexpr unsigned most_days = 36'500;
    tool.options().add_option("--file", file, "the list (else Assign/incoming.txt of the site)");
    tool.options()
        .add_option("--days", days, "remove what arrived so many days ago or earlier")
        ->check(CLI::Range(1U, most_days));

    return tool.run(argc, argv, [&] {
        if (file
            && !std::filesystem::exists(*file)) { // a mistake in typing; the site's may be missing
            throw Error{Fault::missing, "there is no list {}", file->native()};
        }
        const store::IncomingList list{file ? *file : tool.config().paths.incoming_list()};
        const std::chrono::hours age{24 * days};
        const auto now = Clock::now();
        if (!file) {
            store::check_clock(tool.config().paths, "remove-old-entries", tool.mode(),
                               store::read_clocks(now));
        }
        const auto cleaned = list.remove_old(now, age, tool.mode());
        tool.report(json::Object{{"kept", cleaned.kept},
                                 {"removed", cleaned.removed},
                                 {"unreadable_kept", cleaned.unreadable_kept},
                                 {"unreadable_removed", cleaned.unreadable_removed}},
                    {fmt::format("kept {}, removed {}, unreadable kept {}, unreadable removed {}",
                                 cleaned.kept, cleaned.removed, cleaned.unreadable_kept,
                                 cleaned.unreadable_removed)});
        if (cleaned.unreadable_kept > 0) {
            throw Error{Fault::data, "{} lines have no time of arrival; correct or delete them",
                        cleaned.unreadable_kept};
        }
    });
}
