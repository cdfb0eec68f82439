// SPDX-License-Identifier: MIT
#include "libfiona/redcap/incoming_rows.h"

#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::redcap {

namespace {

using Values = std::map<std::string, std::string, std::less<>>;

constexpr std::string_view series_key = "series_instance_uid";
constexpr std::string_view arrival_field = "study_arrival_date";

Values study_values(const StudyRecord& study)
{
    return {{"study_description", study.description},
            {"study_date", study.date},
            {"study_time", study.time},
            {"study_institution_name", study.institution},
            {"study_patient_name", study.hashed_patient_name},
            {"study_patient_id", study.hashed_patient_id},
            {"study_aetitle_sender", study.sender},
            {"study_aetitle_addressed", study.addressed},
            {"study_accession_number", study.accession},
            {std::string{arrival_field}, study.arrival_date}};
}

Values series_values(const SeriesRecord& series)
{
    return {{std::string{series_key}, series.series.str()},
            {"series_description", series.description},
            {"series_date", series.date},
            {"series_time", series.time},
            {"series_sequence_name", series.sequence_name},
            {"series_num_files", series.num_files},
            {"series_classify_types", series.classify_types}};
}

/// REDCap may cut off blanks at the ends: values are sent and compared without them.
Values differing(const Values& wanted, const Row& stored)
{
    Values result;
    for (const auto& [field, value] : wanted) {
        const auto text = trimmed(value);
        const auto there = stored.value(field);
        const bool written_once = field == arrival_field && !trimmed(there).empty();
        if (!text.empty() && !written_once && text != trimmed(there)) {
            result.emplace(field, text);
        }
    }
    return result;
}

} // namespace

std::map<StudyUid, StoredStudy> stored_studies(const std::vector<Row>& rows)
{
    std::map<StudyUid, StoredStudy> studies;
    for (const auto& row : rows) {
        if (!is_uid(row.record)) {
            continue;
        }
        auto& stored = studies[StudyUid{row.record}];
        stored.exists = true;
        if (row.instrument.empty()) {
            stored.base = row;
        } else if (row.instrument == series_form) {
            stored.highest_instance = std::max(stored.highest_instance, row.instance);
            const auto [found, is_new] =
                stored.series.try_emplace(std::string{trimmed(row.value(series_key))}, row);
            if (!is_new && row.instance < found->second.instance) {
                found->second = row;
            }
        }
    }
    return studies;
}

std::vector<Row> missing_rows(const StudyRecord& wanted, const StoredStudy& stored)
{
    std::vector<Row> rows;
    const auto add = [&](std::string_view form, unsigned instance, Values values) {
        values.emplace(std::string{form} + "_complete", "2");
        const auto instrument = instance == 0 ? std::string_view{} : form;
        rows.push_back(
            {wanted.study.str(), {}, std::string{instrument}, instance, std::move(values)});
    };
    auto of_study = differing(study_values(wanted), stored.base);
    if (!of_study.empty() || !stored.exists) {
        add(study_form, 0, std::move(of_study));
    }
    auto next = stored.highest_instance + 1;
    for (const auto& series : wanted.series) {
        const auto found = stored.series.find(series.series.str());
        const bool is_new = found == stored.series.end();
        auto values = differing(series_values(series), is_new ? Row{} : found->second);
        if (!values.empty()) {
            add(series_form, is_new ? next++ : found->second.instance, std::move(values));
        }
    }
    return rows;
}

Transfer transfer_of(const Row& row)
{
    Transfer transfer{.study = StudyUid{row.record},
                      .instance = row.instance,
                      .project = row.value("transfer_project_name"),
                      .participant = row.value("transfer_name"),
                      .event = row.value("transfer_event_name"),
                      .requested = row.value("transfer_requested_date"),
                      .transferred = row.value("transfer_date"),
                      .mapped_uids = row.value("transfer_mapped_uid"),
                      .deidentify_error = row.value("transfer_error___1") == "1",
                      .send_error = row.value("transfer_error___2") == "1",
                      .pixels_masked = row.value("transfer_error___3") == "1",
                      .error_message = row.value("transfer_error_message")};
    return transfer;
}

bool has_all_series(const StudyRecord& wanted, const StoredStudy& stored)
{
    return std::ranges::all_of(wanted.series, [&](const SeriesRecord& series) {
        return stored.series.contains(series.series.str());
    });
}

} // namespace fiona::redcap
