// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/redcap_run.h"
#include "libfiona/cli/tool.h"
#include "libfiona/routing/transfer_requests.h"

#include <chrono>

namespace {

using fiona::json::Array;
using fiona::json::Object;

fiona::json::Value as_document(const fiona::routing::FilingReport& report,
                               const fiona::redcap::Traffic& traffic, double seconds)
{
    Array filed;
    for (const auto& item : report.filed) {
        filed.emplace_back(
            Object{{"study", fiona::log::uid_tag(item.request.study.str())},
                   {"project", item.request.project.str()},
                   {"instance", item.request.instance},
                   {"reason", std::string{fiona::routing::decision_name(item.reason)}}});
    }
    return Object{{"transfers", report.transfers},
                  {"filed", filed},
                  {"pending", report.pending},
                  {"sent", report.sent},
                  {"arriving", report.arriving},
                  {"incomplete", report.incomplete},
                  {"source_missing", report.source_missing},
                  {"failed", report.failed},
                  {"refused", report.refused},
                  {"calls", traffic.calls},
                  {"bytes_received", traffic.bytes_received},
                  {"rows_read", traffic.rows_read},
                  {"seconds", seconds}};
}

std::vector<std::string> as_lines(const fiona::routing::FilingReport& report,
                                  const fiona::redcap::Traffic& traffic, fiona::Mode mode,
                                  double seconds)
{
    std::vector<std::string> lines;
    for (const auto& item : report.filed) {
        lines.push_back(
            fmt::format("{} {} {} {}: {}", mode == fiona::Mode::apply ? "filed" : "would file",
                        fiona::log::uid_tag(item.request.study.str()), item.request.project,
                        item.request.instance, fiona::routing::decision_name(item.reason)));
    }
    lines.push_back(fmt::format(
        "{} transfers: {} filed, {} pending, {} sent, {} arriving, {} without source, {} failed, "
        "{} incomplete, {} refused; {} calls, {} rows read, {:.1f} s",
        report.transfers, mode == fiona::Mode::apply ? report.filed.size() : 0, report.pending,
        report.sent, report.arriving, report.source_missing, report.failed, report.incomplete,
        report.refused, traffic.calls, traffic.rows_read, seconds));
    return lines;
}

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-create-transfer-requests",
                   "Turn the transfers of the REDCap project Incoming into request files.",
                   "fiona-create-transfer-requests --dry-run"};
    tool.with_dry_run();
    const cli::RedcapRun redcap_run{tool};

    return tool.run(argc, argv, [&] {
        const auto started = std::chrono::steady_clock::now();
        const auto& config = tool.config();
        redcap_run([&](routing::Redcaps& redcaps) {
            const auto report = routing::file_transfer_requests(redcaps.at(redcap::Role::incoming),
                                                                config, Clock::now(), tool.mode());
            const std::chrono::duration<double> elapsed =
                std::chrono::steady_clock::now() - started;
            const auto traffic = redcaps.traffic();
            tool.report(as_document(report, traffic, elapsed.count()),
                        as_lines(report, traffic, tool.mode(), elapsed.count()));
            if (report.refused > 0) {
                throw Error{Fault::data, "{} transfers cannot be used; the others are handled",
                            report.refused};
            }
        });
    });
}
