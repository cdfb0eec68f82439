// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/projects.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

namespace fiona::redcapd {

namespace {

constexpr std::int64_t tables_version = 1;
constexpr std::int64_t application_id = 0x46524344; // "FRCD": file(1) and we tell it from others

// The record id stands in `value` like any field, once per event of the record, so that a row
// without other values exists too. `instance_form` is '' and instance 1 for data that do not
// repeat; a repeating event has '' and n.
constexpr const char* tables = R"(
CREATE TABLE project (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, title TEXT NOT NULL,
    longitudinal INTEGER NOT NULL, created INTEGER NOT NULL);
CREATE TABLE token (
    sha256 TEXT PRIMARY KEY, project INTEGER NOT NULL REFERENCES project, account TEXT NOT NULL,
    rights INTEGER NOT NULL, created INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE TABLE arm (
    project INTEGER NOT NULL REFERENCES project, number INTEGER NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (project, number)) WITHOUT ROWID;
CREATE TABLE event (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL REFERENCES project, arm INTEGER NOT NULL,
    position INTEGER NOT NULL, label TEXT NOT NULL, unique_name TEXT NOT NULL,
    UNIQUE (project, unique_name));
CREATE TABLE form (
    project INTEGER NOT NULL REFERENCES project, position INTEGER NOT NULL, name TEXT NOT NULL,
    label TEXT NOT NULL, PRIMARY KEY (project, name)) WITHOUT ROWID;
CREATE TABLE form_event (
    event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE, form TEXT NOT NULL,
    PRIMARY KEY (event, form)) WITHOUT ROWID;
CREATE TABLE repeating (
    event INTEGER NOT NULL REFERENCES event ON DELETE CASCADE, form TEXT NOT NULL,
    label TEXT NOT NULL, PRIMARY KEY (event, form)) WITHOUT ROWID;
CREATE TABLE field (
    project INTEGER NOT NULL REFERENCES project, position INTEGER NOT NULL, name TEXT NOT NULL,
    form TEXT NOT NULL, section_header TEXT NOT NULL, type TEXT NOT NULL, label TEXT NOT NULL,
    choices TEXT NOT NULL, note TEXT NOT NULL, validation TEXT NOT NULL, min TEXT NOT NULL,
    max TEXT NOT NULL, identifier TEXT NOT NULL, branching TEXT NOT NULL, required TEXT NOT NULL,
    alignment TEXT NOT NULL, question_number TEXT NOT NULL, matrix_group TEXT NOT NULL,
    matrix_ranking TEXT NOT NULL, annotation TEXT NOT NULL,
    PRIMARY KEY (project, name)) WITHOUT ROWID;
CREATE TABLE record (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL REFERENCES project, name TEXT NOT NULL,
    created INTEGER NOT NULL, modified INTEGER NOT NULL, UNIQUE (project, name));
CREATE INDEX record_modified ON record (project, modified);
CREATE TABLE value (
    record INTEGER NOT NULL REFERENCES record ON DELETE CASCADE,
    event INTEGER NOT NULL REFERENCES event, instance_form TEXT NOT NULL,
    instance INTEGER NOT NULL, field TEXT NOT NULL, code TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (record, event, instance_form, instance, field, code)) WITHOUT ROWID;
CREATE TABLE log (
    id INTEGER PRIMARY KEY, project INTEGER NOT NULL REFERENCES project, time INTEGER NOT NULL,
    account TEXT NOT NULL, action TEXT NOT NULL, details TEXT NOT NULL, record TEXT NOT NULL);
CREATE INDEX log_time ON log (project, time);
)";

std::int64_t pragma(Database& database, std::string_view statement)
{
    Query query{database, statement};
    return query.next() ? query.integer(0) : 0;
}

void load_fields(Database& database, Schema& schema)
{
    Query forms{database, "SELECT name, label FROM form WHERE project = ? ORDER BY position",
                schema.project};
    while (forms.next()) {
        schema.forms.push_back({forms.text(0), forms.text(1)});
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
        run(database, "INSERT INTO form (project, position, name, label) VALUES (?, ?, ?, ?)",
            project, i, forms[i].name, forms[i].label);
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

void prepare_tables(Database& database)
{
    Transaction transaction{database, Transaction::Kind::write};
    const auto version = pragma(database, "PRAGMA user_version");
    if (version == 0) {
        if (pragma(database, "SELECT count(*) FROM sqlite_schema") != 0) {
            throw Error{Fault::config, "the database belongs to another program"};
        }
        database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}",
                                     application_id, tables_version));
        database.execute(tables);
    } else if (pragma(database, "PRAGMA application_id") != application_id) {
        throw Error{Fault::config, "the database belongs to another program"};
    } else if (version > tables_version) {
        throw Error{Fault::config, "the database has version {}; this program knows {} only",
                    version, tables_version};
    }
    transaction.commit();
}

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
                 "SELECT id, arm, label, unique_name FROM event WHERE project = ? "
                 "ORDER BY arm, position",
                 project};
    while (events.next()) {
        schema.events.push_back(
            {events.integer(0), events.integer(1), events.text(2), events.text(3)});
    }
    for (std::size_t event = 0; event < schema.events.size(); ++event) {
        load_event_parts(database, schema, event);
    }
    schema.index();
    return schema;
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
        run(database,
            "INSERT INTO event (project, arm, position, label, unique_name) VALUES (?,?,?,?,?)",
            project, event.arm, ids.size(), event.label, event.unique_name);
        ids.push_back(database.last_row_id());
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
