// SPDX-License-Identifier: MIT
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/status/lookup.h"
#include "libfiona/status/why.h"

namespace {

using namespace fiona;

void why(cli::Tool& tool, const std::string& word)
{
    const auto& config = tool.config();
    const auto study = status::find_study(config.paths, Private<std::string>{word});
    const auto found = status::whereabouts(
        config, study, [&] { return redcap::open(config.redcap, redcap::Role::incoming); },
        Clock::now());

    std::vector<std::string> lines{fmt::format("study {} ({})", study, log::uid_tag(study.str()))};
    for (const auto& line : cli::table(status::as_rows(found))) {
        lines.push_back("  " + line);
    }
    lines.push_back(found.verdict);
    if (!found.next.empty()) {
        lines.push_back("next: " + found.next);
    }
    tool.report(status::as_json(found), lines);
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-status", "where a study is, what blocks it, what happens next",
                   "fiona-status why 1.2.3.4"};
    tool.with_project();
    tool.options().require_subcommand(1);
    std::string word;
    auto* const why_command =
        tool.options().add_subcommand("why", "where one study is, since when, and why");
    why_command->add_option("STUDY", word, "study UID, tag of a log line, or accession number")
        ->required();

    tool.leave_no_record();
    return tool.run(argc, argv, [&] { why(tool, word); });
}
