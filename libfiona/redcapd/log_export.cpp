// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/call.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

namespace fiona::redcapd {

namespace {

/// `logtype` -> what the action begins with. Exports, log-ins and page views are not logged here.
constexpr std::array<std::pair<std::string_view, std::string_view>, 9> log_types{{
    {"record_add", "Create record%"},
    {"record_edit", "Update record%"},
    {"record_delete", "Delete record%"},
    {"record", "% record (API) %"},
    {"manage", "Manage/Design%"},
    {"export", "Data export%"},
    {"user", "User%"},
    {"lock_record", "Lock%"},
    {"page_view", "Page view%"},
}};

std::string_view action_pattern(std::string_view type)
{
    if (type.empty()) {
        return "%";
    }
    for (const auto& [name, pattern] : log_types) {
        if (name == type) {
            return pattern;
        }
    }
    throw Refusal{400, "The value of the parameter \"logtype\" is not valid"};
}

std::int64_t time_limit(const Call& call, const char* name, Ambiguous meant, std::int64_t fallback)
{
    const auto& text = call.form.text(name);
    if (text.empty()) {
        return fallback;
    }
    const auto seconds = local_seconds(text, meant);
    if (!seconds) {
        throw Refusal{400, fmt::format("The value of the parameter \"{}\" is not valid: it must "
                                       "be a time as YYYY-MM-DD HH:MM",
                                       name)};
    }
    return *seconds;
}

} // namespace

Answer export_log(const Call& call)
{
    call.require(Right::logging);
    const auto begin = time_limit(call, "beginTime", Ambiguous::earliest, 0);
    // Minute resolution: the whole last minute is meant.
    constexpr auto forever = std::numeric_limits<std::int64_t>::max() - 60;
    const auto end = time_limit(call, "endTime", Ambiguous::latest, forever) + 59;
    const auto& record = call.form.text("record");
    const auto& user = call.form.text("user");
    TableWriter table{
        call.format(), {"timestamp", "username", "action", "details", "record"}, call.delimiter()};
    Query query{call.database,
                "SELECT time, account, action, details, record FROM log WHERE project = ?1 "
                "AND time BETWEEN ?2 AND ?3 AND action LIKE ?4 AND (?5 = '' OR record = ?5) "
                "AND (?6 = '' OR account = ?6) ORDER BY id DESC",
                call.schema.project,
                begin,
                end,
                action_pattern(call.form.text("logtype")),
                record,
                user};
    while (query.next()) {
        table.add({local_minute_text(query.integer(0)), query.text(1), query.text(2), query.text(3),
                   query.text(4)});
    }
    return table.take();
}

} // namespace fiona::redcapd
