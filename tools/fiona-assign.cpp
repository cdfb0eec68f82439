// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/assign_commands.h"
#include "libfiona/cli/tool.h"
#include "libfiona/routing/assign_desk.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-assign", "say which project, participant and event a study belongs to",
                   "fiona-assign assign 1.2.3.4 --project DEMO --participant DEMO_001 "
                   "--event Baseline --create-participant"};
    tool.with_dry_run();
    const cli::AssignCommands commands{tool.options()};

    return tool.run(argc, argv, [&] {
        routing::AssignDesk desk{tool.config()};
        const auto report = commands.run(desk, tool.mode(), Clock::now());
        tool.report(report.document, commands.is_plain() ? routing::tab_separated(report.rows)
                                                         : cli::table(report.rows));
        if (report.problem) {
            throw Error{*report.problem};
        }
    });
}
