// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/inventory/ids7_table.h"
#include "libfiona/inventory/lines.h"
#include "libfiona/inventory/output.h"
#include "libfiona/inventory/patients.h"
#include "libfiona/inventory/settings.h"
#include "libfiona/inventory/study_keys.h"
#include "libfiona/pacs/research_pacs.h"

#include <chrono>
#include <optional>
#include <string>

namespace {

using namespace fiona;

std::size_t put_lines(inventory::Ids7Table& table, const std::string& input,
                      const std::optional<ProjectName>& project)
{
    std::size_t refused = 0;
    inventory::LineReader lines{input};
    while (true) {
        try {
            const auto line = lines.next();
            if (!line) {
                return refused;
            }
            const auto study = inventory::read_line(*line);
            const auto institution = study.find("InstitutionName");
            if (!project || (institution != study.end() && institution->second == project->str())) {
                table.put(study);
            }
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            ++refused;
            log::warn("line_refused", {{"line", lines.number()}, {"reason", e.what()}});
        }
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-what-is-in-ids7",
                   "Write the studies of the research PACS to the REDCap project WhatIsInIDS7.",
                   "fiona-what-is-in-ids7 --from-pacs --dry-run"};
    std::string project;
    std::string input = "-";
    bool from_pacs = false;
    std::optional<unsigned> days;
    tool.options().add_option("PROJECT", project, "only studies of this project (InstitutionName)");
    auto* const file = tool.options().add_option(
        "-i,--input", input, "the studies, a line of JSON each; - is standard input, the default");
    auto* const flag = tool.options().add_flag(
        "--from-pacs", from_pacs, "ask the research PACS, in as many queries as it takes");
    flag->excludes(file);
    tool.options()
        .add_option("--days", days, "with --from-pacs: of the last days only")
        ->needs(flag);
    tool.with_dry_run();

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& config = tool.config();
        const auto settings = inventory::read_settings(config);
        const auto now = Clock::now();
        tool.run_alone(project);
        const auto client = redcap::connect(config.redcap, redcap::Role::ids7);
        inventory::Ids7Table table{*client, now, tool.mode()};
        const auto wanted = project.empty() ? std::nullopt : std::optional{ProjectName{project}};
        inventory::Coverage coverage;
        std::size_t refused = 0;
        if (from_pacs) {
            pacs::QuerySession session{pacs::research_query(config)};
            coverage = inventory::list_studies(session, {wanted, days},
                                               std::chrono::floor<std::chrono::days>(now),
                                               {.max_answers = settings.max_answers},
                                               [&](const pacs::Keys& study) { table.put(study); });
        } else {
            refused = put_lines(table, input, wanted);
        }
        table.flush();
        const auto& report = table.report();
        refused += report.refused;
        const auto traffic = client->traffic();
        auto document = inventory::as_object(coverage);
        document["studies"] = report.studies;
        document["added"] = report.added;
        document["changed"] = report.changed;
        document["unchanged"] = report.unchanged;
        document["refused"] = refused;
        document["calls"] = traffic.calls;
        document["rows_written"] = traffic.rows_written;
        tool.report(document,
                    {fmt::format("{} studies: {} {}added, {} changed, {} unchanged, {} refused; {} "
                                 "queries, {} calls",
                                 report.studies, report.added,
                                 tool.mode() == Mode::apply ? "" : "would be ", report.changed,
                                 report.unchanged, refused, coverage.queries, traffic.calls)});
        inventory::require_whole(coverage);
        if (refused > 0) {
            throw Error{Fault::data, "{} studies could not be written; the others are", refused};
        }
    });
}
