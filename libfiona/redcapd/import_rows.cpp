// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/import_rows.h"

#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/record_rows.h"
#include "libfiona/redcapd/validation.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

namespace fiona::redcapd {

namespace {

constexpr const char* event_column = "redcap_event_name";
constexpr const char* instrument_column = "redcap_repeat_instrument";
constexpr const char* instance_column = "redcap_repeat_instance";
constexpr std::int64_t max_instance = 99'999'999;
constexpr std::size_t max_complaints = 1000; // the answer stays smaller than the request

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

/// `1/2/2024` or `01-02-2024` -> `2024-02-01`, and what follows it; anything else stays as it is and
/// is refused later.
std::string year_first(const std::string& value, Dates dates)
{
    const auto end = std::min(value.find(' '), value.size());
    auto date = value.substr(0, end);
    std::ranges::replace_if(
        date, [](char c) { return c == '/' || c == '.'; }, '-');
    const auto parts = split(date, '-');
    const auto fits = [](std::string_view part, std::size_t least, std::size_t most) {
        return part.size() >= least && part.size() <= most
               && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    };
    if (parts.size() != 3 || !fits(parts[0], 1, 2) || !fits(parts[1], 1, 2)
        || !fits(parts[2], 4, 4)) {
        return value;
    }
    const auto month = dates == Dates::month_first ? parts[0] : parts[1];
    const auto day = dates == Dates::month_first ? parts[1] : parts[0];
    return fmt::format("{}-{:0>2}-{:0>2}{}", parts[2], month, day, value.substr(end));
}

class RowCheck {
public:
    RowCheck(const Schema& schema, ImportStyle style) : m_schema{schema}, m_style{style} {}

    /// Unknown columns and events are errors of the whole import, before any value is looked at.
    void check_names(const std::vector<DataRow>& rows)
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

    ImportRow check(const DataRow& sent)
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
        row.instance = read_number<std::int64_t>(instance).value_or(0);
        if (row.instance < 1 || row.instance > max_instance) {
            complain(row.record, instance_column, instance, std::string{wrong_format_text});
        }
    }

    void check_value(ImportRow& row, std::size_t at, const std::string& value)
    {
        const auto& column = m_schema.columns[at];
        if (value.empty() && m_style.blanks == Blanks::ignore) {
            return;
        }
        if (!belongs(m_schema, column.form, {row.event, row.form, 1})) {
            // A blank there is how an export shows it; sent back, it means nothing.
            if (!value.empty()) {
                complain(row.record, column.name, value, misplaced(row, column));
            }
            return;
        }
        const auto kind = column.field ? m_schema.fields[*column.field].kind : FieldKind::choice;
        if (kind == FieldKind::calculated || (kind == FieldKind::file && value.empty())) {
            return; // a file goes by content=file only
        }
        auto stored = stored_form(column, value);
        if (!stored.empty()) {
            if (const auto problem = value_problem(m_schema, column, stored)) {
                complain(row.record, column.name, value, *problem);
                return;
            }
        }
        row.values.emplace_back(at, std::move(stored));
    }

    /// Dates are stored as year-month-day, however they are sent.
    [[nodiscard]] std::string stored_form(const Column& column, const std::string& value) const
    {
        const auto is_date = [&] {
            const auto& validation = m_schema.fields[*column.field].cell(Cell::validation);
            return validation.starts_with("date");
        };
        return column.field && !value.empty() && m_style.dates != Dates::year_first && is_date()
                   ? year_first(value, m_style.dates)
                   : value;
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
    ImportStyle m_style;
    std::vector<std::string> m_complaints;
};

} // namespace

std::vector<ImportRow> checked_rows(const Schema& schema, const std::vector<DataRow>& sent,
                                    ImportStyle style)
{
    if (schema.events.empty() && !sent.empty()) {
        throw Refusal{400, "The project has no events"};
    }
    RowCheck check{schema, style};
    check.check_names(sent);
    std::vector<ImportRow> rows;
    rows.reserve(sent.size());
    for (const auto& row : sent) {
        rows.push_back(check.check(row));
    }
    check.refuse_if_any();
    return rows;
}

std::vector<DataRow> flat_rows(const Schema& schema, const std::vector<DataRow>& sent)
{
    std::vector<DataRow> rows;
    rows.reserve(sent.size());
    for (const auto& triple : sent) {
        const auto name = value_of(triple, "field_name");
        const auto value = value_of(triple, "value");
        const auto record = value_of(triple, "record");
        if (!triple.contains("record") || !triple.contains("field_name")
            || value_of(triple, instance_column) == "new") {
            throw Refusal{400, "The data being imported is not formatted correctly: every row of "
                               "type eav has a record, a field_name and a value, and names its "
                               "instance by number"};
        }
        DataRow row{{schema.record_id(), record}};
        for (const auto* const key : {event_column, instrument_column, instance_column}) {
            if (const auto part = value_of(triple, key); !part.empty()) {
                row.emplace(key, part);
            }
        }
        const auto field = schema.find_field(name);
        if (field && schema.fields[*field].kind == FieldKind::checkbox) {
            if (value.empty()) {
                rows.push_back(std::move(row));
                continue;
            }
            // A code that is none becomes a column that is none, and is refused by its name.
            const auto column = schema.stored_column(name, value);
            row.emplace(column ? schema.columns[*column].name : fmt::format("{}({})", name, value),
                        "1");
        } else if (name != schema.record_id()) {
            row.emplace(name, value);
        }
        rows.push_back(std::move(row));
    }
    return rows;
}

} // namespace fiona::redcapd
