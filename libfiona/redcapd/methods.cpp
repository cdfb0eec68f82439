// SPDX-License-Identifier: MIT
#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/dictionary.h"
#include "libfiona/redcapd/projects.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::redcapd {

namespace {

constexpr const char* compatible_version = "14.0.0";

std::vector<std::string> strings(const auto& names)
{
    return {names.begin(), names.end()};
}

/// The rows of an import of `data`, as objects, whether JSON or CSV.
std::vector<json::Object> data_rows(const Call& call)
{
    const auto& data = call.form.text("data");
    std::vector<json::Object> rows;
    try {
        if (call.format() == Format::json) {
            const auto document = json::parse(data, "data");
            for (const auto& item : document.array()) {
                rows.push_back(item.object());
            }
            return rows;
        }
        const auto cells = csv::parse(data, call.delimiter(), "data");
        for (std::size_t i = 1; i < cells.size(); ++i) {
            json::Object row;
            for (std::size_t c = 0; c < std::min(cells[i].size(), cells[0].size()); ++c) {
                row.insert_or_assign(cells[0][c], cells[i][c]);
            }
            rows.push_back(std::move(row));
        }
    } catch (const Error& e) {
        throw Refusal{
            406, fmt::format("The data being imported is not formatted correctly: {}", e.what())};
    }
    return rows;
}

/// Whether the `arms` parameter wants that arm.
bool wants_arm(const Call& call, std::int64_t number)
{
    const auto arms = call.form.list("arms");
    return arms.empty() || std::ranges::find(arms, fmt::format("{}", number)) != arms.end();
}

void refuse_classic(const Call& call, std::string_view what)
{
    if (!call.schema.longitudinal) {
        throw Refusal{400, fmt::format("You cannot export {} for classic projects", what)};
    }
}

void log_design(const Call& call, std::string details)
{
    write_log(call.database, call.schema.project, call.now,
              {call.access.account, "Manage/Design", std::move(details), ""});
}

} // namespace

Answer export_metadata(const Call& call)
{
    call.require(Right::export_data);
    const auto& schema = call.schema;
    const auto fields = call.known_list(
        "fields", [&](const std::string& name) { return schema.find_field(name).has_value(); });
    const auto forms = call.known_list(
        "forms", [&](const std::string& name) { return schema.find_form(name).has_value(); });
    TableWriter table{call.format(), strings(dictionary_keys), call.delimiter()};
    for (const auto& field : schema.fields) {
        const bool wanted = (fields.empty() && forms.empty())
                            || std::ranges::find(fields, field.name()) != fields.end()
                            || std::ranges::find(forms, field.cell(Cell::form)) != forms.end();
        if (wanted) {
            table.add({field.row.begin(), field.row.end()});
        }
    }
    return table.take();
}

Answer import_metadata(const Call& call)
{
    call.require(Right::design);
    std::vector<DictionaryRow> rows;
    for (const auto& sent : data_rows(call)) {
        DictionaryRow row;
        for (std::size_t i = 0; i < row.size(); ++i) {
            row.at(i) = json::Value{sent}.text(dictionary_keys.at(i));
        }
        rows.push_back(std::move(row));
    }
    Dictionary dictionary;
    try {
        dictionary = make_dictionary(std::move(rows), "data");
    } catch (const Error& e) {
        throw Refusal{400, e.what()};
    }
    if (dictionary.fields.front().name() != call.schema.record_id()) {
        throw Refusal{400, "The first field, which is the record ID, cannot be changed"};
    }
    for (auto& form : dictionary.forms) { // labels are no part of a dictionary: keep known ones
        if (const auto known = call.schema.find_form(form.name)) {
            form.label = call.schema.forms[*known].label;
        }
    }
    replace_dictionary(call.database, call.schema.project, dictionary.fields, dictionary.forms);
    log_design(call, "Upload data dictionary");
    return {200, std::string{content_type(call.error_format)},
            fmt::format("{}", dictionary.fields.size())};
}

Answer export_events(const Call& call)
{
    call.require(Right::export_data);
    refuse_classic(call, "events");
    TableWriter table{
        call.format(),
        {"event_name", "arm_num", "unique_event_name", "custom_event_label", "event_id"},
        call.delimiter()};
    for (const auto& event : call.schema.events) {
        if (wants_arm(call, event.arm)) {
            table.add({event.label, event.arm, event.unique_name, nullptr, event.id});
        }
    }
    return table.take();
}

Answer export_arms(const Call& call)
{
    call.require(Right::export_data);
    refuse_classic(call, "arms");
    TableWriter table{call.format(), {"arm_num", "name"}, call.delimiter()};
    for (const auto& arm : call.schema.arms) {
        const bool has_events = std::ranges::find(call.schema.events, arm.number, &Event::arm)
                                != call.schema.events.end();
        if (has_events && wants_arm(call, arm.number)) {
            table.add({arm.number, arm.name});
        }
    }
    return table.take();
}

Answer export_mapping(const Call& call)
{
    call.require(Right::export_data);
    refuse_classic(call, "form/event mappings");
    TableWriter table{call.format(), {"arm_num", "unique_event_name", "form"}, call.delimiter()};
    for (const auto& [event, form] : call.schema.form_events) {
        const auto& it = call.schema.events[event];
        if (wants_arm(call, it.arm)) {
            table.add({it.arm, it.unique_name, call.schema.forms[form].name});
        }
    }
    return table.take();
}

