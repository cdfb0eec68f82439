// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/redcap/circuit.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/transfer/runner.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace {

using namespace fiona;

json::Value to_json(const transfer::RunReport& report)
{
    json::Array items;
    for (const auto& item : report.items) {
        items.push_back(json::Object{{"study", item.study},
                                     {"project", item.project},
                                     {"participant", item.participant},
                                     {"state", item.state},
                                     {"reason", item.reason},
                                     {"counts", transfer::to_json(item.counts)},
                                     {"seconds", item.seconds}});
    }
    return json::Object{{"requests", std::move(items)}};
}

std::vector<std::string> to_lines(const transfer::RunReport& report)
{
    std::vector<std::vector<std::string>> rows;
    for (const auto& item : report.items) {
        rows.push_back(
            {item.study, item.project, item.participant, item.state,
             fmt::format("in={}", item.counts.in), fmt::format("sent={}", item.counts.stored),
             fmt::format("masked={}", item.counts.masked), fmt::format("held={}", item.counts.held),
             fmt::format("skipped={}", item.counts.skipped),
             fmt::format("refused={}", item.counts.refused),
             fmt::format("seconds={:.1f}", item.seconds)});
    }
    return cli::table(rows);
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-anonymize-send",
                   "de-identify the studies of waiting transfer requests and send them to the "
                   "research PACS",
                   "fiona-anonymize-send --max-runtime 50s"};
    tool.with_dry_run().with_project();
    std::vector<std::filesystem::path> requests;
    std::int64_t max_runtime = 0;
    tool.options().add_option("--request", requests,
                              "only this request of transfer_requests/, even before its next try; "
                              "may be repeated");
    tool.options()
        .add_option("--max-runtime", max_runtime,
                    "claim nothing more after this time, such as 50s or 2h (default: no limit)")
        ->transform(CLI::AsNumberWithUnit(
            std::map<std::string, std::int64_t>{{"s", 1}, {"m", 60}, {"h", 3600}},
            CLI::AsNumberWithUnit::CASE_SENSITIVE, "TIME"))
        ->check(CLI::PositiveNumber);

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& config = tool.config();
        transfer::Order order;
        for (const auto& request : requests) {
            order.only.push_back(request.filename().native());
        }
        if (max_runtime > 0) {
            order.max_runtime = std::chrono::seconds{max_runtime};
        }
        order.mode = tool.mode();
        if (order.mode == Mode::apply
            && redcap::is_resting(config.redcap, redcap::Role::dtp, Clock::now())) {
            return;
        }
        const auto report = transfer::run(
            {config,
             [&](redcap::Role role) { return redcap::open(config.redcap, role, order.mode); },
             Clock::now},
            order);
        tool.report(to_json(report), to_lines(report));
        if (report.problem) {
            throw Error{report.problem->fault(), "{}", report.problem->what()};
        }
    });
}
