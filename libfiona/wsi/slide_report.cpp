// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide_report.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/instances.h"
#include "libfiona/redcap/outbox.h"
#include "libfiona/redcap/study_lock.h"

#include <algorithm>
#include <array>

namespace fiona::wsi {

namespace {

constexpr std::string_view field_prefix = "patho_";
constexpr std::array<std::string_view, 3> slide_keys{"patho_slide_id", "patho_series_instance_uid",
                                                     "patho_image_id"};

/// The field that tells one slide of a participant from another.
std::string key_field(const std::map<std::string, std::string, std::less<>>& values)
{
    for (const auto key : slide_keys) {
        const auto found = values.find(key);
        if (found != values.end() && !found->second.empty()) {
            return found->first;
        }
    }
    throw Error{Fault::config, "the project has neither patho_slide_id nor "
                               "patho_series_instance_uid among its fields: its slides cannot be "
                               "told apart"};
}

redcap::StudyRecord study_record(const Config& config, const Upload& upload,
                                 const UploadState& state)
{
    const auto text = [&](std::string_view key) {
        const auto found = state.added.find(key);
        return found == state.added.end() ? std::string{} : found->second.text();
    };
    const auto levels = state.result.text("levels");
    redcap::StudyRecord record{.study = StudyUid{state.study},
                               .description = {},
                               .date = {},
                               .time = {},
                               .institution = upload.project.str(),
                               .hashed_patient_name = sha256_hex(upload.participant.str()),
                               .hashed_patient_id = sha256_hex(upload.participant.str()),
                               .sender = "fiona-process-tiff",
                               .addressed = config.research_pacs.aet,
                               .accession = {},
                               .arrival_date = local_minute(state.begun),
                               .series = {}};
    record.series.push_back({.series = SeriesUid{state.series},
                             .description = "whole slide image",
                             .date = {},
                             .time = {},
                             .sequence_name = text("patho_scanner_manufacturer"),
                             .num_files = levels,
                             .classify_types = R"(["SM"])"});
    return record;
}

} // namespace

/// One research project's REDCap.
struct SlideReporter::Project {
    std::unique_ptr<redcap::Client> client;
    std::vector<redcap::Field> fields;
    std::vector<std::string> repeating;
    bool has_events;
    routing::ParticipantRows rows;

    explicit Project(std::unique_ptr<redcap::Client> opened)
        : client{std::move(opened)}, fields{client->metadata()},
          repeating{client->repeating_forms()}, has_events{!client->events().empty()}, rows{*client}
    {
    }

