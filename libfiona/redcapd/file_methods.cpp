// SPDX-License-Identifier: MIT
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/record_rows.h"
#include "libfiona/redcapd/stored_file.h"

#include <fmt/format.h>

#include <utility>

namespace fiona::redcapd {

namespace {

constexpr std::size_t max_file_name = 200;

/// Where a file lies: the place of the value that holds its number.
struct Place {
    std::int64_t record = 0;
    std::string record_name;
    std::int64_t event = 0;
    std::string form; ///< of a repeating form, else ""
    std::int64_t instance = 1;
    std::string field;
    std::string state_field; ///< `<form>_complete`
};

Refusal invalid(std::string_view parameter)
{
    return Refusal{400, fmt::format("The value of the parameter \"{}\" is not valid", parameter)};
}

std::size_t asked_event(const Call& call)
{
    if (!call.schema.longitudinal) {
        return 0;
    }
    const auto event = call.schema.find_event(call.form.text("event"));
    if (!event) {
        throw invalid("event");
    }
    return *event;
}

std::int64_t asked_instance(const Call& call)
{
    const auto& text = call.form.text("repeat_instance");
    if (text.empty()) {
        return 1; // as REDCap takes it
    }
    const auto instance = read_number<std::int64_t>(text).value_or(0);
    if (instance < 1) {
        throw invalid("repeat_instance");
    }
    return instance;
}

Place asked_place(const Call& call)
{
    const auto& schema = call.schema;
    Place place;
    place.record_name = call.form.text("record");
    Query query{call.database, "SELECT id FROM record WHERE project = ? AND name = ?",
                schema.project, place.record_name};
    if (!query.next()) {
        throw Refusal{400, fmt::format("The record \"{}\" does not exist", place.record_name)};
    }
    place.record = query.integer(0);
    place.field = call.form.text("field");
    const auto field = schema.find_field(place.field);
    if (!field || schema.fields[*field].kind != FieldKind::file) {
        throw Refusal{400, fmt::format("The field '{}' does not exist or is not a 'file' field",
                                       place.field)};
    }
    const auto event = asked_event(call);
    const auto form = schema.fields[*field].form;
    if (!schema.is_designated(event, form)) {
        throw invalid("event");
    }
    place.event = schema.events.at(event).id;
    place.state_field = schema.forms[form].complete_field();
    if (schema.is_repeating(event, form)) {
        place.form = schema.forms[form].name;
    }
    if (!place.form.empty() || schema.repeating_events.contains(event)) {
        place.instance = asked_instance(call);
    }
    return place;
}

/// Without what would break a header; a name in another script is kept in the database.
std::string header_name(std::string_view name)
{
    std::string out;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\' || c == ';' ? '_' : c;
    }
    return out;
}

void put(const Call& call, const Place& place, const std::string& field, const std::string& value)
{
    run(call.database,
        "INSERT INTO value (record, event, instance_form, instance, field, code, value) "
        "VALUES (?, ?, ?, ?, ?, '', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
        place.record, place.event, place.form, place.instance, field, value);
}

/// A value that may be there already.
void keep(const Call& call, const Place& place, const std::string& field, const std::string& value)
{
    run(call.database,
        "INSERT INTO value (record, event, instance_form, instance, field, code, value) "
        "VALUES (?, ?, ?, ?, ?, '', ?) ON CONFLICT DO NOTHING",
        place.record, place.event, place.form, place.instance, field, value);
}

std::int64_t remove_files(const Call& call, const Place& place)
{
    return run(call.database,
               "DELETE FROM file WHERE record = ? AND event = ? AND instance_form = ? "
               "AND instance = ? AND field = ?",
               place.record, place.event, place.form, place.instance, place.field);
}

void note_change(const Call& call, const Place& place, std::string_view what)
{
    run(call.database, "UPDATE record SET modified = ? WHERE id = ?", epoch_seconds(call.now),
        place.record);
    write_log(call.database, call.schema.project, call.now,
              {call.access.account, fmt::format("Update record (API) {}", place.record_name),
               fmt::format("{} ({})", place.field, what), place.record_name});
}

Answer nothing(const Call& call)
{
    return {200, std::string{content_type(call.error_format)}, ""};
}

} // namespace

Answer export_file(const Call& call)
{
    call.require(Right::export_data);
    const auto place = asked_place(call);
    Query query{call.database,
                "SELECT name, bytes FROM file WHERE record = ? AND event = ? AND "
                "instance_form = ? AND instance = ? AND field = ?",
                place.record,
                place.event,
                place.form,
                place.instance,
                place.field};
    if (!query.next()) {
        throw Refusal{400, "There is no file to download for this record"};
    }
    const auto name = header_name(query.text(0));
    return {200, fmt::format("{}; name=\"{}\"; charset=UTF-8", media_type(name), name),
            query.text(1)};
}

Answer import_file(const Call& call)
{
    call.require(Right::import_data);
    const auto place = asked_place(call);
    const auto& file = call.form.file();
    if (!file) {
        throw Refusal{400, "No valid file was uploaded"};
    }
    if (file->name.size() > max_file_name || !is_utf8(file->name)) {
        throw Refusal{400, "The name of the file is not valid"};
    }
    remove_files(call, place);
    run(call.database,
        "INSERT INTO file (record, event, instance_form, instance, field, name, bytes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        place.record, place.event, place.form, place.instance, place.field, file->name,
        Blob{file->bytes});
    put(call, place, place.field, fmt::format("{}", call.database.last_row_id()));
    auto base = place;
    if (!place.form.empty()) {
        base.form.clear();
        base.instance = 1;
    }
    keep(call, base, call.schema.record_id(), place.record_name);
    keep(call, place, place.state_field, "0");
    note_change(call, place, "file uploaded");
    return nothing(call);
}

Answer delete_file(const Call& call)
{
    call.require(Right::import_data);
    const auto place = asked_place(call);
    if (remove_files(call, place) == 0) {
        throw Refusal{400, "There is no file to delete for this record"};
    }
    run(call.database,
        "DELETE FROM value WHERE record = ? AND event = ? AND instance_form = ? AND instance = ? "
        "AND field = ?",
        place.record, place.event, place.form, place.instance, place.field);
    note_change(call, place, "file deleted");
    return nothing(call);
}

} // namespace fiona::redcapd
