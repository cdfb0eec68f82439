// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

/// What one REDCap project is made of: fields on forms, forms in events, what repeats.
namespace fiona::redcapd {

/// The 18 columns of a REDCap data dictionary, in their fixed order.
enum class Cell : std::size_t {
    name,
    form,
    section_header,
    type,
    label,
    choices,
    note,
    validation,
    min,
    max,
    identifier,
    branching,
    required,
    alignment,
    question_number,
    matrix_group,
    matrix_ranking,
    annotation
};
constexpr std::size_t dictionary_width = 18;
using DictionaryRow = std::array<std::string, dictionary_width>;
/// Their names in the API (content=metadata) and in the header of a dictionary file.
extern const std::array<std::string_view, dictionary_width> dictionary_keys;
extern const std::array<std::string_view, dictionary_width> dictionary_headers;

struct Choice {
    std::string code;
    std::string label;
    std::string column; ///< `field___code`: the column of a checkbox choice
};

/// How the values of a field behave in exports and imports.
enum class FieldKind {
    text,        ///< free, or checked by its validation
    choice,      ///< one code of the list
    checkbox,    ///< one 0/1 column per choice
    calculated,  ///< exported, ignored by imports
    file,        ///< exported, refused by imports
    descriptive, ///< words for people: no values
};

struct Field {
    DictionaryRow row;
    std::size_t form = 0;
    FieldKind kind = FieldKind::text;
    std::vector<Choice> choices;

    [[nodiscard]] const std::string& cell(Cell which) const
    {
        return row.at(static_cast<std::size_t>(which));
    }
    [[nodiscard]] const std::string& name() const { return cell(Cell::name); }
};

struct Form {
    std::string name;
    std::string label;
    /// No two instances of a record in one event hold the same values here; empty: no such rule.
    std::vector<std::string> unique_fields = {};

    [[nodiscard]] std::string complete_field() const { return name + "_complete"; }
};

struct Arm {
    std::int64_t number = 1;
    std::string name;
};

struct Event {
    std::int64_t id = 0; ///< of the database
    std::int64_t arm = 1;
    std::string label;
    std::string unique_name;
    std::string custom_label = {};
    std::int64_t day_offset = 0; ///< days; of use with scheduling only, as are the next two
    std::int64_t offset_min = 0;
    std::int64_t offset_max = 0;
};

/// One column of a flat export: a field, one choice of a checkbox, or the state of a form.
struct Column {
    std::string name;
    std::size_t form = 0;
    std::optional<std::size_t> field; ///< none: `<form>_complete`
    std::string code;                 ///< of a checkbox choice
    bool is_checkbox = false;
};

/// A project as loaded from the database or made from a dictionary. Indices into the vectors are
/// used inside one request only; the database knows names.
struct Schema {
    std::int64_t project = 0;
    std::string name;
    std::string title;
    bool longitudinal = false;
    std::int64_t created = 0; ///< seconds since 1970
    /// content=project_settings: only what differs from a new project
    std::map<std::string, std::string, std::less<>> settings;
    std::vector<Field> fields;
    std::vector<Form> forms;
    std::vector<Arm> arms;
    std::vector<Event> events; ///< a classic project has one, which nobody sees
    std::set<std::pair<std::size_t, std::size_t>> form_events; ///< (event, form) designated
    std::map<std::pair<std::size_t, std::size_t>, std::string> repeating_forms; ///< -> label
    std::map<std::size_t, std::string> repeating_events;                        ///< -> label

    /// All columns of a flat export in their order; made by index().
    std::vector<Column> columns;

    /// Fills in what follows from fields and forms. Call once after they are complete.
    void index();

    [[nodiscard]] const std::string& record_id() const { return fields.front().name(); }
    [[nodiscard]] bool repeats() const
    {
        return !repeating_forms.empty() || !repeating_events.empty();
    }
    [[nodiscard]] bool is_repeating(std::size_t event, std::size_t form) const
    {
        return repeating_forms.contains({event, form});
    }
    [[nodiscard]] bool is_designated(std::size_t event, std::size_t form) const
    {
        return !longitudinal || form_events.contains({event, form});
    }
    /// A setting, or what it is in a new project.
    [[nodiscard]] std::string setting(std::string_view setting_name,
                                      std::string_view otherwise = {}) const
    {
        const auto found = settings.find(setting_name);
        return found == settings.end() ? std::string{otherwise} : found->second;
    }
    [[nodiscard]] std::optional<std::size_t> find_field(std::string_view field) const;
    [[nodiscard]] std::optional<std::size_t> find_form(std::string_view form) const;
    [[nodiscard]] std::optional<std::size_t> find_event(std::string_view unique_name) const;
    /// By the name in a flat export.
    [[nodiscard]] std::optional<std::size_t> find_column(std::string_view column) const;
    /// By what the database holds: field name and, for a checkbox, the code.
    [[nodiscard]] std::optional<std::size_t> stored_column(const std::string& field,
                                                           const std::string& code) const;

private:
    std::unordered_map<std::string, std::size_t> m_by_name;
    std::unordered_map<std::string, std::size_t> m_by_storage;
};

/// Makes a field of a dictionary row: kind and choices.
[[nodiscard]] Field make_field(DictionaryRow row);
/// `code, label | code, label`; parts without a comma are dropped.
[[nodiscard]] std::vector<Choice> parse_choices(std::string_view field, std::string_view text);
/// "Event 1" in arm 1 -> event_1_arm_1: lower case, other characters than letters and digits
/// become `_`, at most 18 of them; a letter tells equal ones apart.
[[nodiscard]] std::string unique_event_name(std::string_view label, std::int64_t arm,
                                            const std::vector<Event>& taken);

} // namespace fiona::redcapd
