// SPDX-License-Identifier: MIT
#include "libfiona/base/number.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/record_removal.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fiona::redcapd {

namespace {

constexpr std::int64_t max_arm = 99;
constexpr std::int64_t max_days = 100'000;

Refusal badly_formatted(std::string_view reason)
{
    return Refusal{400,
                   fmt::format("The data being imported is not formatted correctly: {}", reason)};
}

std::vector<DataRow> sent_rows(const Call& call)
{
    return data_rows(call.form.text("data"), call.format(), call.delimiter());
}

/// A whole number of a row, or `otherwise` where it is blank.
std::int64_t number_in(const DataRow& row, std::string_view name, std::int64_t otherwise)
{
    const auto text = value_of(row, name);
    if (text.empty()) {
        return otherwise;
    }
    const auto number = read_number<std::int64_t>(text).value_or(-1);
    if (number < 0 || number > max_days) {
        throw badly_formatted(fmt::format("{} must be a number", name));
    }
    return number;
}

/// Whether the `arms` parameter wants that arm.
bool wants_arm(const Call& call, std::int64_t number)
{
    const auto arms = call.form.list("arms");
    return arms.empty() || std::ranges::find(arms, fmt::format("{}", number)) != arms.end();
}

/// Which records hold values in an event; they change when it goes.
void remove_event(const Call& call, const Event& event)
{
    touch_records_of_event(call, event.id);
    run(call.database, "DELETE FROM value WHERE event = ?", event.id);
    run(call.database, "DELETE FROM file WHERE event = ?", event.id);
    run(call.database, "DELETE FROM event WHERE id = ?", event.id); // its mappings go with it
}

/// Events, and what records held in them; a record that held nothing else goes, too.
void remove_events(const Call& call, const std::vector<Event>& events)
{
    for (const auto& event : events) {
        remove_event(call, event);
    }
    remove_empty_records(call);
}

std::vector<Event> events_of_arm(const Schema& schema, std::int64_t arm)
{
    std::vector<Event> events;
    std::ranges::copy_if(schema.events, std::back_inserter(events),
                         [&](const Event& event) { return event.arm == arm; });
    return events;
}

bool has_arm(const Call& call, std::int64_t number)
{
    Query query{call.database, "SELECT 1 FROM arm WHERE project = ? AND number = ?",
                call.schema.project, number};
    return query.next();
}

/// Changes the event that the row names, or makes one. `events` are those there are.
void store_sent_event(const Call& call, const DataRow& row, std::vector<Event>& events)
{
    const auto label = value_of(row, "event_name");
    const auto arm = number_in(row, "arm_num", 1);
    if (label.empty()) {
        throw badly_formatted("event_name is missing");
    }
    if (!has_arm(call, arm)) {
        throw Refusal{400, fmt::format("The arm {} does not exist", arm)};
    }
    const auto unique_name = value_of(row, "unique_event_name");
    const auto known = std::ranges::find_if(events, [&](const Event& event) {
        return unique_name.empty() ? event.arm == arm && event.label == label
                                   : event.unique_name == unique_name;
    });
    const bool is_new = known == events.end();
    auto event = is_new ? Event{} : *known;
    event.arm = is_new ? arm : event.arm; // values lie in it: it does not move
    event.label = label;
    event.custom_label = value_of(row, "custom_event_label");
    event.day_offset = number_in(row, "day_offset", event.day_offset);
    event.offset_min = number_in(row, "offset_min", event.offset_min);
    event.offset_max = number_in(row, "offset_max", event.offset_max);
    if (is_new) {
        event.unique_name = unique_event_name(label, arm, events);
        event.id = store_event(call.database, call.schema.project, event);
        events.push_back(event);
        return;
    }
    run(call.database,
        "UPDATE event SET label = ?, custom_label = ?, day_offset = ?, offset_min = ?, "
        "offset_max = ? WHERE id = ?",
        event.label, event.custom_label, event.day_offset, event.offset_min, event.offset_max,
        event.id);
    *known = event;
}

} // namespace

Answer export_events(const Call& call)
{
    call.require(Right::export_data);
    refuse_classic(call, "export events");
    const bool scheduling = call.schema.setting("scheduling_enabled") == "1";
    std::vector<std::string> columns{"event_name", "arm_num"};
    if (scheduling) {
        columns.insert(columns.end(), {"day_offset", "offset_min", "offset_max"});
    }
    columns.insert(columns.end(), {"unique_event_name", "custom_event_label", "event_id"});
    TableWriter table{call.format(), columns, call.delimiter(), {"events", "item"}};
    for (const auto& event : call.schema.events) {
        if (!wants_arm(call, event.arm)) {
            continue;
        }
        std::vector<TableCell> row{event.label, event.arm};
        if (scheduling) {
            row.insert(row.end(), {event.day_offset, event.offset_min, event.offset_max});
        }
        row.emplace_back(event.unique_name);
        row.emplace_back(event.custom_label.empty() ? TableCell{nullptr}
                                                    : TableCell{event.custom_label});
        row.emplace_back(event.id);
        table.add(row);
    }
    return table.take();
}

Answer import_events(const Call& call)
{
    call.require(Right::design);
    refuse_classic(call, "import events");
    const auto rows = sent_rows(call);
    auto events = call.schema.events;
    if (call.form.flag("override")) {
        remove_events(call, events);
        events.clear();
    }
    for (const auto& row : rows) {
        store_sent_event(call, row, events);
    }
    log_design(call, "Import events");
    return number_answer(static_cast<std::int64_t>(rows.size()), call.error_format);
}

