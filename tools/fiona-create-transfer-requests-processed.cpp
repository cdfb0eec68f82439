// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/own_receiver.h"
#include "libfiona/redcap/client.h"
#include "libfiona/transfer/returned.h"

namespace {

using namespace fiona;

json::Value as_document(const transfer::ReturnReport& report)
{
    json::Array series;
    for (const auto& item : report.series) {
        series.emplace_back(json::Object{{"study", item.study},
                                         {"series", item.series},
                                         {"project", item.project},
                                         {"state", transfer::state_name(item.state)},
                                         {"objects", item.objects},
                                         {"reason", item.reason}});
    }
    return json::Object{{"series", series}, {"handled", report.handled}, {"ours", report.ours}};
}

std::vector<std::string> as_lines(const transfer::ReturnReport& report, Mode mode)
{
    std::vector<std::string> lines;
    for (const auto& item : report.series) {
        lines.push_back(fmt::format(
            "{}{} {}: series {}, {} objects{}{}", mode == Mode::apply ? "" : "would be ",
            transfer::state_name(item.state), item.project, log::uid_tag(item.series), item.objects,
            item.reason.empty() ? "" : ": ", item.reason));
    }
    lines.push_back(fmt::format("{} series with news, {} handled before, {} of our own",
                                report.series.size(), report.handled, report.ours));
    return lines;
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-create-transfer-requests-processed",
                   "Give series that were computed on de-identified studies back to the original "
                   "studies.",
                   "fiona-create-transfer-requests-processed --dry-run"};
    tool.with_dry_run();

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& config = tool.config();
        tool.run_alone();
        const transfer::ReturnMeans means{
            config, ingest::own_receiver(config), [&]() -> std::shared_ptr<redcap::Client> {
                return redcap::connect(config.redcap, redcap::Role::incoming);
            }};
        const auto report = transfer::return_processed(means, Clock::now(), tool.mode());
        tool.report(as_document(report), as_lines(report, tool.mode()));
        if (report.problem) {
            throw Error{*report.problem};
        }
    });
}
