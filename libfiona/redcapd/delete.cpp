// SPDX-License-Identifier: MIT
#include "libfiona/base/number.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/record_removal.h"

#include <fmt/format.h>

#include <set>

namespace fiona::redcapd {

namespace {

/// All of them exist, or nothing is deleted.
std::vector<RecordEntry> asked_records(const Call& call)
{
    const auto names = call.form.list("records");
    if (names.empty()) {
        throw Refusal{400, "The parameter \"records\" is missing or empty"};
    }
    std::vector<RecordEntry> records;
    std::string unknown;
    for (const auto& name : std::set<std::string>{names.begin(), names.end()}) {
        Query query{call.database, "SELECT id FROM record WHERE project = ? AND name = ?",
                    call.schema.project, name};
        if (query.next()) {
            records.push_back({query.integer(0), name});
        } else {
            unknown += (unknown.empty() ? "" : ", ") + name;
        }
    }
    if (!unknown.empty()) {
        throw Refusal{400, fmt::format("One or more of the records provided cannot be deleted "
                                       "because they do not exist in the project. The following "
                                       "records do not exist: {}",
                                       unknown)};
    }
    return records;
}

/// The part of a record that goes; everything if no part is named.
struct Part {
    std::optional<std::size_t> form;
    std::vector<std::int64_t> events; ///< ids
    std::optional<std::int64_t> instance;
    std::string words; ///< for the log
};

Refusal invalid(std::string_view parameter)
{
    return Refusal{400, fmt::format("The value of the parameter \"{}\" is not valid", parameter)};
}

std::vector<std::int64_t> asked_events(const Call& call, bool form_is_named)
{
    const auto& schema = call.schema;
    std::vector<std::int64_t> events;
    if (!schema.longitudinal) {
        return {schema.events.front().id};
    }
    const auto& event = call.form.text("event");
    const auto& arm = call.form.text("arm");
    if (event.empty() && form_is_named) {
        throw Refusal{400, "The parameter \"event\" is missing: it is needed with \"instrument\" "
                           "in a longitudinal project"};
    }
    if (!event.empty()) {
        const auto found = schema.find_event(event);
        if (!found) {
            throw invalid("event");
        }
        return {schema.events[*found].id};
    }
    for (const auto& it : schema.events) {
        if (arm.empty() || fmt::format("{}", it.arm) == arm) {
            events.push_back(it.id);
        }
    }
    if (events.empty()) {
        throw invalid("arm");
    }
    return events;
}

std::int64_t asked_instance(const Call& call)
{
    const auto& text = call.form.text("repeat_instance");
    const auto instance = read_number<std::int64_t>(text).value_or(0);
    if (instance < 1) {
        throw invalid("repeat_instance");
    }
    return instance;
}

std::optional<Part> asked_part(const Call& call)
{
    const auto& schema = call.schema;
    const auto& instrument = call.form.text("instrument");
    const bool names_event =
        schema.longitudinal && !(call.form.text("event").empty() && call.form.text("arm").empty());
    if (instrument.empty() && !names_event) {
        return std::nullopt;
    }
    Part part;
    part.events = asked_events(call, !instrument.empty());
    if (!instrument.empty()) {
        part.form = schema.find_form(instrument);
        if (!part.form) {
            throw invalid("instrument");
        }
        part.words = "instrument = " + instrument;
    }
    const bool whole_arm = instrument.empty() && call.form.text("event").empty();
    for (std::size_t event = 0; event < schema.events.size() && !whole_arm; ++event) {
        const bool chosen = schema.events[event].id == part.events.front();
        if (chosen
            && ((part.form && schema.is_repeating(event, *part.form))
                || schema.repeating_events.contains(event))) {
            // Without a number it is not said which one: refused rather than guessed.
            part.instance = asked_instance(call);
            part.words += fmt::format(" [instance = {}]", *part.instance);
        }
    }
    return part;
}

std::int64_t delete_fields(const Call& call, std::int64_t record, std::int64_t event,
                           const Part& part)
{
    const auto& schema = call.schema;
    std::int64_t deleted = 0;
    const auto remove = [&](const std::string& field) {
        deleted += run(call.database,
                       "DELETE FROM value WHERE record = ? AND event = ? AND instance_form = '' "
                       "AND instance = ? AND field = ?",
                       record, event, part.instance.value_or(1), field);
    };
    for (const auto& field : schema.fields) {
        if (field.form == *part.form && field.name() != schema.record_id()) {
            remove(field.name());
        }
    }
    remove(schema.forms[*part.form].complete_field());
    return deleted;
}

std::int64_t delete_part(const Call& call, std::int64_t record, const Part& part)
{
    std::int64_t deleted = 0;
    for (const auto event : part.events) {
        if (!part.form && part.instance) {
            deleted += run(call.database,
                           "DELETE FROM value WHERE record = ? AND event = ? AND "
                           "instance_form = '' AND instance = ?",
                           record, event, *part.instance);
        } else if (!part.form) {
            deleted += run(call.database, "DELETE FROM value WHERE record = ? AND event = ?",
                           record, event);
        } else {
            deleted += delete_fields(call, record, event, part);
            if (part.instance) {
                deleted += run(call.database,
                               "DELETE FROM value WHERE record = ? AND event = ? AND "
                               "instance_form = ? AND instance = ?",
                               record, event, call.schema.forms[*part.form].name, *part.instance);
            }
        }
    }
    return deleted;
}

bool holds_nothing(const Call& call, std::int64_t record)
{
    Query query{call.database, "SELECT 1 FROM value WHERE record = ? LIMIT 1", record};
    return !query.next();
}

} // namespace

Answer delete_records(const Call& call)
{
    call.require(Right::delete_data);
    const auto records = asked_records(call);
    const auto part = asked_part(call);
    for (const auto& record : records) {
        if (!part) {
            remove_record(call, record);
            continue;
        }
        if (delete_part(call, record.id, *part) == 0) {
            continue; // gone already: a repeated call changes nothing
        }
        if (holds_nothing(call, record.id)) {
            remove_record(call, record);
            continue;
        }
        remove_stray_files(call, record.id);
        run(call.database, "UPDATE record SET modified = ? WHERE id = ?", epoch_seconds(call.now),
            record.id);
        write_log(call.database, call.schema.project, call.now,
                  {call.access.account, fmt::format("Update record (API) {}", record.name),
                   fmt::format("deleted: {}", part->words), record.name});
    }
    return number_answer(static_cast<std::int64_t>(records.size()), call.error_format);
}

} // namespace fiona::redcapd
