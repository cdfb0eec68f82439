// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/project_creation.h"

#include "libfiona/base/error.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/dictionary.h"
#include "libfiona/redcapd/import_rows.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/record_labels.h"
#include "libfiona/redcapd/tokens.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <utility>

namespace fiona::redcapd {

namespace {

/// What a new project has in REDCap: a form with the record id.
OdmProject blank_project()
{
    OdmProject project;
    DictionaryRow row;
    row.at(static_cast<std::size_t>(Cell::name)) = "record_id";
    row.at(static_cast<std::size_t>(Cell::form)) = "form_1";
    row.at(static_cast<std::size_t>(Cell::type)) = "text";
    row.at(static_cast<std::size_t>(Cell::label)) = "Record ID";
    auto dictionary = make_dictionary({std::move(row)}, "data");
    auto& schema = project.schema;
    schema.fields = std::move(dictionary.fields);
    schema.forms = std::move(dictionary.forms);
    schema.arms.push_back({1, "Arm 1"});
    schema.events.push_back({0, 1, "Event 1", "event_1_arm_1", "", 0, 0, 0});
    schema.index();
    return project;
}

std::string free_name(Database& database, const std::string& title)
{
    auto name = title;
    for (int number = 2; find_project(database, name); ++number) {
        name = fmt::format("{} ({})", title, number);
    }
    return name;
}

void store_files(const Call& call, const std::vector<OdmFile>& files)
{
    for (const auto& file : files) {
        FormData upload;
        upload.add("record", value_of(file.place, call.schema.record_id()));
        upload.add("field", file.field);
        upload.add("event", value_of(file.place, event_column));
        upload.add("repeat_instance", value_of(file.place, instance_column));
        upload.add_file("file", {file.name, file.bytes});
        static_cast<void>(import_file(
            {upload, call.database, call.schema, call.access, call.now, call.error_format}));
    }
}

/// Keys of the call that a blank project takes over.
constexpr std::array<std::string_view, 6> taken_settings{
    "purpose",          "purpose_other",      "project_notes",
    "project_language", "scheduling_enabled", "record_autonumbering_enabled"};

OdmProject sent_document(const FormData& form)
{
    const auto& odm = form.text("odm");
    if (odm.empty()) {
        return blank_project();
    }
    try {
        return read_odm(odm, "odm");
    } catch (const Error& e) {
        throw Refusal{406,
                      fmt::format("The value of the parameter \"odm\" is not valid: {}", e.what())};
    }
}

} // namespace

MadeProject store_odm_project(Database& database, OdmProject project, const std::string& account,
                              TimePoint now)
{
    auto& wanted = project.schema;
    wanted.name = free_name(database, wanted.title);
    wanted.created = epoch_seconds(now);
    const auto id = store_project(database, wanted);
    auto token = new_token();
    const Access access{id, account, all_rights};
    store_token(database, token, access, now);
    const auto schema = load_schema(database, id);
    const FormData no_parameters;
    const Call call{no_parameters, database, schema, access, now, Format::json};
    log_design(call, "Create project");
    store_rows(call, checked_rows(schema, project.rows));
    store_files(call, project.files);
    return {schema.name, std::move(token)};
}

SentProject create_sent_project(Database& database, const FormData& form,
                                const std::string& account, TimePoint now)
{
    const auto sent = data_row(form.text("data"), asked_format(form), asked_delimiter(form));
    auto project = sent_document(form);
    auto& schema = project.schema;
    schema.title = value_of(sent, "project_title");
    if (schema.title.empty()) {
        throw Refusal{400, "The project title is missing"};
    }
    for (const auto name : taken_settings) {
        if (const auto value = value_of(sent, name); !value.empty()) {
            schema.settings.insert_or_assign(std::string{name}, value);
        }
    }
    if (form.text("odm").empty() && value_of(sent, "is_longitudinal") == "1") {
        schema.longitudinal = true;
        schema.form_events.emplace(0, 0);
    }
    auto made = store_odm_project(database, std::move(project), account, now);
    return {plain_answer(made.token.reveal()), made.name};
}

} // namespace fiona::redcapd
