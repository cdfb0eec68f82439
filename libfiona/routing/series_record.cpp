// SPDX-License-Identifier: MIT
#include "libfiona/routing/series_record.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <initializer_list>

namespace fiona::routing {

namespace {

/// The first key that is there and not empty.
std::string first_text(const json::Value& properties, std::initializer_list<std::string_view> keys)
{
    for (const auto key : keys) {
        auto text = properties.text(key);
        if (!trimmed(text).empty()) {
            return text;
        }
    }
    return {};
}

std::string caller_and_called(const json::Value& properties, std::string_view key)
{
    const auto* const connection = properties.find("IncomingConnection");
    return connection == nullptr ? std::string{} : std::string{trimmed(connection->text(key))};
}

redcap::SeriesRecord series_record(const SeriesUid& uid, const json::Value& properties)
{
    const auto* const types = properties.find("ClassifyType");
    return {.series = uid,
            .description = properties.text("SeriesDescription"),
            .date = first_text(properties, {"SeriesDate", "StudyDate"}),
            .time = first_text(properties, {"SeriesTime", "StudyTime"}),
            .sequence_name = properties.text("SequenceName"),
            .num_files = properties.text("NumFiles"),
            .classify_types = types == nullptr ? std::string{} : json::write(*types)};
}

/// Each value comes from the first series that has it. The hash of a missing name is that of the
/// empty text, as in the rows of the original.
void add_study_values(redcap::StudyRecord& record, const json::Value& properties)
{
    const auto fill = [](std::string& target, std::string text) {
        if (target.empty()) {
            target = std::move(text);
        }
    };
    const auto fill_hash = [&](std::string& target, std::string_view key) {
        if (target.empty() && !properties.text(key).empty()) {
            target = sha256_hex(properties.text(key));
        }
    };
    fill(record.description, properties.text("StudyDescription"));
    fill(record.date, properties.text("StudyDate"));
    fill(record.time, properties.text("StudyTime"));
    fill(record.institution, properties.text("InstitutionName"));
    fill(record.accession, properties.text("AccessionNumber"));
    fill(record.sender, caller_and_called(properties, "AETitleCaller"));
    fill(record.addressed, caller_and_called(properties, "AETitleCalled"));
    fill_hash(record.hashed_patient_name, "PatientName");
    fill_hash(record.hashed_patient_id, "PatientID");
}

void add_patient(std::vector<PatientLabels>& patients, const json::Value& properties)
{
    const auto id = properties.text("PatientID");
    const auto name = properties.text("PatientName");
    const bool is_known = std::ranges::any_of(patients, [&](const PatientLabels& labels) {
        return labels.id.reveal() == id && labels.name.reveal() == name;
    });
    if (!is_known) {
        patients.push_back({Private{id}, Private{name}});
    }
}

bool belongs_to(const json::Value& properties, const StudyUid& study)
{
    const auto uid = properties.text("StudyInstanceUID", study.str());
    return properties.is_object() && trimmed(uid) == study.str();
}

} // namespace

std::string StudyOnDisk::digest() const
{
    Sha256 digest;
    const auto add = [&](const std::string& text) {
        digest.add(text);
        digest.add(std::string_view{"\0", 1});
    };
    for (const auto* const text :
         {&record.description, &record.date, &record.time, &record.institution, &record.accession,
          &record.sender, &record.addressed, &record.hashed_patient_name,
          &record.hashed_patient_id}) {
        add(*text);
    }
    for (const auto& series : record.series) {
        for (const auto* const text :
             {&series.series.str(), &series.description, &series.date, &series.time,
              &series.sequence_name, &series.num_files, &series.classify_types}) {
            add(*text);
        }
    }
    return to_hex(digest.finish());
}

StudyOnDisk read_study(const store::StudyTree& tree, const StudyUid& study, TimePoint now)
{
    StudyOnDisk on_disk{.record = {.study = study,
                                   .description = {},
                                   .date = {},
                                   .time = {},
                                   .institution = {},
                                   .hashed_patient_name = {},
                                   .hashed_patient_id = {},
                                   .sender = {},
                                   .addressed = {},
                                   .accession = {},
                                   .arrival_date = local_minute(now),
                                   .series = {}},
                        .unreadable = 0,
                        .newest = {},
                        .patients = {}};
    auto& record = on_disk.record;
    for (const auto& series : tree.series(study)) {
        if (series.changed == TimePoint{}) {
            continue; // links without JSON: killed in between, the spool still has the entry
        }
        on_disk.newest = std::max(on_disk.newest, series.changed);
        if (!series.properties || !belongs_to(*series.properties, study)) {
            ++on_disk.unreadable;
            log::warn("series_set_aside", {{"study", study}, {"series", series.uid}});
            continue;
        }
        record.series.push_back(series_record(series.uid, *series.properties));
        add_study_values(record, *series.properties);
        add_patient(on_disk.patients, *series.properties);
    }
    for (auto* const hash : {&record.hashed_patient_name, &record.hashed_patient_id}) {
        if (hash->empty()) {
            *hash = sha256_hex("");
        }
    }
    return on_disk;
}

bool has_original_root(const StudyUid& study)
{
    return study.str().starts_with("1.3.6.1.4.1.45037.");
}

} // namespace fiona::routing
