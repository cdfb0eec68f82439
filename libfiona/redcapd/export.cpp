// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/filter.h"
#include "libfiona/redcapd/odm.h"
#include "libfiona/redcapd/record_labels.h"
#include "libfiona/redcapd/record_rows.h"
#include "libfiona/redcapd/record_selection.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace fiona::redcapd {

namespace {

enum class Values { raw, labels };

/// One column of the answer: of the schema, or all choices of a checkbox in one.
struct OutputColumn {
    std::string name;
    std::vector<std::size_t> parts;
};

/// What one export asks for, all names checked.
struct Selection {
    bool record_id = false;
    std::vector<OutputColumn> output; ///< `columns`, grouped
    std::vector<std::size_t> columns; ///< of the schema, in order, without the record id
    std::set<std::size_t> row_forms;  ///< repeating forms whose instances become rows
    std::vector<bool> events;
    Values values = Values::raw;
    CheckboxLabels checkbox_labels = CheckboxLabels::checked;
    bool blank_gray_status = false;
    std::string decimal_character; ///< of numbers; "": as stored
    std::optional<Filter> filter;
};

std::set<std::string> asked_names(const Call& call)
{
    const auto& schema = call.schema;
    const auto is_state = [&](const std::string& name) {
        const auto column = schema.find_column(name);
        return column && !schema.columns[*column].field;
    };
    const auto fields = call.known_list("fields", [&](const std::string& name) {
        return schema.find_field(name).has_value() || is_state(name);
    });
    const auto forms = call.known_list(
        "forms", [&](const std::string& name) { return schema.find_form(name).has_value(); });

    std::set<std::string> names{fields.begin(), fields.end()};
    for (const auto& name : forms) {
        const auto form = *schema.find_form(name);
        names.insert(schema.forms[form].complete_field());
        for (const auto& field : schema.fields) {
            if (field.form == form) {
                names.insert(field.name());
            }
        }
    }
    if (fields.empty() && forms.empty()) {
        for (const auto& column : schema.columns) {
            names.insert(column.field ? schema.fields[*column.field].name() : column.name);
        }
    }
    return names;
}

std::vector<bool> asked_events(const Call& call)
{
    const auto& schema = call.schema;
    if (!schema.longitudinal) {
        return {true}; // a stray parameter, as old scripts send
    }
    const auto names = call.known_list(
        "events", [&](const std::string& name) { return schema.find_event(name).has_value(); });
    std::vector<bool> wanted(schema.events.size(), names.empty());
    for (const auto& name : names) {
        wanted[*schema.find_event(name)] = true;
    }
    return wanted;
}

/// Checks the names in a filter and lets the instances that it can tell apart become rows.
void apply_filter(const Schema& schema, const std::string& text, Selection& selection)
{
    selection.filter.emplace(text);
    for (const auto& reference : selection.filter->references()) {
        const auto field = schema.find_field(reference.field);
        const auto column = schema.find_column(reference.field);
        const bool event_known =
            reference.event.empty() || schema.find_event(reference.event).has_value();
        if ((!field && !column) || !event_known
            || (field && !reference.code.empty()
                && !schema.stored_column(reference.field, reference.code))) {
            throw Refusal{400, fmt::format("The value of the parameter \"filterLogic\" is not "
                                           "valid: unknown field, event or choice '{}'",
                                           reference.field)};
        }
        if (reference.event.empty()) {
            selection.row_forms.insert(field ? schema.fields[*field].form
                                             : schema.columns[*column].form);
        }
    }
}

void group_columns(const Schema& schema, bool combine_checkboxes, Selection& selection)
{
    for (const auto at : selection.columns) {
        const auto& column = schema.columns[at];
        const auto& name = column.is_checkbox && combine_checkboxes
                               ? schema.fields[*column.field].name()
                               : column.name;
        if (selection.output.empty() || selection.output.back().name != name) {
            selection.output.push_back({name, {}});
        }
        selection.output.back().parts.push_back(at);
    }
}

Selection select(const Call& call)
{
    const auto& schema = call.schema;
    Selection selection;
    const auto names = asked_names(call);
    selection.record_id = names.contains(schema.record_id());
    for (std::size_t at = 0; at < schema.columns.size(); ++at) {
        const auto& column = schema.columns[at];
        const auto& name = column.field ? schema.fields[*column.field].name() : column.name;
        if (name != schema.record_id() && names.contains(name)) {
            selection.columns.push_back(at);
            selection.row_forms.insert(column.form);
        }
    }
    selection.events = asked_events(call);
    selection.values = call.form.text("rawOrLabel") == "label" ? Values::labels : Values::raw;
    if (call.form.flag("exportCheckboxLabel")) {
        selection.checkbox_labels = CheckboxLabels::choice;
    }
    selection.decimal_character = call.form.text("decimalCharacter");
    if (!selection.decimal_character.empty() && selection.decimal_character != ","
        && selection.decimal_character != "." && selection.decimal_character != "comma"
        && selection.decimal_character != "dot") {
        throw Refusal{400, "The value of the parameter \"decimalCharacter\" is not valid"};
    }
    group_columns(schema, call.form.flag("combineCheckboxOptions"), selection);
    selection.blank_gray_status = call.form.flag("exportBlankForGrayFormStatus");
    if (const auto& logic = call.form.text("filterLogic"); !logic.empty()) {
        apply_filter(schema, logic, selection);
    }
    return selection;
}

class RecordExport {
public:
    RecordExport(const Schema& schema, const Selection& selection)
        : m_schema{schema}, m_selection{selection}
    {
    }

