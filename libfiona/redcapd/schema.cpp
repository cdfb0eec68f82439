// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/schema.h"

#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::redcapd {

const std::array<std::string_view, dictionary_width> dictionary_keys{
    "field_name",          "form_name",
    "section_header",      "field_type",
    "field_label",         "select_choices_or_calculations",
    "field_note",          "text_validation_type_or_show_slider_number",
    "text_validation_min", "text_validation_max",
    "identifier",          "branching_logic",
    "required_field",      "custom_alignment",
    "question_number",     "matrix_group_name",
    "matrix_ranking",      "field_annotation",
};

const std::array<std::string_view, dictionary_width> dictionary_headers{
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
};

namespace {

constexpr std::size_t event_name_letters = 18; // REDCap cuts the label part there

bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/// Lower case, and `_` for everything that is no letter and no digit.
std::string underscored(std::string_view text)
{
    auto name = lower_case(text);
    std::ranges::replace_if(
        name, [](char c) { return !is_letter_or_digit(c); }, '_');
    return name;
}

FieldKind kind_of(std::string_view type)
{
    if (type == "checkbox") {
        return FieldKind::checkbox;
    }
    if (type == "dropdown" || type == "select" || type == "radio" || type == "yesno"
        || type == "truefalse") {
        return FieldKind::choice;
    }
    if (type == "calc") {
        return FieldKind::calculated;
    }
    if (type == "file") {
        return FieldKind::file;
    }
    return type == "descriptive" ? FieldKind::descriptive : FieldKind::text;
}

std::string storage_key(const std::string& field, const std::string& code)
{
    return field + '\n' + code; // neither holds a line break
}

template <typename Items>
std::optional<std::size_t> position(const Items& items, const auto& matches)
{
    const auto found = std::ranges::find_if(items, matches);
    if (found == items.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(found - items.begin());
}

} // namespace

std::vector<Choice> parse_choices(std::string_view field, std::string_view text)
{
    std::vector<Choice> choices;
    for (const auto part : split(text, '|')) {
        const auto comma = part.find(',');
        if (comma == std::string_view::npos) {
            continue;
        }
        const auto code = trimmed(part.substr(0, comma));
        choices.push_back({std::string{code}, std::string{trimmed(part.substr(comma + 1))},
                           fmt::format("{}___{}", field, underscored(code))});
    }
    return choices;
}

Field make_field(DictionaryRow row)
{
    Field field;
    field.row = std::move(row);
    const auto& type = field.cell(Cell::type);
    field.kind = kind_of(type);
    if (type == "yesno") {
        field.choices = parse_choices(field.name(), "1, Yes | 0, No");
    } else if (type == "truefalse") {
        field.choices = parse_choices(field.name(), "1, True | 0, False");
    } else if (field.kind == FieldKind::choice || field.kind == FieldKind::checkbox) {
        field.choices = parse_choices(field.name(), field.cell(Cell::choices));
    }
    return field;
}

std::string unique_event_name(std::string_view label, std::int64_t arm,
                              const std::vector<Event>& taken)
{
    const auto stem = underscored(label).substr(0, event_name_letters);
    auto name = fmt::format("{}_arm_{}", stem, arm);
    for (char letter = 'b'; letter <= 'z'; ++letter) {
        if (std::ranges::find(taken, name, &Event::unique_name) == taken.end()) {
            break;
        }
        name = fmt::format("{}_arm_{}{}", stem, arm, letter);
    }
    return name;
}

void Schema::index()
{
    columns.clear();
    for (std::size_t form = 0; form < forms.size(); ++form) {
        for (std::size_t at = 0; at < fields.size(); ++at) {
            const auto& field = fields[at];
            if (field.form != form || field.kind == FieldKind::descriptive) {
                continue;
            }
            if (field.kind != FieldKind::checkbox) {
                columns.push_back({field.name(), form, at, "", false});
                continue;
            }
            for (const auto& choice : field.choices) {
                columns.push_back({choice.column, form, at, choice.code, true});
            }
        }
        columns.push_back({forms[form].complete_field(), form, std::nullopt, "", false});
    }
    m_by_name.clear();
    m_by_storage.clear();
    for (std::size_t at = 0; at < columns.size(); ++at) {
        const auto& column = columns[at];
        m_by_name.emplace(column.name, at);
        m_by_storage.emplace(
            storage_key(column.field ? fields[*column.field].name() : column.name, column.code),
            at);
    }
}

std::optional<std::size_t> Schema::find_field(std::string_view field) const
{
    return position(fields, [&](const Field& f) { return f.name() == field; });
}

std::optional<std::size_t> Schema::find_form(std::string_view form) const
{
    return position(forms, [&](const Form& f) { return f.name == form; });
}

std::optional<std::size_t> Schema::find_event(std::string_view unique_name) const
{
    return position(events, [&](const Event& e) { return e.unique_name == unique_name; });
}

std::optional<std::size_t> Schema::find_column(std::string_view column) const
{
    const auto found = m_by_name.find(std::string{column});
    return found == m_by_name.end() ? std::nullopt : std::optional{found->second};
}

std::optional<std::size_t> Schema::stored_column(const std::string& field,
                                                 const std::string& code) const
{
    const auto found = m_by_storage.find(storage_key(field, code));
    return found == m_by_storage.end() ? std::nullopt : std::optional{found->second};
}

} // namespace fiona::redcapd
