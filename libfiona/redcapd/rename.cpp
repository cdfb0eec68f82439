// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/record_removal.h"
#include "libfiona/redcapd/validation.h"

#include <fmt/format.h>

namespace fiona::redcapd {

namespace {

std::optional<std::int64_t> find_record(const Call& call, const std::string& name)
{
    Query query{call.database, "SELECT id FROM record WHERE project = ? AND name = ?",
                call.schema.project, name};
    return query.next() ? std::optional{query.integer(0)} : std::nullopt;
}

/// The number of the arm that is meant; nothing: the whole record.
std::optional<std::int64_t> asked_arm(const Call& call)
{
    const auto& text = call.form.text("arm");
    if (text.empty() || !call.schema.longitudinal) {
        return std::nullopt;
    }
    for (const auto& arm : call.schema.arms) {
        if (fmt::format("{}", arm.number) == text) {
            return arm.number;
        }
    }
    throw Refusal{400, "The value of the parameter \"arm\" is not valid"};
}

bool has_values_outside(const Call& call, std::int64_t record, std::int64_t arm)
{
    Query query{call.database,
                "SELECT 1 FROM value v JOIN event e ON e.id = v.event WHERE v.record = ? "
                "AND e.arm <> ? LIMIT 1",
                record, arm};
    return query.next();
}

/// Values of one arm become a record of their own. Files follow their values.
std::int64_t split_off(const Call& call, std::int64_t record, std::int64_t arm,
                       const std::string& name)
{
    const auto now = epoch_seconds(call.now);
    run(call.database, "INSERT INTO record (project, name, created, modified) VALUES (?, ?, ?, ?)",
        call.schema.project, name, now, now);
    const auto made = call.database.last_row_id();
    run(call.database,
        "UPDATE value SET record = ? WHERE record = ? AND event IN "
        "(SELECT id FROM event WHERE project = ? AND arm = ?)",
        made, record, call.schema.project, arm);
    run(call.database,
        "UPDATE file SET record = ? WHERE record = ? AND event IN "
        "(SELECT id FROM event WHERE project = ? AND arm = ?)",
        made, record, call.schema.project, arm);
    run(call.database, "UPDATE record SET modified = ? WHERE id = ?", now, record);
    return made;
}

} // namespace

Answer rename_record(const Call& call)
{
    call.require(Right::import_data);
    const auto& old_name = call.form.text("record");
    const auto& new_name = call.form.text("new_record_name");
    const auto record = find_record(call, old_name);
    if (!record) {
        throw Refusal{400, fmt::format("The record \"{}\" does not exist", old_name)};
    }
    if (!is_record_name(new_name)) {
        throw Refusal{400, "The value of the parameter \"new_record_name\" is not valid"};
    }
    if (old_name == new_name) {
        return number_answer(1, call.error_format);
    }
    if (find_record(call, new_name)) {
        throw Refusal{400, fmt::format("The record \"{}\" already exists", new_name)};
    }
    const auto arm = asked_arm(call);
    auto renamed = *record;
    if (arm && has_values_outside(call, *record, *arm)) {
        renamed = split_off(call, *record, *arm, new_name);
    } else {
        run(call.database, "UPDATE record SET name = ?, modified = ? WHERE id = ?", new_name,
            epoch_seconds(call.now), renamed);
    }
    run(call.database, "UPDATE value SET value = ? WHERE record = ? AND field = ?", new_name,
        renamed, call.schema.record_id());
    write_log(call.database, call.schema.project, call.now,
              {call.access.account, fmt::format("Update record (API) {}", new_name),
               fmt::format("{} = '{}'", call.schema.record_id(), new_name), new_name});
    return number_answer(1, call.error_format);
}

} // namespace fiona::redcapd
