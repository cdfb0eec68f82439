// SPDX-License-Identifier: MIT
#include "libfiona/inventory/study_keys.h"

#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>

namespace fiona::inventory {

namespace {

enum class Kind { text, name, count };

struct FieldOf {
    const char* keyword;
    const char* field;
    Kind kind;
};

// The anonymizer puts the project into InstitutionName and the event into ReferringPhysicianName.
constexpr std::array fields{
    FieldOf{"PatientName", "ids7_patient_name", Kind::name},
    FieldOf{"PatientID", "ids7_patient_id", Kind::text},
    FieldOf{"StudyDescription", "ids7_study_description", Kind::text},
    FieldOf{"NumberOfStudyRelatedSeries", "ids7_number_of_series", Kind::count},
    FieldOf{"NumberOfStudyRelatedInstances", "ids7_number_of_instances", Kind::count},
    FieldOf{"InstitutionName", "ids7_institution_name", Kind::text},
    FieldOf{"ReferringPhysicianName", "ids7_referring_physician", Kind::name},
    FieldOf{"StudyTime", "ids7_study_time", Kind::text},
    FieldOf{"StudyDate", "ids7_study_date", Kind::text},
    FieldOf{"StudyID", "ids7_study_id", Kind::text},
    FieldOf{"AccessionNumber", "ids7_accession_number", Kind::text},
    FieldOf{"ModalitiesInStudy", "ids7_modalities", Kind::text}};

std::string field_text(std::string value, Kind kind)
{
    if (kind == Kind::name) {
        value.resize(std::min(value.size(), value.find('='))); // PS3.5 §6.2.1.2
    }
    std::ranges::replace(value, '\\', ',');
    const bool is_number = std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    return kind == Kind::count && !is_number ? "" : std::string{trimmed(value)};
}

} // namespace

const pacs::Keys& study_keys()
{
    static const pacs::Keys keys = [] {
        pacs::Keys made{{"StudyInstanceUID", ""}};
        for (const auto& field : fields) {
            made.emplace(field.keyword, "");
        }
        return made;
    }();
    return keys;
}

const pacs::Keys& patient_keys()
{
    static const pacs::Keys keys{
        {"PatientID", ""},       {"PatientSex", ""}, {"NumberOfPatientRelatedStudies", ""},
        {"InstitutionName", ""}, {"StudyDate", ""},  {"StudyInstanceUID", ""}};
    return keys;
}

std::string line_of(const pacs::Keys& keys)
{
    json::Object object;
    for (const auto& [keyword, value] : keys) {
        object.emplace(keyword, value);
    }
    return json::write(object);
}

pacs::Keys read_line(std::string_view line)
{
    const auto document = json::parse(line, "line");
    if (!document.is_object()) {
        throw Error{Fault::data, "a line is no JSON object"};
    }
    pacs::Keys keys;
    for (const auto& [keyword, value] : document.object()) {
        if (!value.is_string() && !value.is_number()) {
            throw Error{Fault::data, "a line has a member that is no text"};
        }
        keys.emplace(keyword, value.text());
    }
    return keys;
}

redcap::Row ids7_row(const pacs::Keys& study)
{
    const auto uid = study.find("StudyInstanceUID");
    if (uid == study.end() || !is_uid(uid->second)) {
        throw Error{Fault::data, "a study without a legal StudyInstanceUID"};
    }
    redcap::Row row;
    row.record = uid->second;
    for (const auto& field : fields) {
        const auto value = study.find(field.keyword);
        row.values[field.field] = value == study.end() ? "" : field_text(value->second, field.kind);
    }
    return row;
}

} // namespace fiona::inventory
