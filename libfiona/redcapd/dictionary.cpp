// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/dictionary.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <cctype>
#include <map>

namespace fiona::redcapd {

namespace {

constexpr std::array<std::string_view, 12> known_types{"text",     "notes",  "dropdown",    "radio",
                                                       "checkbox", "yesno",  "truefalse",   "calc",
                                                       "file",     "slider", "descriptive", "sql"};

bool is_variable_name(std::string_view name)
{
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !name.empty() && name.size() <= 100 && name.front() >= 'a' && name.front() <= 'z'
           && std::ranges::all_of(name, fits);
}

/// "incoming_studies" -> "Incoming Studies", as REDCap labels a form it gets from a dictionary.
std::string label_of(std::string_view form)
{
    std::string label{form};
    bool at_start = true;
    for (auto& c : label) {
        if (c == '_') {
            c = ' ';
        } else if (at_start && c >= 'a' && c <= 'z') {
            c = static_cast<char>(c - 'a' + 'A');
        }
        at_start = c == ' ';
    }
    return label;
}

void check_field(const Field& field, std::string_view what)
{
    const auto& name = field.name();
    if (!is_variable_name(name) || !is_variable_name(field.cell(Cell::form))) {
        throw Error{Fault::data, "{}: a field or form name is not made of a-z, 0-9 and _", what};
    }
    if (std::ranges::find(known_types, field.cell(Cell::type)) == known_types.end()) {
        throw Error{Fault::data, "{}: field {}: unknown type", what, name};
    }
    std::vector<std::string> seen;
    for (const auto& choice : field.choices) {
        const auto& key = field.kind == FieldKind::checkbox ? choice.column : choice.code;
        if (choice.code.empty() || std::ranges::find(seen, key) != seen.end()) {
            throw Error{Fault::data, "{}: field {}: two choices with one code", what, name};
        }
        seen.push_back(key);
    }
}

/// The forms an event has: `"*"` is every event.
bool is_in_event(const json::Value& where, const std::string& event)
{
    if (where.is_string()) {
        return where.string() == "*" || where.string() == event;
    }
    return std::ranges::any_of(where.array(), [&](const auto& e) { return e.string() == event; });
}

void add_events(Schema& schema, const json::Value& document,
                const std::vector<std::string>& own_labels)
{
    std::vector<std::string> labels;
    if (const auto* const listed = document.find("events"); listed != nullptr) {
        for (const auto& label : listed->array()) {
            labels.push_back(label.string());
        }
    }
    if (labels.empty()) {
        labels.emplace_back("Event 1");
    }
    for (const auto& label : own_labels) {
        if (std::ranges::find(labels, label) == labels.end()) {
            labels.push_back(label);
        }
    }
    schema.arms.push_back({1, "Arm 1"});
    for (const auto& label : labels) {
        schema.events.push_back({0, 1, label, unique_event_name(label, 1, schema.events)});
    }
}

void add_mapping(Schema& schema, const json::Value& document, std::string_view what)
{
    const auto* const mapping = document.find("form_events");
    if (mapping != nullptr) {
        for (const auto& [form_name, where] : mapping->object()) {
            const auto form = schema.find_form(form_name);
            if (!form) {
                throw Error{Fault::data, "{}: form_events names an unknown form", what};
            }
            for (std::size_t event = 0; event < schema.events.size(); ++event) {
                if (is_in_event(where, schema.events[event].unique_name)) {
                    schema.form_events.emplace(event, *form);
                }
            }
        }
    }
    const auto* const repeating = document.find("repeating");
    if (repeating == nullptr) {
        return;
    }
    for (const auto& entry : repeating->array()) {
        const auto form = schema.find_form(entry.text("form"));
        const auto where = entry.text("event", "event_1_arm_1");
        if (!form || (where != "*" && !schema.find_event(where))) {
            throw Error{Fault::data, "{}: repeating names an unknown form or event", what};
        }
        for (std::size_t event = 0; event < schema.events.size(); ++event) {
            if (is_in_event(json::Value{where}, schema.events[event].unique_name)) {
                schema.repeating_forms.emplace(std::pair{event, *form}, entry.text("label"));
            }
        }
    }
}

} // namespace

Dictionary make_dictionary(std::vector<DictionaryRow> rows, std::string_view what)
{
    Dictionary dictionary;
    std::map<std::string, std::size_t, std::less<>> forms;
    for (auto& row : rows) {
        auto field = make_field(std::move(row));
        check_field(field, what);
        const auto& form = field.cell(Cell::form);
        const auto [known, is_new] = forms.emplace(form, dictionary.forms.size());
        if (is_new) {
            dictionary.forms.push_back({form, label_of(form)});
        }
        field.form = known->second;
        dictionary.fields.push_back(std::move(field));
    }
    if (dictionary.fields.empty() || dictionary.fields.front().kind != FieldKind::text) {
        throw Error{Fault::data, "{}: the first field must be a text, the record id", what};
    }
    std::map<std::string, int, std::less<>> names;
    for (const auto& form : dictionary.forms) {
        ++names[form.complete_field()];
    }
    for (const auto& field : dictionary.fields) {
        if (++names[field.name()] > 1) {
            throw Error{Fault::data, "{}: field {} stands there twice", what, field.name()};
        }
    }
    return dictionary;
}

std::vector<DictionaryRow> dictionary_rows(const csv::Rows& rows, std::string_view what)
{
    if (rows.empty()) {
        throw Error{Fault::data, "{}: empty dictionary", what};
    }
    constexpr auto no_column = dictionary_width;
    std::vector<std::size_t> place; // column of the file -> column of the dictionary
    for (const auto& title : rows.front()) {
        const auto* const by_header = std::ranges::find(dictionary_headers, title);
        const auto* const by_key = std::ranges::find(dictionary_keys, title);
        place.push_back(by_header != dictionary_headers.end()
                            ? static_cast<std::size_t>(by_header - dictionary_headers.begin())
                        : by_key != dictionary_keys.end()
                            ? static_cast<std::size_t>(by_key - dictionary_keys.begin())
                            : no_column);
    }
    std::vector<DictionaryRow> result;
    for (std::size_t i = 1; i < rows.size(); ++i) {
        if (rows[i].size() != place.size()) {
            throw Error{Fault::data,    "{}: row {} has {} cells, the header {}",
                        what,           i,
                        rows[i].size(), place.size()};
        }
        DictionaryRow row;
        for (std::size_t cell = 0; cell < place.size(); ++cell) {
            if (place[cell] != no_column) {
                row.at(place[cell]) = rows[i][cell];
            }
        }
        result.push_back(std::move(row));
    }
    return result;
}

Schema read_template(const std::filesystem::path& directory, const std::string& name,
                     const std::vector<std::string>& events)
{
    const auto csv_file = directory / (name + ".csv");
    const auto json_file = directory / (name + ".json");
    const auto& what = csv_file.native();
    auto dictionary =
        make_dictionary(dictionary_rows(csv::parse(read_file(csv_file), ',', what), what), what);
    const auto document = json::parse(read_file(json_file), json_file.native());

    Schema schema;
    schema.name = name;
    schema.title = document.text("title", name);
    schema.longitudinal = document.text("longitudinal") == "true";
    schema.fields = std::move(dictionary.fields);
    schema.forms = std::move(dictionary.forms);
    if (!events.empty() && !schema.longitudinal) {
        throw Error{Fault::usage, "schema {} is a classic project: it has no events", name};
    }
    add_events(schema, document, events);
    add_mapping(schema, document, json_file.native());
    schema.index();
    return schema;
}

} // namespace fiona::redcapd
