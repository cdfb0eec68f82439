// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/projects.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

namespace fiona::redcapd {

namespace {

void load_fields(Database& database, Schema& schema)
{
    Query forms{database,
                "SELECT name, label, unique_fields FROM form WHERE project = ? ORDER BY position",
                schema.project};
    while (forms.next()) {
        Form form{forms.text(0), forms.text(1), {}};
        const auto unique_fields = forms.text(2);
        for (const auto field : split(unique_fields, ',')) {
            if (!field.empty()) {
                form.unique_fields.emplace_back(field);
            }
        }
        schema.forms.push_back(std::move(form));
    }
    Query fields{database,
                 "SELECT name, form, section_header, type, label, choices, note, validation, min, "
                 "max, identifier, branching, required, alignment, question_number, matrix_group, "
                 "matrix_ranking, annotation FROM field WHERE project = ? ORDER BY position",
                 schema.project};
    while (fields.next()) {
        DictionaryRow row;
        for (std::size_t i = 0; i < row.size(); ++i) {
            row.at(i) = fields.text(static_cast<int>(i));
        }
        auto field = make_field(std::move(row));
        field.form = schema.find_form(field.cell(Cell::form)).value_or(0);
        schema.fields.push_back(std::move(field));
    }
}

void load_event_parts(Database& database, Schema& schema, std::size_t event)
{
    const auto id = schema.events[event].id;
    Query mapping{database, "SELECT form FROM form_event WHERE event = ?", id};
    while (mapping.next()) {
        if (const auto form = schema.find_form(mapping.text(0))) {
            schema.form_events.emplace(event, *form);
        }
    }
    Query repeating{database, "SELECT form, label FROM repeating WHERE event = ?", id};
    while (repeating.next()) {
        const auto name = repeating.text(0);
        if (name.empty()) {
            schema.repeating_events.emplace(event, repeating.text(1));
        } else if (const auto form = schema.find_form(name)) {
            schema.repeating_forms.emplace(std::pair{event, *form}, repeating.text(1));
        }
    }
}

void store_dictionary(Database& database, std::int64_t project, const std::vector<Field>& fields,
                      const std::vector<Form>& forms)
{
    for (std::size_t i = 0; i < forms.size(); ++i) {
        run(database,
            "INSERT INTO form (project, position, name, label, unique_fields) "
            "VALUES (?, ?, ?, ?, ?)",
            project, i, forms[i].name, forms[i].label,
            fmt::format("{}", fmt::join(forms[i].unique_fields, ",")));
    }
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const auto& r = fields[i].row;
        run(database,
            "INSERT INTO field (project, position, name, form, section_header, type, label, "
            "choices, note, validation, min, max, identifier, branching, required, alignment, "
            "question_number, matrix_group, matrix_ranking, annotation) "
            "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
            project, i, r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8], r[9], r[10], r[11],
            r[12], r[13], r[14], r[15], r[16], r[17]);
    }
}

} // namespace

std::vector<ProjectEntry> list_projects(Database& database)
{
    std::vector<ProjectEntry> projects;
    Query query{database, "SELECT p.id, p.name, p.title, p.longitudinal, "
                          "(SELECT count(*) FROM record r WHERE r.project = p.id) "
                          "FROM project p ORDER BY p.id"};
    while (query.next()) {
        projects.push_back({query.integer(0), query.text(1), query.text(2), query.integer(3) != 0,
                            query.integer(4)});
    }
    return projects;
}

std::optional<ProjectEntry> find_project(Database& database, std::string_view name)
{
    std::optional<ProjectEntry> by_title;
    for (auto& project : list_projects(database)) {
        if (project.name == name) {
            return std::move(project);
        }
        if (project.title == name && !by_title) {
            by_title = std::move(project);
        }
    }
    return by_title;
}

