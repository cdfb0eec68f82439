// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/record_removal.h"

#include "libfiona/redcapd/projects.h"

#include <fmt/format.h>

#include <vector>

namespace fiona::redcapd {

namespace {

std::vector<RecordEntry> entries(Query& query)
{
    std::vector<RecordEntry> records;
    while (query.next()) {
        records.push_back({query.integer(0), query.text(1)});
    }
    return records;
}

} // namespace

void remove_record(const Call& call, const RecordEntry& record)
{
    run(call.database, "DELETE FROM record WHERE id = ?", record.id); // values and files go with it
    write_log(call.database, call.schema.project, call.now,
              {call.access.account, fmt::format("Delete record (API) {}", record.name),
               fmt::format("{} = '{}'", call.schema.record_id(), record.name), record.name});
}

void remove_stray_files(const Call& call, std::int64_t record)
{
    run(call.database,
        "DELETE FROM file WHERE record = ? AND NOT EXISTS (SELECT 1 FROM value v WHERE "
        "v.record = file.record AND v.event = file.event AND v.instance_form = file.instance_form "
        "AND v.instance = file.instance AND v.field = file.field)",
        record);
}

void remove_empty_records(const Call& call)
{
    Query query{call.database,
                "SELECT id, name FROM record WHERE project = ? AND NOT EXISTS "
                "(SELECT 1 FROM value WHERE value.record = record.id)",
                call.schema.project};
    for (const auto& record : entries(query)) {
        remove_record(call, record);
    }
}

void touch_records_of_event(const Call& call, std::int64_t event)
{
    Query query{call.database,
                "SELECT id, name FROM record WHERE project = ? AND EXISTS "
                "(SELECT 1 FROM value WHERE value.record = record.id AND value.event = ?)",
                call.schema.project, event};
    for (const auto& record : entries(query)) {
        run(call.database, "UPDATE record SET modified = ? WHERE id = ?", epoch_seconds(call.now),
            record.id);
        write_log(call.database, call.schema.project, call.now,
                  {call.access.account, fmt::format("Update record (API) {}", record.name),
                   "deleted: an event", record.name});
    }
}

} // namespace fiona::redcapd
