// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/dictionary.h"
#include "libfiona/redcapd/maintenance.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::redcapd {

namespace {

template <std::size_t N>
std::vector<std::string> strings(const std::array<std::string_view, N>& names)
{
    return {names.begin(), names.end()};
}

} // namespace

Answer export_metadata(const Call& call)
{
    call.require(Right::export_data);
    const auto& schema = call.schema;
    const auto fields = call.known_list(
        "fields", [&](const std::string& name) { return schema.find_field(name).has_value(); });
    const auto forms = call.known_list(
        "forms", [&](const std::string& name) { return schema.find_form(name).has_value(); });
    TableWriter table{call.format(), strings(dictionary_keys), call.delimiter()};
    for (const auto& field : schema.fields) {
        const bool wanted = (fields.empty() && forms.empty())
                            || std::ranges::find(fields, field.name()) != fields.end()
                            || std::ranges::find(forms, field.cell(Cell::form)) != forms.end();
        if (wanted) {
            table.add({field.row.begin(), field.row.end()});
        }
    }
    return table.take();
}

Answer import_metadata(const Call& call)
{
    call.require(Right::design);
    if (call.schema.setting("in_production") == "1") {
        throw Refusal{400, "The project is in production; its dictionary cannot be imported"};
    }
    std::vector<DictionaryRow> rows;
    for (const auto& sent : data_rows(call.form.text("data"), call.format(), call.delimiter())) {
        DictionaryRow row;
        for (std::size_t i = 0; i < row.size(); ++i) {
            row.at(i) = value_of(sent, dictionary_keys.at(i));
        }
        rows.push_back(std::move(row));
    }
    Dictionary dictionary;
    try {
        dictionary = make_dictionary(std::move(rows), "data");
    } catch (const Error& e) {
        throw Refusal{400, e.what()};
    }
    const auto count = static_cast<std::int64_t>(dictionary.fields.size());
    try {
        apply_dictionary(call.database, call.schema, std::move(dictionary));
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        throw Refusal{400, e.what()};
    }
    log_design(call, "Upload data dictionary");
    return number_answer(count, call.error_format);
}

Answer export_instruments(const Call& call)
{
    call.require(Right::export_data);
    TableWriter table{call.format(),
                      {"instrument_name", "instrument_label"},
                      call.delimiter(),
                      {"instruments", "item"}};
    for (const auto& form : call.schema.forms) {
        table.add({form.name, form.label});
    }
    return table.take();
}

Answer export_field_names(const Call& call)
{
    call.require(Right::export_data);
    const auto& schema = call.schema;
    const auto& only = call.form.text("field");
    TableWriter table{call.format(),
                      {"original_field_name", "choice_value", "export_field_name"},
                      call.delimiter(),
                      {"fields", "field"}};
    bool found = only.empty();
    for (const auto& column : schema.columns) {
        const auto& name = column.field ? schema.fields[*column.field].name() : column.name;
        const bool is_file = column.field && schema.fields[*column.field].kind == FieldKind::file;
        if (!is_file && (only.empty() || only == name)) {
            table.add({name, column.code, column.name});
            found = true;
        }
    }
    if (!found) {
        throw Refusal{400, "The value of the parameter \"field\" is not valid"};
    }
    return table.take();
}

} // namespace fiona::redcapd
