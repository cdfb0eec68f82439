// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/inventory/output.h"
#include "libfiona/inventory/patients.h"
#include "libfiona/inventory/settings.h"
#include "libfiona/inventory/study_keys.h"
#include "libfiona/pacs/research_pacs.h"

#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-get-all-patients",
                   "List the patients of the research PACS, one line of JSON each.",
                   "fiona-get-all-patients | fiona-parse-all-patients | fiona-what-is-in-ids7"};
    std::optional<unsigned> days;
    std::string project;
    tool.options().add_option("DAYS", days,
                              "only studies of the last DAYS days; 0 or absent: of all days");
    tool.options().add_option("PROJECT", project, "only those of this project (InstitutionName)");

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& config = tool.config();
        const auto settings = inventory::read_settings(config);
        inventory::Selection selection;
        if (!project.empty()) {
            selection.project.emplace(project);
        }
        if (days && *days > 0) {
            selection.days = days;
        }
        pacs::QuerySession session{pacs::research_query(config)};
        inventory::LineWriter lines{STDOUT_FILENO};
        json::Array patients;
        const auto coverage = inventory::list_patients(
            session, selection, std::chrono::floor<std::chrono::days>(Clock::now()),
            {.max_answers = settings.max_answers}, [&](const pacs::Keys& patient) {
                const auto line = inventory::line_of(patient);
                if (tool.json()) {
                    patients.push_back(json::parse(line, "line"));
                } else {
                    lines.add(line);
                }
            });
        lines.flush();
        if (tool.json()) {
            auto document = inventory::as_object(coverage);
            document["patients"] = std::move(patients);
            tool.report(document, {});
        }
        log::info("patients_listed", {{"patients", coverage.studies},
                                      {"queries", coverage.queries},
                                      {"splits", coverage.splits}});
        inventory::require_whole(coverage);
    });
}
