// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/projects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fiona::redcapd {

namespace {

constexpr const char* compatible_version = "14.0.0";

enum class Kind { fixed, text, flag };

/// The keys of content=project in their order, what a new project has there, and whether
/// content=project_settings may change them.
struct Setting {
    std::string_view name;
    Kind kind;
    std::string_view otherwise;
};

constexpr std::array<Setting, 27> known_settings{{
    {"project_id", Kind::fixed, ""},
    {"project_title", Kind::text, ""},
    {"creation_time", Kind::fixed, ""},
    {"production_time", Kind::fixed, ""},
    {"in_production", Kind::flag, "0"},
    {"project_language", Kind::text, "English"},
    {"purpose", Kind::flag, "0"},
    {"purpose_other", Kind::text, ""},
    {"project_notes", Kind::text, ""},
    {"custom_record_label", Kind::text, ""},
    {"secondary_unique_field", Kind::text, ""},
    {"is_longitudinal", Kind::flag, "0"},
    {"has_repeating_instruments_or_events", Kind::fixed, ""},
    {"surveys_enabled", Kind::flag, "0"},
    {"scheduling_enabled", Kind::flag, "0"},
    {"record_autonumbering_enabled", Kind::flag, "0"},
    {"randomization_enabled", Kind::flag, "0"},
    {"ddp_enabled", Kind::flag, "0"},
    {"project_irb_number", Kind::text, ""},
    {"project_grant_number", Kind::text, ""},
    {"project_pi_firstname", Kind::text, ""},
    {"project_pi_lastname", Kind::text, ""},
    {"project_pi_email", Kind::text, ""},
    {"display_today_now_button", Kind::flag, "1"},
    {"missing_data_codes", Kind::text, ""},
    {"external_modules", Kind::fixed, ""},
    {"bypass_branching_erase_field_prompt", Kind::flag, "0"},
}};

bool is_small_number(std::string_view text)
{
    return text.size() == 1 && text.front() >= '0' && text.front() <= '9';
}

TableCell setting_cell(const Schema& schema, const Setting& setting)
{
    const std::int64_t on = 1;
    const std::int64_t off = 0;
    if (setting.name == "project_id") {
        return schema.project;
    }
    if (setting.name == "project_title") {
        return schema.title;
    }
    if (setting.name == "creation_time") {
        return local_second_text(schema.created);
    }
    if (setting.name == "is_longitudinal") {
        return schema.longitudinal ? on : off;
    }
    if (setting.name == "has_repeating_instruments_or_events") {
        return schema.repeats() ? on : off;
    }
    auto text = schema.setting(setting.name, setting.otherwise);
    if (setting.kind == Kind::flag && is_small_number(text)) {
        return static_cast<std::int64_t>(text.front() - '0');
    }
    return text;
}

void set_longitudinal(const Call& call, bool wanted)
{
    const auto& schema = call.schema;
    if (wanted == schema.longitudinal) {
        return;
    }
    if (!wanted && schema.events.size() != 1) {
        throw Refusal{400, "A project with several events cannot become a classic one"};
    }
    for (const auto& event : schema.events) {
        for (const auto& form : schema.forms) { // what there is stays to be seen
            run(call.database,
                "INSERT INTO form_event (event, form) VALUES (?, ?) ON CONFLICT DO NOTHING",
                event.id, form.name);
        }
    }
    run(call.database, "UPDATE project SET longitudinal = ? WHERE id = ?", wanted, schema.project);
}

void change_setting(const Call& call, const Setting& setting, const std::string& value)
{
    if (setting.kind == Kind::flag && !is_small_number(value)) {
        throw Refusal{400, fmt::format("The value of \"{}\" is not valid", setting.name)};
    }
    if (setting.name == "is_longitudinal") {
        set_longitudinal(call, value != "0");
    } else if (setting.name == "project_title") {
        if (value.empty()) {
            throw Refusal{400, "The project title cannot be blank"};
        }
        run(call.database, "UPDATE project SET title = ? WHERE id = ?", value, call.schema.project);
    } else {
        store_setting(call.database, call.schema.project, setting.name, value);
    }
}

} // namespace

Answer export_project(const Call& call)
{
    call.require(Right::export_data);
    std::vector<std::string> names;
    std::vector<TableCell> row;
    for (const auto& setting : known_settings) {
        names.emplace_back(setting.name);
        row.push_back(setting_cell(call.schema, setting));
    }
    const auto format = call.format();
    TableWriter table{format, names, call.delimiter(), {"items", ""}};
    table.add(row);
    auto answer = table.take();
    if (format == Format::json) { // one object, not a list of one
        answer.body = answer.body.substr(1, answer.body.size() - 2);
    }
    return answer;
}

Answer import_settings(const Call& call)
{
    call.require(Right::design);
    const auto sent = data_row(call.form.text("data"), call.format(), call.delimiter());
    std::int64_t accepted = 0;
    for (const auto& setting : known_settings) {
        const auto value = sent.find(setting.name);
        if (setting.kind != Kind::fixed && value != sent.end()) {
            change_setting(call, setting, value->second);
            ++accepted;
        }
    }
    log_design(call, "Modify project settings");
    return number_answer(accepted, call.error_format);
}

Answer export_version(const Call& /*call*/)
{
    return plain_answer(compatible_version);
}

} // namespace fiona::redcapd
