// SPDX-License-Identifier: MIT
#include "tests/support/memory_redcap.h"

#include "libfiona/base/error.h"

#include <algorithm>
#include <set>

using namespace fiona::redcap; // NOLINT(google-build-using-namespace) a test helper of that room
using fiona::Error;
using fiona::Fault;

namespace {

std::string base_name(const std::string& column)
{
    return column.substr(0, column.find("___"));
}

bool is_integer(const std::string& text)
{
    return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

} // namespace

MemoryRedcap::MemoryRedcap(std::vector<Field> fields, std::vector<std::string> repeating)
    : m_fields{std::move(fields)}, m_repeating{std::move(repeating)}
{
}

std::vector<Field> MemoryRedcap::incoming_fields()
{
    std::vector<Field> fields;
    const auto add = [&](const char* form, std::initializer_list<const char*> names) {
        for (const auto* const name : names) {
            fields.push_back({name, form, "text", "", ""});
        }
    };
    add("incoming_studies",
        {"study_instance_uid", "study_institution_name", "study_aetitle_sender",
         "study_aetitle_addressed", "study_patient_name", "study_patient_id", "study_description",
         "study_date", "study_time", "study_accession_number", "study_arrival_date"});
    add("series", {"series_instance_uid", "series_description", "series_date", "series_time",
                   "series_num_files", "series_sequence_name", "series_classify_types"});
    add("transfers",
        {"transfer_requested_date", "transfer_project_name", "transfer_name", "transfer_event_name",
         "transfer_date", "transfer_error", "transfer_mapped_uid", "transfer_error_message",
         "transfer_active_proc_time"});
    for (auto& field : fields) {
        field.type = field.name == "transfer_error" ? "checkbox" : field.type;
        field.validation = field.name == "series_num_files" ? "integer" : "";
    }
    return fields;
}

MemoryRedcap MemoryRedcap::incoming()
{
    return MemoryRedcap{incoming_fields(), {"series", "transfers"}};
}

std::size_t MemoryRedcap::form_place(const std::string& form) const
{
    const auto found = std::ranges::find(m_fields, form, &Field::form);
    return form.empty() ? 0 : static_cast<std::size_t>(found - m_fields.begin()) + 1;
}

MemoryRedcap::Key MemoryRedcap::key_of(const Row& row) const
{
    const auto event = std::ranges::find(longitudinal, row.event, &Event::unique_name);
    const auto place = row.event.empty() ? 0 : event - longitudinal.begin();
    return {row.record, static_cast<std::size_t>(place), form_place(row.instrument), row.instance};
}

void MemoryRedcap::check(const Row& row) const
{
    const bool repeats = std::ranges::find(m_repeating, row.instrument) != m_repeating.end();
    if (row.record.empty() || repeats != (row.instance > 0) || repeats == row.instrument.empty()) {
        throw Error{Fault::data, "REDCap refused: redcap_repeat_instrument does not fit"};
    }
    for (const auto& [column, value] : row.values) {
        if (column.ends_with("_complete")) {
            continue;
        }
        const auto field = std::ranges::find(m_fields, base_name(column), &Field::name);
        if (field == m_fields.end()) {
            throw Error{Fault::config, "REDCap refused: no field {}", column};
        }
        const bool form_repeats = std::ranges::find(m_repeating, field->form) != m_repeating.end();
        if (form_repeats ? field->form != row.instrument : repeats) {
            throw Error{Fault::data, "REDCap refused: {}: not a field of that instrument", column};
        }
        if (field->validation == "integer" && !value.empty() && !is_integer(value)) {
            throw Error{Fault::data, "REDCap refused: {}: could not be validated", column};
        }
    }
}

void MemoryRedcap::put(const Row& row)
{
    Row base;
    base.record = row.record;
    base.event = row.event;
    m_rows.try_emplace(key_of(base), base);
    auto& stored =
        m_rows
            .try_emplace(key_of(row), Row{row.record, row.event, row.instrument, row.instance, {}})
            .first->second;
    for (const auto& [column, value] : row.values) {
        stored.values.insert_or_assign(column, value);
    }
}

std::size_t MemoryRedcap::import_records(const Rows& rows, Overwrite overwrite)
{
    ++imports;
    ++m_traffic.calls;
    if (before_import) {
        before_import(rows);
    }
    for (const auto& row : rows) {
        check(row);
    }
    std::set<std::string> records;
    for (const auto& row : rows) {
        auto kept = row;
        if (overwrite == Overwrite::normal) {
            std::erase_if(kept.values, [](const auto& item) { return item.second.empty(); });
        }
        put(kept);
        records.insert(row.record);
    }
    m_traffic.rows_written += rows.size();
    if (after_import) {
        after_import(rows);
    }
    return records.size();
}

std::vector<Row> MemoryRedcap::export_records(const ExportSpec& spec)
{
    ++exports;
    ++m_traffic.calls;
    if (before_export) {
        before_export();
    }
    const auto in = [](const std::vector<std::string>& list, const std::string& text) {
        return std::ranges::find(list, text) != list.end();
    };
    const bool everything = spec.fields.empty() && spec.forms.empty();
    const auto wanted = [&](const Field& field) {
        return everything || in(spec.fields, field.name) || in(spec.forms, field.form);
    };
    std::set<std::string> columns;
    std::set<std::string> forms;
    for (const auto& field : m_fields) {
        if (wanted(field)) {
            columns.insert(field.name);
            forms.insert(field.form);
        }
    }
    Rows rows;
    for (const auto& [key, stored] : m_rows) {
        const bool other_form = !stored.instrument.empty() && !forms.contains(stored.instrument);
        if (other_form || (!spec.records.empty() && !in(spec.records, stored.record))) {
            continue;
        }
        auto row = stored;
        std::erase_if(row.values, [&](const auto& item) {
            return !item.first.ends_with("_complete") && !columns.contains(base_name(item.first));
        });
        rows.push_back(std::move(row));
    }
    m_traffic.rows_read += rows.size();
    return rows;
}

void MemoryRedcap::delete_records(const std::vector<std::string>& records)
{
    std::erase_if(m_rows, [&](const auto& item) {
        return std::ranges::find(records, item.second.record) != records.end();
    });
}

void MemoryRedcap::delete_instance(const std::string& record, const std::string& instrument,
                                   unsigned instance)
{
    std::erase_if(m_rows, [&](const auto& item) {
        const auto& row = item.second;
        return row.record == record && row.instrument == instrument && row.instance == instance;
    });
}

std::string MemoryRedcap::stored(const std::string& record, const std::string& instrument,
                                 unsigned instance, const std::string& field) const
{
    const auto found = m_rows.find(key_of({record, {}, instrument, instance, {}}));
    return found == m_rows.end() ? std::string{} : found->second.value(field);
}

std::size_t MemoryRedcap::count_instances(const std::string& record,
                                          const std::string& instrument) const
{
    return static_cast<std::size_t>(std::ranges::count_if(m_rows, [&](const auto& item) {
        return item.second.record == record && item.second.instrument == instrument;
    }));
}
