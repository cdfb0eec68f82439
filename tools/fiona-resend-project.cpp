// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/cli/tool.h"
#include "libfiona/redcap/client.h"
#include "libfiona/routing/resend.h"

#include <iostream>

namespace {

using fiona::json::Array;
using fiona::json::Object;
using fiona::routing::ResendReport;
using fiona::routing::ResendSelection;

fiona::json::Value as_document(const ResendReport& report)
{
    const auto named = [](const fiona::redcap::Transfer& transfer) {
        return Object{{"study", fiona::log::uid_tag(transfer.study.str())},
                      {"project", transfer.project},
                      {"instance", transfer.instance}};
    };
    Array requested;
    for (const auto& transfer : report.requested) {
        requested.emplace_back(named(transfer));
    }
    Array problems;
    for (const auto& problem : report.problems) {
        auto item = named(problem.transfer);
        item["reason"] = fiona::log::without_uids(problem.reason);
        problems.emplace_back(std::move(item));
    }
    return Object{{"transfers", report.transfers},
                  {"requested", requested},
                  {"waiting", report.waiting},
                  {"not_due", report.not_due},
                  {"problems", problems}};
}

std::vector<std::string> as_lines(const ResendReport& report, fiona::Mode mode)
{
    std::vector<std::string> lines;
    const auto* const would = mode == fiona::Mode::apply ? "" : "would be ";
    for (const auto& transfer : report.requested) {
        lines.push_back(fmt::format("{} {} {}: {}requested again",
                                    fiona::log::uid_tag(transfer.study.str()), transfer.project,
                                    transfer.instance, would));
    }
    lines.push_back(fmt::format("{} transfers: {} {}requested again, {} waiting, {} not due, {} "
                                "problems",
                                report.transfers, report.requested.size(), would, report.waiting,
                                report.not_due, report.problems.size()));
    return lines;
}

/// UIDs of the command line; those of standard input, one each line, in the place of `-`.
std::vector<fiona::StudyUid> studies(const std::vector<std::string>& words)
{
    std::vector<fiona::StudyUid> result;
    for (const auto& word : words) {
        if (word != "-") {
            result.emplace_back(word);
            continue;
        }
        for (std::string line; std::getline(std::cin, line);) {
            if (!fiona::trimmed(line).empty()) {
                result.emplace_back(std::string{fiona::trimmed(line)});
            }
        }
    }
    return result;
}

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-resend-project", "Ask for transfers again that were done before.",
                   "fiona-resend-project --project DEMO --all --dry-run"};
    tool.with_dry_run();
    std::string project;
    std::vector<std::string> words;
    bool all = false;
    bool yes = false;
    auto& options = tool.options();
    options.add_option("--project,--importAll", project, "only transfers for this project");
    options.add_option("--study", words, "this study, whatever its dates; - reads UIDs from stdin");
    options.add_flag("--all", all, "whatever the dates; asks for --yes");
    options.add_flag("--yes", yes, "yes, really all of them");

    return tool.run(argc, argv, [&] {
        if (all && !yes && tool.mode() == Mode::apply) {
            throw Error{Fault::usage, "--all sends everything again: look with --dry-run, then add "
                                      "--yes"};
        }
        ResendSelection selection;
        selection.project = project.empty() ? std::nullopt : std::optional{ProjectName{project}};
        selection.studies = studies(words);
        if (!words.empty() && selection.studies.empty()) { // an empty list is not all of them
            tool.report(as_document({}), as_lines({}, tool.mode()));
            return;
        }
        selection.dates =
            all || !words.empty() ? ResendSelection::Dates::any : ResendSelection::Dates::due;
        const auto& config = tool.config();
        tool.run_alone();
        const auto client = redcap::connect(config.redcap, redcap::Role::incoming);
        const auto report =
            routing::resend(*client, config.paths, selection, Clock::now(), tool.mode());
        tool.report(as_document(report), as_lines(report, tool.mode()));
        if (!report.problems.empty()) {
            throw Error{Fault::data, "{} transfers cannot be asked for again; the others are",
                        report.problems.size()};
        }
    });
}
