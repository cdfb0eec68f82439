// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/import_rows.h"

#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/redcapd/record_rows.h"
#include "libfiona/redcapd/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>

namespace fiona::redcapd {

namespace {

constexpr const char* event_column = "redcap_event_name";
constexpr const char* instrument_column = "redcap_repeat_instrument";
constexpr const char* instance_column = "redcap_repeat_instance";
constexpr std::int64_t max_instance = 99'999'999;
constexpr std::size_t max_complaints = 1000; // the answer stays smaller than the request

/// One row as sent: column name -> text.
using SentRow = std::map<std::string, std::string, std::less<>>;

std::string json_text(const json::Value& value)
{
    if (value.is_array() || value.is_object()) {
        throw Refusal{400, "The data being imported is not formatted correctly: a value is an "
                           "array or an object"};
    }
    if (value.is_bool()) {
        return value.boolean() ? "1" : ""; // as PHP turns them into text
    }
    return value.text();
}

std::vector<SentRow> rows_of_json(const std::string& text)
{
    json::Value document;
    try {
        document = json::parse(text, "data", {.max_bytes = text.size(), .max_depth = 8});
    } catch (const Error& e) {
        throw Refusal{
            406, fmt::format("The data being imported is not formatted correctly: {}", e.what())};
    }
    if (!document.is_array()) {
        throw Refusal{400, "The data being imported is not formatted correctly: it must be an "
                           "array of objects"};
    }
    std::vector<SentRow> rows;
    for (const auto& item : document.array()) {
        if (!item.is_object()) {
            throw Refusal{400, "The data being imported is not formatted correctly: it must be "
                               "an array of objects"};
        }
        SentRow row;
        for (const auto& [key, value] : item.object()) {
            row.emplace(key, json_text(value));
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

std::vector<SentRow> rows_of_csv(const std::string& text, char delimiter)
{
    csv::Rows cells;
    try {
        cells = csv::parse(text, delimiter, "data");
    } catch (const Error& e) {
        throw Refusal{
            406, fmt::format("The data being imported is not formatted correctly: {}", e.what())};
    }
    std::vector<SentRow> rows;
    for (std::size_t i = 1; i < cells.size(); ++i) {
        if (cells[i].size() != cells[0].size()) {
            throw Refusal{400, fmt::format("The data being imported is not formatted correctly: "
                                           "row {} has {} cells, the header {}",
                                           i, cells[i].size(), cells[0].size())};
        }
        SentRow row;
        for (std::size_t cell = 0; cell < cells[i].size(); ++cell) {
            row.insert_or_assign(cells[0][cell], cells[i][cell]);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

/// Columns that exports may have and imports leave alone.
bool is_pseudo_field(const Schema& schema, std::string_view name)
{
    constexpr std::array<std::string_view, 6> names{
        event_column,
        instrument_column,
        instance_column,
        "redcap_survey_identifier",
        "redcap_data_access_group",
        "redcap_survey_timestamp",
    };
    return std::ranges::find(names, name) != names.end()
           || std::ranges::any_of(
               schema.forms, [&](const Form& form) { return name == form.name + "_timestamp"; });
}

std::string value_of(const SentRow& row, std::string_view name)
{
    const auto found = row.find(name);
    return found == row.end() ? std::string{} : found->second;
}

void add_once(std::vector<std::string>& names, const std::string& name)
{
    if (std::ranges::find(names, name) == names.end()) {
        names.push_back(name);
    }
}

std::string joined(const std::vector<std::string>& parts, std::string_view separator)
{
    return fmt::format("{}", fmt::join(parts, separator));
}

class RowCheck {
public:
    RowCheck(const Schema& schema, Blanks blanks) : m_schema{schema}, m_blanks{blanks} {}

    /// Unknown columns and events are errors of the whole import, before any value is looked at.
    void check_names(const std::vector<SentRow>& rows)
    {
        std::vector<std::string> fields;
        std::vector<std::string> events;
        for (const auto& row : rows) {
            for (const auto& [name, value] : row) {
                if (!m_schema.find_column(name) && !is_pseudo_field(m_schema, name)) {
                    add_once(fields, name);
                }
            }
            const auto event = value_of(row, event_column);
            if (m_schema.longitudinal && !event.empty() && !m_schema.find_event(event)) {
                add_once(events, event);
            }
        }
        if (!fields.empty()) {
            throw Refusal{400, fmt::format("The following fields were not found in the project as "
                                           "real data fields: {}",
                                           joined(fields, ", "))};
        }
        if (!events.empty()) {
            throw Refusal{400, fmt::format("The following values of redcap_event_name are "
                                           "invalid: {}",
                                           joined(events, ", "))};
        }
    }

    ImportRow check(const SentRow& sent)
    {
        ImportRow row;
        row.record = value_of(sent, m_schema.record_id());
        if (!is_record_name(row.record)) {
            complain(row.record, m_schema.record_id(), row.record,
                     row.record.empty() ? "The record ID is missing"
                                        : std::string{wrong_format_text});
        }
        if (const auto event = value_of(sent, event_column);
            m_schema.longitudinal && !event.empty()) {
            row.event = *m_schema.find_event(event);
        }
        check_instance(row, value_of(sent, instrument_column), value_of(sent, instance_column));
        for (const auto& [name, value] : sent) {
            if (const auto column = m_schema.find_column(name);
                column && name != m_schema.record_id()) {
                check_value(row, *column, value);
            }
        }
        return row;
    }

    void refuse_if_any() const
    {
        if (!m_complaints.empty()) {
            throw Refusal{400, joined(m_complaints, "\n")};
        }
    }

private:
    void check_instance(ImportRow& row, const std::string& instrument, const std::string& instance)
    {
        const bool event_repeats = m_schema.repeating_events.contains(row.event);
        if (!instrument.empty()) {
            const auto form = m_schema.find_form(instrument);
            if (!form || !m_schema.is_repeating(row.event, *form)) {
                complain(row.record, instrument_column, instrument,
                         "redcap_repeat_instrument must be the unique form name of a Repeating "
                         "Instrument. It currently does not match the unique form name of any "
                         "Repeating Instruments.  Please fix this in the data import file and try "
                         "again.");
                return;
            }
            row.form = form;
        } else if (!event_repeats) {
            if (!instance.empty()) {
                complain(row.record, instance_column, instance,
                         "redcap_repeat_instance cannot have a value since this instrument or "
                         "event is not a repeating instrument or repeating event, respectively.  "
                         "The redcap_repeat_instance field must be left blank for this row of "
                         "data.");
            }
            return;
        }
        if (instance == "new") {
            row.instance = 0;
            return;
        }
        const auto* const last = instance.data() + instance.size();
        const auto [end, problem] = std::from_chars(instance.data(), last, row.instance);
        if (instance.empty() || problem != std::errc{} || end != last || row.instance < 1
            || row.instance > max_instance) {
            complain(row.record, instance_column, instance, std::string{wrong_format_text});
        }
    }

    void check_value(ImportRow& row, std::size_t at, const std::string& value)
    {
        const auto& column = m_schema.columns[at];
        if (value.empty() && m_blanks == Blanks::ignore) {
            return;
        }
        if (!belongs(m_schema, column.form, {row.event, row.form, 1})) {
            // A blank there is how an export shows it; sent back, it means nothing.
            if (!value.empty()) {
                complain(row.record, column.name, value, misplaced(row, column));
            }
            return;
        }
        const bool calculated =
            column.field && m_schema.fields[*column.field].kind == FieldKind::calculated;
        if (calculated) {
            return;
        }
        if (!value.empty()) {
            if (const auto problem = value_problem(m_schema, column, value)) {
                complain(row.record, column.name, value, *problem);
                return;
            }
        }
        row.values.emplace_back(at, value);
    }

    [[nodiscard]] std::string misplaced(const ImportRow& row, const Column& column) const
    {
        const auto& form = m_schema.forms[column.form].name;
        if (row.form) {
            return fmt::format("This field ('{}') exists on an instrument named '{}', which is not "
                               "the Repeating Instrument named '{}' of this row of data. You are "
                               "not allowed to import data for this field into this Repeating "
                               "Instrument.",
                               column.name, form, m_schema.forms[*row.form].name);
        }
        if (m_schema.is_repeating(row.event, column.form)) {
            return fmt::format("This field ('{}') exists on a Repeating Instrument named '{}'. "
                               "However, the fields 'redcap_repeat_instance' and/or "
                               "'redcap_repeat_instrument' for this row of data have no value, "
                               "which are both required for importing data into a Repeating "
                               "Instrument.  You are not allowed to import data for this field "
                               "into a non-repeating instrument.",
                               column.name, form);
        }
        const auto& event = m_schema.events[row.event];
        const auto arm = std::ranges::find(m_schema.arms, event.arm, &Arm::number);
        return fmt::format("This field ('{}') exists on an instrument that is not designated for "
                           "the event named '{} (Arm {}: {})'. You are not allowed to import data "
                           "for this field into this event.",
                           column.name, event.label, event.arm,
                           arm == m_schema.arms.end() ? "" : arm->name);
    }

    void complain(std::string_view record, std::string_view field, std::string_view value,
                  std::string_view message)
    {
        if (m_complaints.size() < max_complaints) {
            const auto cell = [](std::string_view text) {
                std::string out{'"'};
                for (const char c : text) {
                    out.append(c == '"' ? 2 : 1, c);
                }
                return out + '"';
            };
            m_complaints.push_back(
                fmt::format("{},{},{},{}", cell(record), cell(field), cell(value), cell(message)));
        }
    }

    const Schema& m_schema;
    Blanks m_blanks;
    std::vector<std::string> m_complaints;
};

} // namespace

std::vector<ImportRow> checked_rows(const Call& call, Blanks blanks)
{
    const auto& data = call.form.text("data");
    const auto sent =
        call.format() == Format::json ? rows_of_json(data) : rows_of_csv(data, call.delimiter());
    RowCheck check{call.schema, blanks};
    check.check_names(sent);
    std::vector<ImportRow> rows;
    rows.reserve(sent.size());
    for (const auto& row : sent) {
        rows.push_back(check.check(row));
    }
    check.refuse_if_any();
    return rows;
}

} // namespace fiona::redcapd
