// SPDX-License-Identifier: MIT
#include "libfiona/cli/status_commands.h"
#include "libfiona/dicom/library.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-status",
                   "how the site stands, where a study is and why, what waits and what to do",
                   "fiona-status summary"};
    tool.with_dry_run();
    tool.with_project();
    cli::StatusCommands commands{tool};
    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        commands.run();
    });
}