Answer delete_events(const Call& call)
{
    call.require(Right::design);
    refuse_classic(call, "delete events");
    const auto names = call.known_list("events", [&](const std::string& name) {
        return call.schema.find_event(name).has_value();
    });
    if (names.empty()) {
        throw Refusal{400, "The parameter \"events\" is missing or empty"};
    }
    std::vector<Event> doomed;
    for (const auto& event : call.schema.events) {
        if (std::ranges::find(names, event.unique_name) != names.end()) {
            doomed.push_back(event);
        }
    }
    remove_events(call, doomed);
    log_design(call, "Delete events");
    return number_answer(static_cast<std::int64_t>(doomed.size()), call.error_format);
}

Answer export_arms(const Call& call)
{
    call.require(Right::export_data);
    refuse_classic(call, "export arms");
    TableWriter table{call.format(), {"arm_num", "name"}, call.delimiter(), {"arms", "item"}};
    for (const auto& arm : call.schema.arms) {
        const bool has_events = std::ranges::find(call.schema.events, arm.number, &Event::arm)
                                != call.schema.events.end();
        if (has_events && wants_arm(call, arm.number)) {
            table.add({arm.number, arm.name});
        }
    }
    return table.take();
}

Answer import_arms(const Call& call)
{
    call.require(Right::design);
    refuse_classic(call, "import arms");
    const auto rows = sent_rows(call);
    if (call.form.flag("override")) {
        remove_events(call, call.schema.events);
        run(call.database, "DELETE FROM arm WHERE project = ?", call.schema.project);
    }
    for (const auto& row : rows) {
        const auto number = number_in(row, "arm_num", 0);
        const auto name = value_of(row, "name");
        if (number < 1 || number > max_arm || name.empty()) {
            throw badly_formatted("every arm needs an arm_num from 1 to 99 and a name");
        }
        run(call.database,
            "INSERT INTO arm (project, number, name) VALUES (?, ?, ?) "
            "ON CONFLICT DO UPDATE SET name = excluded.name",
            call.schema.project, number, name);
    }
    log_design(call, "Import arms");
    return number_answer(static_cast<std::int64_t>(rows.size()), call.error_format);
}

Answer delete_arms(const Call& call)
{
    call.require(Right::design);
    refuse_classic(call, "delete arms");
    const auto& arms = call.schema.arms;
    const auto names = call.known_list("arms", [&](const std::string& name) {
        return std::ranges::any_of(
            arms, [&](const Arm& arm) { return fmt::format("{}", arm.number) == name; });
    });
    if (names.empty()) {
        throw Refusal{400, "The parameter \"arms\" is missing or empty"};
    }
    std::int64_t deleted = 0;
    for (const auto& arm : arms) {
        if (wants_arm(call, arm.number)) {
            remove_events(call, events_of_arm(call.schema, arm.number));
            run(call.database, "DELETE FROM arm WHERE project = ? AND number = ?",
                call.schema.project, arm.number);
            ++deleted;
        }
    }
    log_design(call, "Delete arms");
    return number_answer(deleted, call.error_format);
}

Answer export_mapping(const Call& call)
{
    call.require(Right::export_data);
    refuse_classic(call, "export form/event mappings");
    TableWriter table{call.format(),
                      {"arm_num", "unique_event_name", "form"},
                      call.delimiter(),
                      {"items", "item"}};
    for (const auto& [event, form] : call.schema.form_events) {
        const auto& it = call.schema.events[event];
        if (wants_arm(call, it.arm)) {
            table.add({it.arm, it.unique_name, call.schema.forms[form].name});
        }
    }
    return table.take();
}

Answer import_mapping(const Call& call)
{
    call.require(Right::design);
    refuse_classic(call, "import form/event mappings");
    const auto& schema = call.schema;
    const auto rows = sent_rows(call);
    for (const auto& event : schema.events) {
        run(call.database, "DELETE FROM form_event WHERE event = ?", event.id);
    }
    for (const auto& row : rows) {
        const auto event = schema.find_event(value_of(row, "unique_event_name"));
        const auto form = value_of(row, "form");
        if (!event || !schema.find_form(form)) {
            throw badly_formatted("unknown event or form");
        }
        run(call.database,
            "INSERT INTO form_event (event, form) VALUES (?, ?) ON CONFLICT DO NOTHING",
            schema.events[*event].id, form);
    }
    log_design(call, "Perform instrument-event mappings");
    return number_answer(static_cast<std::int64_t>(rows.size()), call.error_format);
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
    TableWriter table{
        call.format(), columns, call.delimiter(), {"repeatingInstrumentsAndEvents", "item"}};
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
    const auto rows = sent_rows(call);
    for (const auto& event : schema.events) {
        run(call.database, "DELETE FROM repeating WHERE event = ?", event.id);
    }
    for (const auto& row : rows) {
        const auto form = value_of(row, "form_name");
        const auto event = schema.longitudinal ? schema.find_event(value_of(row, "event_name"))
                                               : std::optional<std::size_t>{0};
        if (!event || (form.empty() && !schema.longitudinal)
            || (!form.empty() && !schema.find_form(form))) {
            throw badly_formatted("unknown event or form");
        }
        run(call.database,
            "INSERT INTO repeating (event, form, label) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            schema.events[*event].id, form, value_of(row, "custom_form_label"));
    }
    log_design(call, "Set up repeating instruments");
    return number_answer(static_cast<std::int64_t>(rows.size()), call.error_format);
}

} // namespace fiona::redcapd
