// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/record_selection.h"

#include "libfiona/redcapd/record_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <set>

namespace fiona::redcapd {

namespace {

std::int64_t range_limit(const Call& call, const char* name, Ambiguous meant, std::int64_t fallback)
{
    const auto& text = call.form.text(name);
    if (text.empty()) {
        return fallback;
    }
    const auto seconds = local_seconds(text, meant);
    if (!seconds) {
        throw Refusal{400,
                      fmt::format("The value of the parameter \"{}\" is not valid: it must be a "
                                  "time as YYYY-MM-DD HH:MM:SS",
                                  name)};
    }
    return *seconds;
}

} // namespace

std::vector<RecordEntry> selected_records(const Call& call)
{
    const auto begin = range_limit(call, "dateRangeBegin", Ambiguous::earliest, 0);
    const auto end = range_limit(call, "dateRangeEnd", Ambiguous::latest,
                                 std::numeric_limits<std::int64_t>::max());
    const auto names = call.form.list("records");
    std::vector<RecordEntry> records;
    if (names.empty()) {
        Query query{call.database,
                    "SELECT id, name FROM record WHERE project = ? AND modified BETWEEN ? AND ?",
                    call.schema.project, begin, end};
        while (query.next()) {
            records.push_back({query.integer(0), query.text(1)});
        }
    }
    for (const auto& name : std::set<std::string>{names.begin(), names.end()}) {
        Query query{call.database,
                    "SELECT id FROM record WHERE project = ? AND name = ? "
                    "AND modified BETWEEN ? AND ?",
                    call.schema.project,
                    name,
                    begin,
                    end};
        if (query.next()) {
            records.push_back({query.integer(0), name});
        }
    }
    std::ranges::sort(records, natural_less, &RecordEntry::name);
    return records;
}

} // namespace fiona::redcapd
