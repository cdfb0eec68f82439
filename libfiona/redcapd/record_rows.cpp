// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/record_rows.h"

#include <algorithm>
#include <utility>

namespace fiona::redcapd {

namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/// The run of digits at the front, without leading zeros; removed from `text`.
std::string_view take_number(std::string_view& text)
{
    const auto end =
        std::min(static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin()),
                 text.size());
    auto number = text.substr(0, end);
    text.remove_prefix(end);
    while (number.size() > 1 && number.front() == '0') {
        number.remove_prefix(1);
    }
    return number;
}

/// Position in the schema of what the database calls by id.
std::optional<std::size_t> event_of(const Schema& schema, std::int64_t id)
{
    const auto found = std::ranges::find(schema.events, id, &Event::id);
    if (found == schema.events.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - schema.events.begin());
}

} // namespace

bool belongs(const Schema& schema, std::size_t form, const RowKey& row)
{
    if (row.form) {
        return form == *row.form;
    }
    return schema.is_designated(row.event, form) && !schema.is_repeating(row.event, form);
}

StoredRecord load_record(Database& database, const Schema& schema, std::int64_t id,
                         std::string name)
{
    StoredRecord record{id, std::move(name), {}};
    if (!schema.longitudinal) {
        record.rows[RowKey{}];
    }
    Query query{database,
                "SELECT event, instance_form, instance, field, code, value FROM value "
                "WHERE record = ?",
                id};
    while (query.next()) {
        const auto event = event_of(schema, query.integer(0));
        const auto form_name = query.text(1);
        RowKey key{event.value_or(0), schema.find_form(form_name), query.integer(2)};
        const bool event_repeats = event && schema.repeating_events.contains(*event);
        if (!event || (!form_name.empty() && !key.form)
            || (key.form && !schema.is_repeating(*event, *key.form))
            || (!key.form && key.instance != 1 && !event_repeats)) {
            continue; // of a form or event that is gone, or that repeated once
        }
        if (!event_repeats) {
            record.rows[RowKey{*event, std::nullopt, 1}];
        }
        auto& row = record.rows[key];
        if (const auto column = schema.stored_column(query.text(3), query.text(4))) {
            row.insert_or_assign(*column, query.text(5));
        }
    }
    return record;
}

std::string shown_value(const Schema& schema, const RowKey& key, const RowValues& values,
                        std::size_t column)
{
    const auto& it = schema.columns[column];
    if (!belongs(schema, it.form, key)) {
        return {};
    }
    if (const auto found = values.find(column); found != values.end()) {
        return found->second;
    }
    return it.is_checkbox || !it.field ? "0" : "";
}

bool natural_less(std::string_view left, std::string_view right)
{
    auto a = left;
    auto b = right;
    while (!a.empty() && !b.empty()) {
        if (is_digit(a.front()) && is_digit(b.front())) {
            const auto x = take_number(a);
            const auto y = take_number(b);
            if (x.size() != y.size()) {
                return x.size() < y.size();
            }
            if (x != y) {
                return x < y;
            }
            continue;
        }
        if (a.front() != b.front()) {
            return static_cast<unsigned char>(a.front()) < static_cast<unsigned char>(b.front());
        }
        a.remove_prefix(1);
        b.remove_prefix(1);
    }
    if (a.empty() != b.empty()) {
        return a.empty();
    }
    return left < right; // "1" and "01": equal numbers, but two records
}

} // namespace fiona::redcapd