Answer export_instruments(const Call& call)
{
    call.require(Right::export_data);
    TableWriter table{call.format(), {"instrument_name", "instrument_label"}, call.delimiter()};
    for (const auto& form : call.schema.forms) {
        table.add({form.name, form.label});
    }
    return table.take();
}

Answer export_repeating(const Call& call)
{
    call.require(Right::export_data);
    const auto& schema = call.schema;
    if (!schema.repeats()) {
        throw Refusal{400, "You cannot export repeating instruments and events because the "
                           "project does not contain any repeating instruments and events"};
    }
    std::vector<std::string> columns{"form_name", "custom_form_label"};
    if (schema.longitudinal) {
        columns.insert(columns.begin(), "event_name");
    }
    TableWriter table{call.format(), columns, call.delimiter()};
    const auto add = [&](std::size_t event, const std::string& form, const std::string& label) {
        std::vector<TableCell> row{form, label};
        if (schema.longitudinal) {
            row.insert(row.begin(), schema.events[event].unique_name);
        }
        table.add(row);
    };
    for (std::size_t event = 0; event < schema.events.size(); ++event) {
        if (const auto whole = schema.repeating_events.find(event);
            whole != schema.repeating_events.end()) {
            add(event, "", whole->second);
        }
        for (const auto& [place, label] : schema.repeating_forms) {
            if (place.first == event) {
                add(event, schema.forms[place.second].name, label);
            }
        }
    }
    return table.take();
}

Answer import_repeating(const Call& call)
{
    call.require(Right::design);
    const auto& schema = call.schema;
    const auto rows = data_rows(call);
    for (const auto& event : schema.events) {
        run(call.database, "DELETE FROM repeating WHERE event = ?", event.id);
    }
    for (const auto& sent : rows) {
        const json::Value row{sent};
        const auto form = row.text("form_name");
        const auto event = schema.longitudinal ? schema.find_event(row.text("event_name"))
                                               : std::optional<std::size_t>{0};
        if (!event || (form.empty() && !schema.longitudinal)
            || (!form.empty() && !schema.find_form(form))) {
            throw Refusal{400, "The data being imported is not formatted correctly: unknown event "
                               "or form"};
        }
        run(call.database,
            "INSERT INTO repeating (event, form, label) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            schema.events[*event].id, form, row.text("custom_form_label"));
    }
    log_design(call, "Set up repeating instruments");
    return {200, std::string{content_type(call.error_format)}, fmt::format("{}", rows.size())};
}

Answer export_field_names(const Call& call)
{
    call.require(Right::export_data);
    const auto& schema = call.schema;
    const auto& only = call.form.text("field");
    TableWriter table{call.format(),
                      {"original_field_name", "choice_value", "export_field_name"},
                      call.delimiter()};
    bool found = only.empty();
    for (const auto& column : schema.columns) {
        const auto& name = column.field ? schema.fields[*column.field].name() : column.name;
        const bool is_file = column.field && schema.fields[*column.field].kind == FieldKind::file;
        if (!is_file && (only.empty() || only == name)) {
            table.add({name, column.code, column.name});
            found = true;
        }
    }
    if (!found) {
        throw Refusal{400, "The value of the parameter \"field\" is not valid"};
    }
    return table.take();
}

Answer export_project(const Call& call)
{
    call.require(Right::export_data);
    const auto& schema = call.schema;
    const std::int64_t on = 1;
    const std::int64_t off = 0;
    const std::vector<std::pair<std::string, TableCell>> settings{
        {"project_id", schema.project},
        {"project_title", schema.title},
        {"creation_time", local_second_text(schema.created)},
        {"production_time", ""},
        {"in_production", off},
        {"project_language", "English"},
        {"purpose", off},
        {"purpose_other", ""},
        {"project_notes", ""},
        {"custom_record_label", ""},
        {"secondary_unique_field", ""},
        {"is_longitudinal", schema.longitudinal ? on : off},
        {"has_repeating_instruments_or_events", schema.repeats() ? on : off},
        {"surveys_enabled", off},
        {"scheduling_enabled", off},
        {"record_autonumbering_enabled", off},
        {"randomization_enabled", off},
        {"ddp_enabled", off},
        {"project_irb_number", ""},
        {"project_grant_number", ""},
        {"project_pi_firstname", ""},
        {"project_pi_lastname", ""},
        {"project_pi_email", ""},
        {"display_today_now_button", on},
        {"missing_data_codes", ""},
        {"external_modules", ""},
        {"bypass_branching_erase_field_prompt", off},
    };
    std::vector<std::string> names;
    std::vector<TableCell> row;
    for (const auto& [name, value] : settings) {
        names.push_back(name);
        row.push_back(value);
    }
    const auto format = call.format();
    TableWriter table{format, names, call.delimiter()};
    table.add(row);
    auto answer = table.take();
    if (format == Format::json) { // one object, not a list of one
        answer.body = answer.body.substr(1, answer.body.size() - 2);
    }
    return answer;
}

Answer export_version(const Call& /*call*/)
{
    return plain_answer(compatible_version);
}

} // namespace fiona::redcapd
