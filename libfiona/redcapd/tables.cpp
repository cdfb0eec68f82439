// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcapd/projects.h"

#include <fmt/format.h>

namespace fiona::redcapd {

namespace {

constexpr std::int64_t tables_version = 3;
constexpr std::int64_t application_id = 0x46524344; // "FRCD": file(1) and we tell it from others

// The record id stands in `value` like any field, once per event of the record, so that a row
// without other values exists too. `instance_form` is '' and instance 1 for data that do not
// repeat; a repeating event has '' and n.
constexpr const char* first_version = R"(
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

// What version 2 adds. `file` lies at the place of the value that names it by its id, and goes with
// it. `answered` holds answers for fiona_request_id; a form's `unique_fields` are joined by commas.
constexpr const char* second_version = R"(
ALTER TABLE event ADD COLUMN custom_label TEXT NOT NULL DEFAULT '';
ALTER TABLE event ADD COLUMN day_offset INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN offset_min INTEGER NOT NULL DEFAULT 0;
ALTER TABLE event ADD COLUMN offset_max INTEGER NOT NULL DEFAULT 0;
ALTER TABLE form ADD COLUMN unique_fields TEXT NOT NULL DEFAULT '';
CREATE TABLE setting (
    project INTEGER NOT NULL REFERENCES project, name TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (project, name)) WITHOUT ROWID;
CREATE TABLE account (
    project INTEGER NOT NULL REFERENCES project, name TEXT NOT NULL, key TEXT NOT NULL,
    value TEXT NOT NULL, PRIMARY KEY (project, name, key)) WITHOUT ROWID;
CREATE TABLE super_token (
    sha256 TEXT PRIMARY KEY, account TEXT NOT NULL, created INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE file (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    record INTEGER NOT NULL REFERENCES record ON DELETE CASCADE, event INTEGER NOT NULL,
    instance_form TEXT NOT NULL, instance INTEGER NOT NULL, field TEXT NOT NULL,
    name TEXT NOT NULL, bytes BLOB NOT NULL);
CREATE INDEX file_place ON file (record, event, instance_form, instance, field);
CREATE TABLE answered (
    project INTEGER NOT NULL REFERENCES project, request TEXT NOT NULL, time INTEGER NOT NULL,
    digest TEXT NOT NULL, content_type TEXT NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (project, request)) WITHOUT ROWID;
CREATE INDEX answered_time ON answered (time);
)";

// What version 3 adds. `fields` are joined by commas. AUTOINCREMENT: the number of a report that was
// removed never names another one.
constexpr const char* third_version = R"(
CREATE TABLE report (
    id INTEGER PRIMARY KEY AUTOINCREMENT, project INTEGER NOT NULL REFERENCES project,
    title TEXT NOT NULL, fields TEXT NOT NULL, filter TEXT NOT NULL, UNIQUE (project, title));
)";

std::int64_t pragma(Database& database, std::string_view statement)
{
    Query query{database, statement};
    return query.next() ? query.integer(0) : 0;
}

} // namespace

void prepare_tables(Database& database)
{
    Transaction transaction{database, Transaction::Kind::write};
    const auto version = pragma(database, "PRAGMA user_version");
    if (version == 0 && pragma(database, "SELECT count(*) FROM sqlite_schema") != 0) {
        throw Error{Fault::config, "the database belongs to another program"};
    }
    if (version != 0 && pragma(database, "PRAGMA application_id") != application_id) {
        throw Error{Fault::config, "the database belongs to another program"};
    }
    if (version > tables_version) {
        throw Error{Fault::config, "the database has version {}; this program knows {} only",
                    version, tables_version};
    }
    if (version < 1) {
        database.execute(fmt::format("PRAGMA application_id = {}", application_id));
        database.execute(first_version);
    }
    if (version < 2) {
        database.execute(second_version);
    }
    if (version < 3) {
        database.execute(third_version);
    }
    if (version < tables_version) {
        database.execute(fmt::format("PRAGMA user_version = {}", tables_version));
        transaction.commit();
    }
}

} // namespace fiona::redcapd