Schema load_schema(Database& database, std::int64_t project)
{
    Schema schema;
    schema.project = project;
    Query head{database, "SELECT name, title, longitudinal, created FROM project WHERE id = ?",
               project};
    if (!head.next()) {
        throw Error{Fault::internal, "database: no project {}", project};
    }
    schema.name = head.text(0);
    schema.title = head.text(1);
    schema.longitudinal = head.integer(2) != 0;
    schema.created = head.integer(3);
    load_fields(database, schema);
    Query arms{database, "SELECT number, name FROM arm WHERE project = ? ORDER BY number", project};
    while (arms.next()) {
        schema.arms.push_back({arms.integer(0), arms.text(1)});
    }
    Query events{database,
                 "SELECT id, arm, label, unique_name, custom_label, day_offset, offset_min, "
                 "offset_max FROM event WHERE project = ? ORDER BY arm, position",
                 project};
    while (events.next()) {
        schema.events.push_back({events.integer(0), events.integer(1), events.text(2),
                                 events.text(3), events.text(4), events.integer(5),
                                 events.integer(6), events.integer(7)});
    }
    for (std::size_t event = 0; event < schema.events.size(); ++event) {
        load_event_parts(database, schema, event);
    }
    Query settings{database, "SELECT name, value FROM setting WHERE project = ?", project};
    while (settings.next()) {
        schema.settings.emplace(settings.text(0), settings.text(1));
    }
    schema.index();
    return schema;
}

std::int64_t store_event(Database& database, std::int64_t project, const Event& event)
{
    run(database,
        "INSERT INTO event (project, arm, position, label, unique_name, custom_label, day_offset, "
        "offset_min, offset_max) VALUES (?1, ?2, (SELECT coalesce(max(position), -1) + 1 FROM "
        "event WHERE project = ?1), ?3, ?4, ?5, ?6, ?7, ?8)",
        project, event.arm, event.label, event.unique_name, event.custom_label, event.day_offset,
        event.offset_min, event.offset_max);
    return database.last_row_id();
}

void store_setting(Database& database, std::int64_t project, std::string_view name,
                   std::string_view value)
{
    run(database,
        "INSERT INTO setting (project, name, value) VALUES (?, ?, ?) "
        "ON CONFLICT DO UPDATE SET value = excluded.value",
        project, name, value);
}

std::int64_t store_project(Database& database, const Schema& schema)
{
    run(database, "INSERT INTO project (name, title, longitudinal, created) VALUES (?, ?, ?, ?)",
        schema.name, schema.title, schema.longitudinal, schema.created);
    const auto project = database.last_row_id();
    store_dictionary(database, project, schema.fields, schema.forms);
    for (const auto& arm : schema.arms) {
        run(database, "INSERT INTO arm (project, number, name) VALUES (?, ?, ?)", project,
            arm.number, arm.name);
    }
    std::vector<std::int64_t> ids;
    for (const auto& event : schema.events) {
        ids.push_back(store_event(database, project, event));
    }
    for (const auto& [event, form] : schema.form_events) {
        run(database, "INSERT INTO form_event (event, form) VALUES (?, ?)", ids.at(event),
            schema.forms.at(form).name);
    }
    for (const auto& [place, label] : schema.repeating_forms) {
        run(database, "INSERT INTO repeating (event, form, label) VALUES (?, ?, ?)",
            ids.at(place.first), schema.forms.at(place.second).name, label);
    }
    for (const auto& [event, label] : schema.repeating_events) {
        run(database, "INSERT INTO repeating (event, form, label) VALUES (?, '', ?)", ids.at(event),
            label);
    }
    for (const auto& [name, value] : schema.settings) {
        store_setting(database, project, name, value);
    }
    return project;
}

void replace_dictionary(Database& database, std::int64_t project, const std::vector<Field>& fields,
                        const std::vector<Form>& forms)
{
    run(database, "DELETE FROM field WHERE project = ?", project);
    run(database, "DELETE FROM form WHERE project = ?", project);
    store_dictionary(database, project, fields, forms);
}

void write_log(Database& database, std::int64_t project, TimePoint now, const LogEntry& entry)
{
    run(database,
        "INSERT INTO log (project, time, account, action, details, record) VALUES (?,?,?,?,?,?)",
        project, epoch_seconds(now), entry.account, entry.action, entry.details, entry.record);
}

} // namespace fiona::redcapd
