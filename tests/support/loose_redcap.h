// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/redcap/client.h"

#include <algorithm>
#include <optional>

/// One REDCap project in memory, behind the client's interface, without a dictionary of its own: for
/// tests of readers. Where the rules of an import matter, see MemoryRedcap.
class LooseRedcap : public fiona::redcap::Client {
public:
    using Row = fiona::redcap::Row;

    explicit LooseRedcap(std::string id_field) : m_id_field{std::move(id_field)} {}

    std::vector<Row> rows;
    std::vector<fiona::redcap::Field> fields;
    std::vector<fiona::redcap::Event> all_events;
    std::vector<std::string> repeating{"series", "transfers"};
    unsigned imports = 0;
    std::optional<fiona::Error> broken;            ///< thrown by every call
    std::optional<fiona::Error> refuses_deletions; ///< of an instance: thrown by that

    void add(Row row) { rows.push_back(std::move(row)); }

    const std::string& record_id_field() override { return m_id_field; }

    std::vector<Row> export_records(const fiona::redcap::ExportSpec& spec) override
    {
        fail_if_broken();
        std::vector<Row> found;
        for (auto row : rows) {
            if (!spec.records.empty()
                && std::ranges::find(spec.records, row.record) == spec.records.end()) {
                continue;
            }
            if (!spec.fields.empty()) {
                std::erase_if(row.values, [&](const auto& item) {
                    const auto field = item.first.substr(0, item.first.find("___"));
                    return std::ranges::find(spec.fields, field) == spec.fields.end()
                           && !is_of(field, spec.forms);
                });
            }
            found.push_back(std::move(row));
        }
        return found;
    }

    std::size_t import_records(const std::vector<Row>& more,
                               fiona::redcap::Overwrite overwrite) override
    {
        fail_if_broken();
        ++imports;
        for (const auto& row : more) {
            auto& stored = stored_row(row);
            for (const auto& [field, value] : row.values) {
                if (!value.empty() || overwrite == fiona::redcap::Overwrite::overwrite) {
                    stored.values[field] = value;
                }
            }
        }
        return more.size();
    }

    void delete_records(const std::vector<std::string>& records) override
    {
        std::erase_if(rows, [&](const Row& row) {
            return std::ranges::find(records, row.record) != records.end();
        });
    }

    void delete_instance(const std::string& record, const std::string& instrument,
                         unsigned instance) override
    {
        if (refuses_deletions) {
            throw fiona::Error{*refuses_deletions};
        }
        std::erase_if(rows, [&](const Row& row) {
            return row.record == record && row.instrument == instrument && row.instance == instance;
        });
    }

    std::vector<fiona::redcap::Field> metadata() override
    {
        fail_if_broken();
        return fields;
    }
    std::vector<fiona::redcap::Event> events() override { return all_events; }
    std::vector<std::string> repeating_forms() override { return repeating; }
    std::string version() override
    {
        fail_if_broken();
        return "14.0.0";
    }

private:
    [[nodiscard]] bool is_of(const std::string& name, const std::vector<std::string>& forms) const
    {
        const auto field = std::ranges::find(fields, name, &fiona::redcap::Field::name);
        return field != fields.end() && std::ranges::find(forms, field->form) != forms.end();
    }

    void fail_if_broken() const
    {
        if (broken) {
            throw fiona::Error{*broken};
        }
    }

    Row& stored_row(const Row& row)
    {
        const auto found = std::ranges::find_if(rows, [&](const Row& other) {
            return other.record == row.record && other.event == row.event
                   && other.instrument == row.instrument && other.instance == row.instance;
        });
        if (found != rows.end()) {
            return *found;
        }
        rows.push_back({row.record, row.event, row.instrument, row.instance, {}});
        return rows.back();
    }

    std::string m_id_field;
};