    /// The rows of `record` that were asked for, in order.
    [[nodiscard]] std::vector<std::map<RowKey, RowValues>::const_iterator>
    rows(const StoredRecord& record) const
    {
        std::vector<std::map<RowKey, RowValues>::const_iterator> wanted;
        for (auto row = record.rows.begin(); row != record.rows.end(); ++row) {
            const auto& key = row->first;
            if (m_selection.events[key.event]
                && (!key.form || m_selection.row_forms.contains(*key.form))
                && (!m_selection.filter || passes(record, key, row->second))) {
                wanted.push_back(row);
            }
        }
        return wanted;
    }

    [[nodiscard]] std::string value(const RowKey& key, const RowValues& values,
                                    std::size_t column) const
    {
        if (m_selection.blank_gray_status && !m_schema.columns[column].field
            && !values.contains(column)) {
            return {};
        }
        auto shown = shown_value(m_schema, key, values, column);
        if (!m_selection.decimal_character.empty() && is_number(column)) {
            const bool comma = m_selection.decimal_character.starts_with("c")
                               || m_selection.decimal_character == ",";
            std::ranges::replace(shown, comma ? '.' : ',', comma ? ',' : '.');
        }
        return m_selection.values == Values::raw
                   ? shown
                   : labelled(m_schema, column, shown, m_selection.checkbox_labels);
    }

    /// The checked ones of a checkbox in one cell, or just the value.
    [[nodiscard]] std::string value(const RowKey& key, const RowValues& values,
                                    const OutputColumn& output) const
    {
        const auto& first = m_schema.columns[output.parts.front()];
        if (!first.is_checkbox || output.name == first.name) {
            return value(key, values, output.parts.front());
        }
        std::string joined;
        for (const auto part : output.parts) {
            if (shown_value(m_schema, key, values, part) == "1") {
                const auto& code = m_schema.columns[part].code;
                const auto word = m_selection.values == Values::raw
                                      ? code
                                      : labelled(m_schema, part, "1", CheckboxLabels::choice);
                joined += (joined.empty() ? "" : ",") + word;
            }
        }
        return joined;
    }

private:
    [[nodiscard]] bool is_number(std::size_t at) const
    {
        const auto& column = m_schema.columns[at];
        if (!column.field) {
            return false;
        }
        const auto& field = m_schema.fields[*column.field];
        const auto& validation = field.cell(Cell::validation);
        return field.kind == FieldKind::calculated || validation.starts_with("number")
               || validation == "float";
    }

    [[nodiscard]] bool passes(const StoredRecord& record, const RowKey& key,
                              const RowValues& values) const
    {
        return m_selection.filter->matches([&](std::size_t index) {
            const auto& reference = m_selection.filter->references()[index];
            if (reference.field == m_schema.record_id()) {
                return record.name;
            }
            auto column = m_schema.stored_column(reference.field, reference.code);
            if (!column) {
                column = m_schema.find_column(reference.field);
            }
            if (!column) {
                return std::string{};
            }
            const RowKey base{reference.event.empty() ? key.event
                                                      : *m_schema.find_event(reference.event),
                              std::nullopt, 1};
            if (reference.event.empty() && belongs(m_schema, m_schema.columns[*column].form, key)) {
                return shown_value(m_schema, key, values, *column);
            }
            const auto found = record.rows.find(base);
            return found == record.rows.end() ? std::string{}
                                              : shown_value(m_schema, base, found->second, *column);
        });
    }