    [[nodiscard]] std::string event(const EventName& name) const
    {
        return has_events ? rows.event(name.str()).unique_name : std::string{};
    }
    [[nodiscard]] bool repeats(const std::string& form) const
    {
        return std::ranges::find(repeating, form) != repeating.end();
    }
};

SlideReporter::SlideReporter(const Config& config, routing::Redcaps& redcaps)
    : m_config{config}, m_redcaps{redcaps}
{
}

std::filesystem::path SlideReporter::locks() const
{
    auto directory = m_config.paths.state() / "locks";
    make_directories(directory);
    return directory;
}

SlideReporter::Project& SlideReporter::open(const ProjectName& name)
{
    auto& project = m_projects[name.str()];
    if (!project) {
        if (!m_tokens) {
            m_tokens.emplace(m_redcaps.at(redcap::Role::dtp));
        }
        project = std::make_shared<Project>(m_redcaps.projects()(m_tokens->of(name)));
    }
    return *project;
}

void SlideReporter::require_place_for(const Upload& upload)
{
    if (m_known.empty()) {
        m_known =
            redcap::research_projects(m_redcaps.at(redcap::Role::dtp), redcap::Tokens::without);
    }
    const auto known = std::ranges::find(m_known, upload.project, &redcap::ResearchProject::name);
    if (known == m_known.end() || !known->active) {
        throw Error{Fault::data, "there is no active project of that name in DataTransferProjects"};
    }
    if (!trimmed(known->participant_pattern).empty()) {
        redcap::check_participant_pattern(upload.participant, known->participant_pattern);
    }
    const auto& project = open(upload.project);
    static_cast<void>(project.event(upload.event));
    if (project.rows.find(upload.participant.str())
        == routing::ParticipantRows::Known::other_spelling) {
        throw Error{Fault::data, "a participant is there with other upper and lower case"};
    }
}

void SlideReporter::tell_project(const Upload& upload, const json::Object& content, TimePoint now)
{
    auto& project = open(upload.project);
    const FileLock lock{locks() / ("project-" + sha256_hex(upload.project.str()) + ".lock"),
                        std::chrono::seconds{30}};
    std::map<std::string, Values> forms;
    for (const auto& field : project.fields) {
        const auto value = content.find(field.name);
        if (field.name.starts_with(field_prefix) && value != content.end()
            && !value->second.text().empty()) {
            forms[field.form][field.name] = value->second.text();
        }
    }
    const auto event = project.event(upload.event);
    if (!project.rows.has(upload.participant.str(), event)) {
        const auto row = project.rows.row(upload.participant.str(), event);
        project.client->import_records({row}, redcap::Overwrite::normal);
        project.rows.add(row);
    }
    for (auto& [form, values] : forms) {
        redcap::Row place;
        place.record = upload.participant.str();
        place.event = event;
        values.emplace(form + "_complete", "2");
        if (project.repeats(form)) {
            place.instrument = form;
            write_instance(project, place, values, now);
        } else {
            write_base(project, place, values);
        }
    }
}

void SlideReporter::write_instance(Project& project, const redcap::Row& place, const Values& values,
                                   TimePoint now)
{
    const auto key = key_field(values);
    redcap::Instance instance{.record = place.record,
                              .event = place.event,
                              .instrument = place.instrument,
                              .key = {{key, values.at(key)}},
                              .values = values};
    instance.values.erase(key);
    const auto ensured = redcap::ensure_instances(*project.client, {instance}, nullptr, now,
                                                  redcap::Refusals::forget)
                             .front();
    if (ensured.refusal) {
        throw Error{Fault::data, "REDCap refuses the slide: {}", *ensured.refusal};
    }
    auto row = place;
    row.instance = ensured.row.instance;
    for (const auto& [name, value] : values) {
        if (ensured.row.value(name) != value) {
            row.values.emplace(name, value);
        }
    }
    if (!row.values.empty()) {
        project.client->import_records({row}, redcap::Overwrite::normal);
    }
}

void SlideReporter::write_base(Project& project, const redcap::Row& place, const Values& values)
{
    redcap::ExportSpec spec;
    spec.records = {place.record};
    spec.source = redcap::ExportSpec::Source::server;
    for (const auto& [name, value] : values) {
        spec.fields.push_back(name);
    }
    const auto key = key_field(values);
    auto row = place;
    row.values = values;
    for (const auto& stored : project.client->export_records(spec)) {
        if (stored.record != place.record || stored.event != place.event || stored.instance != 0) {
            continue;
        }
        const auto other = stored.value(key);
        if (!other.empty() && other != values.at(key)) {
            throw Error{Fault::config,
                        "the form of {} does not repeat and holds another slide of "
                        "the participant; make it repeat",
                        key};
        }
        std::erase_if(row.values,
                      [&](const auto& item) { return stored.value(item.first) == item.second; });
    }
    if (!row.values.empty()) {
        project.client->import_records({row}, redcap::Overwrite::normal);
    }
}

void SlideReporter::tell_incoming(const Upload& upload, const UploadState& state, TimePoint now)
{
    auto& client = m_redcaps.at(redcap::Role::incoming);
    const auto directory = locks();
    redcap::Incoming incoming{client, directory};
    incoming.record(study_record(m_config, upload, state));
    // Asked for and done in one row: nobody may see a request that still waits.
    const redcap::Instance instance{
        .record = state.study,
        .instrument = "transfers",
        .key = {{"transfer_project_name", upload.project.str()},
                {"transfer_name", upload.participant.str()},
                {"transfer_event_name", upload.event.str()}},
        .values = {{"transfer_requested_date", local_minute(state.begun)},
                   {"transfer_date", local_minute(now)},
                   {"transfer_error___1", "0"},
                   {"transfer_error___2", "0"},
                   {"transfer_error___3", "0"},
                   {"transfer_mapped_uid", state.study},
                   {"transfers_complete", "2"}},
        .exclusive = "transfer_project_name"};
    redcap::EnsuredInstance ensured;
    {
        const redcap::StudyLocks lock{directory, {StudyUid{state.study}}};
        redcap::Outbox outbox{m_config.paths.state(), redcap::Role::incoming};
        ensured =
            redcap::ensure_instances(client, {instance}, &outbox, now, redcap::Refusals::forget)
                .front();
    }
    if (ensured.refusal) {
        throw Error{Fault::data, "INCOMING refuses the slide's transfer: {}", *ensured.refusal};
    }
    if (ensured.row.value("transfer_mapped_uid") != state.study) {
        incoming.write_result({.study = StudyUid{state.study},
                               .instance = ensured.row.instance,
                               .started = now,
                               .mapped_uids = state.study});
    }
}

} // namespace fiona::wsi
