// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/inventory/lines.h"
#include "libfiona/inventory/output.h"
#include "libfiona/inventory/patients.h"
#include "libfiona/inventory/settings.h"
#include "libfiona/inventory/study_keys.h"
#include "libfiona/pacs/research_pacs.h"

#include <unistd.h>

#include <chrono>
#include <optional>
#include <string>

namespace {

using namespace fiona;

/// The next patient's id; "" for a line that cannot be used.
std::optional<std::string> next_patient(inventory::LineReader& lines, std::size_t& refused)
{
    try {
        const auto line = lines.next();
        if (!line) {
            return std::nullopt;
        }
        const auto patient = inventory::read_line(*line);
        const auto id = patient.find("PatientID");
        return id == patient.end() ? "" : id->second;
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        ++refused;
        log::warn("line_refused", {{"line", lines.number()}, {"reason", e.what()}});
        return "";
    }
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-parse-all-patients",
                   "Ask the research PACS for the studies of patients, one line of JSON each.",
                   "fiona-get-all-patients 365 DEMO | fiona-parse-all-patients DEMO"};
    std::string project;
    std::string input = "-";
    tool.options().add_option("PROJECT", project, "only studies of this project (InstitutionName)");
    tool.options().add_option("-i,--input", input,
                              "the patients; - is standard input, the default");

    return tool.run(argc, argv, [&] {
        const dicom::Library library;
        const auto& config = tool.config();
        const auto settings = inventory::read_settings(config);
        const auto wanted = project.empty() ? std::nullopt : std::optional{ProjectName{project}};
        const auto today = std::chrono::floor<std::chrono::days>(Clock::now());
        pacs::QuerySession session{pacs::research_query(config)};
        inventory::LineReader patients{input};
        inventory::LineWriter lines{STDOUT_FILENO};
        inventory::Coverage total;
        json::Array studies;
        std::size_t refused = 0;
        const auto take = [&](const pacs::Keys& study) {
            const auto line = inventory::line_of(study);
            if (tool.json()) {
                studies.push_back(json::parse(line, "line"));
            } else {
                lines.add(line);
            }
        };
        while (const auto patient = next_patient(patients, refused)) {
            try {
                const auto coverage =
                    inventory::list_studies_of(session, {*patient, wanted}, today,
                                               {.max_answers = settings.max_answers}, take);
                total.studies += coverage.studies;
                total.queries += coverage.queries;
                total.splits += coverage.splits;
                total.gaps.insert(total.gaps.end(), coverage.gaps.begin(), coverage.gaps.end());
            } catch (const Error& e) {
                if (e.fault() != Fault::data) {
                    throw;
                }
                ++refused;
                log::warn("line_refused", {{"line", patients.number()}, {"reason", e.what()}});
            }
        }
        lines.flush();
        if (tool.json()) {
            auto document = inventory::as_object(total);
            document["studies"] = std::move(studies);
            document["refused"] = refused;
            tool.report(document, {});
        }
        log::info("studies_listed", {{"patients", patients.number()},
                                     {"studies", total.studies},
                                     {"queries", total.queries},
                                     {"refused", refused}});
        inventory::require_whole(total);
        if (refused > 0) {
            throw Error{Fault::data, "{} of {} patients cannot be asked for; the others are listed",
                        refused, patients.number()};
        }
    });
}
