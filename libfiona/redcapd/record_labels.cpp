// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/record_labels.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fiona::redcapd {

std::string labelled(const Schema& schema, std::size_t at, const std::string& value,
                     CheckboxLabels checkbox_labels)
{
    const auto& column = schema.columns[at];
    if (value.empty()) {
        return value;
    }
    if (!column.field) {
        constexpr std::array<const char*, 3> states{"Incomplete", "Unverified", "Complete"};
        const auto state = static_cast<std::size_t>(value.front() - '0');
        return value.size() == 1 && state < states.size() ? states.at(state) : value;
    }
    const auto& field = schema.fields[*column.field];
    if (field.kind != FieldKind::checkbox && field.kind != FieldKind::choice) {
        return value;
    }
    const auto& code = column.is_checkbox ? column.code : value;
    const auto choice = std::ranges::find(field.choices, code, &Choice::code);
    if (!column.is_checkbox) {
        return choice == field.choices.end() ? value : choice->label;
    }
    if (checkbox_labels == CheckboxLabels::choice) {
        return value == "1" ? choice->label : "";
    }
    return value == "1" ? "Checked" : "Unchecked";
}

std::string header_label(const Schema& schema, const std::string& name)
{
    if (name == event_column) {
        return "Event Name";
    }
    if (name == instrument_column) {
        return "Repeat Instrument";
    }
    if (name == instance_column) {
        return "Repeat Instance";
    }
    const auto at = schema.find_column(name);
    if (!at || !schema.columns[*at].field) {
        return at ? "Complete?" : name;
    }
    const auto& column = schema.columns[*at];
    const auto& field = schema.fields[*column.field];
    const auto choice = std::ranges::find(field.choices, column.code, &Choice::code);
    return column.is_checkbox && choice != field.choices.end()
               ? fmt::format("{} (choice={})", field.cell(Cell::label), choice->label)
               : field.cell(Cell::label);
}

} // namespace fiona::redcapd
