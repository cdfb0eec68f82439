// SPDX-License-Identifier: MIT
#include "libfiona/cli/redcapd_commands.h"
#include "libfiona/cli/tool.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-redcapd", "REDCap's API on SQLite, for sites and tests without a REDCap",
                   "fiona-redcapd init --db /data/redcap/redcap.db --tokens-file "
                   "/data/config/redcap.tokens"};
    tool.with_dry_run();
    const cli::RedcapdCommands commands{tool.options()};

    return tool.run(argc, argv, [&] {
        commands.run({commands.places(tool.mode()),
                      [&]() -> const Config& { return tool.config(); },
                      [&](const json::Value& document, const std::vector<std::string>& lines) {
                          tool.report(document, lines);
                      }});
    });
}
