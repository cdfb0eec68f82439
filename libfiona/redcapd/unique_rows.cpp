// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/unique_rows.h"

#include "libfiona/redcapd/record_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace fiona::redcapd {

namespace {

using Key = std::vector<std::string>;

Key key_of(const Schema& schema, const Form& form, const RowKey& row, const RowValues& values)
{
    Key key;
    for (const auto& field : form.unique_fields) {
        const auto column = schema.find_column(field);
        key.push_back(column ? shown_value(schema, row, values, *column) : std::string{});
    }
    return key;
}

bool is_blank(const Key& key)
{
    return std::ranges::all_of(key, [](const std::string& part) { return part.empty(); });
}

} // namespace

void check_unique_rows(const Call& call, std::int64_t record, const std::string& name)
{
    const auto& schema = call.schema;
    const bool any_rule = std::ranges::any_of(
        schema.forms, [](const Form& form) { return !form.unique_fields.empty(); });
    if (!any_rule) {
        return;
    }
    const auto stored = load_record(call.database, schema, record, name);
    std::map<std::pair<std::size_t, std::size_t>, std::map<Key, std::int64_t>> seen;
    for (const auto& [row, values] : stored.rows) {
        if (!row.form || schema.forms[*row.form].unique_fields.empty()) {
            continue;
        }
        const auto& form = schema.forms[*row.form];
        const auto key = key_of(schema, form, row, values);
        const auto [first, is_new] = seen[{row.event, *row.form}].emplace(key, row.instance);
        if (!is_new && !is_blank(key)) {
            throw Refusal{
                400, fmt::format(R"("{}","redcap_repeat_instance","{}","Instance {} of '{}' holds )"
                                 R"(the same values in {}, which must be unique")",
                                 name, row.instance, first->second, form.name,
                                 fmt::join(form.unique_fields, ", "))};
        }
    }
}

} // namespace fiona::redcapd
