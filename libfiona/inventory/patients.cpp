// SPDX-License-Identifier: MIT
#include "libfiona/inventory/patients.h"

#include "libfiona/base/error.h"
#include "libfiona/inventory/distinct.h"
#include "libfiona/inventory/study_keys.h"

#include <algorithm>

namespace fiona::inventory {

namespace {

constexpr const char* project_key = "InstitutionName";

/// What a C-FIND takes as it is: no wildcard, no list, ASCII.
bool can_be_asked(std::string_view text)
{
    return std::ranges::all_of(
        text, [](char c) { return c >= ' ' && c < '\x7f' && c != '*' && c != '?' && c != '\\'; });
}

Scope scope_of(const pacs::Keys& keys, const Selection& selection, std::chrono::sys_days today)
{
    Scope scope{keys};
    if (selection.project && can_be_asked(selection.project->str())) {
        scope.keys[project_key] = selection.project->str();
    }
    if (selection.days) {
        scope.first = today - std::chrono::days{*selection.days};
    }
    return scope;
}

/// A PACS that cannot search by InstitutionName answers with everything.
bool is_of(const std::optional<ProjectName>& project, const pacs::Keys& study)
{
    return !project || study.at(project_key) == project->str();
}

} // namespace

Coverage list_studies(pacs::QuerySession& session, const Selection& selection,
                      std::chrono::sys_days today, const Patience& patience, const OnKeys& on_study)
{
    std::size_t count = 0;
    auto coverage = enumerate_studies(session, scope_of(study_keys(), selection, today), today,
                                      patience, [&](const pacs::Keys& study) {
                                          if (is_of(selection.project, study)) {
                                              ++count;
                                              on_study(study);
                                          }
                                      });
    coverage.studies = count;
    return coverage;
}

Coverage list_patients(pacs::QuerySession& session, const Selection& selection,
                       std::chrono::sys_days today, const Patience& patience,
                       const OnKeys& on_patient)
{
    Distinct seen;
    const auto take = [&](const pacs::Keys& study) {
        const auto& id = study.at("PatientID");
        if (!id.empty() && is_of(selection.project, study) && seen.add(id)) {
            pacs::Keys patient;
            for (const auto* const keyword :
                 {"PatientID", "PatientSex", "NumberOfPatientRelatedStudies"}) {
                patient.emplace(keyword, study.at(keyword));
            }
            on_patient(patient);
        }
    };
    auto coverage = enumerate_studies(session, scope_of(patient_keys(), selection, today), today,
                                      patience, take);
    coverage.studies = seen.size();
    return coverage;
}

Coverage list_studies_of(pacs::QuerySession& session, const OnePatient& patient,
                         std::chrono::sys_days today, const Patience& patience,
                         const OnKeys& on_study)
{
    auto asked = patient.id;
    std::ranges::replace(asked, '*', '?'); // a wildcard of one character is checked below
    auto question = asked;
    std::erase(question, '?');
    if (question.empty() || !can_be_asked(question)) {
        throw Error{Fault::data,
                    "a PatientID that cannot be asked for: empty, not ASCII, wildcards "
                    "alone or with a backslash"};
    }
    auto scope = scope_of(study_keys(), {patient.project, std::nullopt}, today);
    scope.keys["PatientID"] = asked;
    std::size_t count = 0;
    auto coverage =
        enumerate_studies(session, scope, today, patience, [&](const pacs::Keys& study) {
            if (study.at("PatientID") == patient.id && is_of(patient.project, study)) {
                ++count;
                on_study(study);
            }
        });
    coverage.studies = count;
    return coverage;
}

} // namespace fiona::inventory