    const Schema& m_schema;
    const Selection& m_selection;
};

/// The columns that say which row it is.
std::vector<TableCell> key_cells(const Schema& schema, const RowKey& key,
                                 const std::string& event_name)
{
    std::vector<TableCell> cells;
    if (schema.longitudinal) {
        cells.emplace_back(event_name);
    }
    if (schema.repeats()) {
        cells.emplace_back(key.form ? schema.forms[*key.form].name : std::string{});
        if (key.form || schema.repeating_events.contains(key.event)) {
            cells.emplace_back(key.instance);
        } else {
            cells.emplace_back(std::string{});
        }
    }
    return cells;
}

void add_key_columns(const Schema& schema, std::vector<std::string>& columns)
{
    if (schema.longitudinal) {
        columns.emplace_back(event_column);
    }
    if (schema.repeats()) {
        columns.emplace_back(instrument_column);
        columns.emplace_back(instance_column);
    }
}

std::string event_name(const Schema& schema, const Selection& selection, std::size_t event)
{
    const auto& it = schema.events[event];
    return selection.values == Values::labels ? it.label : it.unique_name;
}

Answer export_flat(const Call& call, const Selection& selection)
{
    const auto& schema = call.schema;
    std::vector<std::string> names;
    if (selection.record_id) {
        names.push_back(schema.record_id());
        add_key_columns(schema, names);
    }
    for (const auto& column : selection.output) {
        names.push_back(column.name);
    }
    TableWriter table{call.format(), names, call.delimiter()};
    if (call.form.text("rawOrLabelHeaders") == "label") {
        std::vector<std::string> titles;
        std::ranges::transform(names, std::back_inserter(titles),
                               [&](const std::string& name) { return header_label(schema, name); });
        table.set_header(titles);
    }
    const RecordExport rows{schema, selection};
    for (const auto& [id, name] : selected_records(call)) {
        const auto record = load_record(call.database, schema, id, name);
        for (const auto& row : rows.rows(record)) {
            const auto& [key, values] = *row;
            std::vector<TableCell> cells;
            if (selection.record_id) {
                cells = key_cells(schema, key, event_name(schema, selection, key.event));
                cells.insert(cells.begin(), record.name);
            }
            for (const auto& column : selection.output) {
                cells.emplace_back(rows.value(key, values, column));
            }
            table.add(cells);
        }
    }
    return table.take();
}

Answer export_eav(const Call& call, const Selection& selection)
{
    const auto& schema = call.schema;
    std::vector<std::string> names{"record"};
    add_key_columns(schema, names);
    names.insert(names.end(), {"field_name", "value"});
    TableWriter table{call.format(), names, call.delimiter()};
    const RecordExport rows{schema, selection};
    for (const auto& [id, name] : selected_records(call)) {
        const auto record = load_record(call.database, schema, id, name);
        for (const auto& row : rows.rows(record)) {
            const auto& [key, values] = *row;
            auto head = key_cells(schema, key, event_name(schema, selection, key.event));
            head.insert(head.begin(), record.name);
            const auto add = [&](const std::string& field, const std::string& value) {
                auto cells = head;
                cells.emplace_back(field);
                cells.emplace_back(value);
                table.add(cells);
            };
            if (selection.record_id && !key.form) {
                add(schema.record_id(), record.name);
            }
            for (const auto at : selection.columns) {
                const auto& column = schema.columns[at];
                const auto value = rows.value(key, values, at);
                if (column.is_checkbox && values.contains(at)) {
                    add(schema.fields[*column.field].name(), column.code);
                } else if (!column.is_checkbox && values.contains(at) && !value.empty()) {
                    add(column.name, value);
                }
            }
        }
    }
    return table.take();
}

} // namespace

Answer export_records(const Call& call)
{
    call.require(Right::export_data);
    if (call.form.text("format") == "odm") {
        return export_project_xml(call);
    }
    const auto selection = select(call);
    const auto& type = call.form.text("type");
    if (type.empty() || type == "flat") {
        return export_flat(call, selection);
    }
    if (type == "eav") {
        return export_eav(call, selection);
    }
    throw Refusal{400, "The value of the parameter \"type\" is not valid"};
}

void check_selection(const Call& call)
{
    static_cast<void>(select(call));
}

Answer export_project_xml(const Call& call)
{
    constexpr std::size_t max_document = std::size_t{256} << 20U; // it is made in memory

    call.require(Right::export_data);
    const auto selection = select(call);
    const auto now = local_second_text(epoch_seconds(call.now));
    OdmWriter::FindFile files;
    if (call.form.flag("exportFiles")) {
        files = [&](std::int64_t record, std::string_view number) {
            return find_file(call.database, record, number);
        };
    }
    OdmWriter writer{call.schema, now.substr(0, 10) + "T" + now.substr(11), files};
    if (!call.form.flag("returnMetadataOnly")) {
        writer.begin_data();
        const std::set<std::size_t> columns{selection.columns.begin(), selection.columns.end()};
        const RecordExport rows{call.schema, selection};
        for (const auto& [id, name] : selected_records(call)) {
            const auto record = load_record(call.database, call.schema, id, name);
            StoredRecord wanted{id, name, {}};
            for (const auto& row : rows.rows(record)) {
                auto values = row->second;
                std::erase_if(values,
                              [&](const auto& item) { return !columns.contains(item.first); });
                wanted.rows.emplace(row->first, std::move(values));
            }
            writer.add(wanted);
            if (writer.size() > max_document) {
                throw Refusal{400, "The document would be too large. Please try exporting a "
                                   "smaller amount of data."};
            }
        }
    }
    return {200, std::string{content_type(Format::xml)}, writer.take()};
}

} // namespace fiona::redcapd
