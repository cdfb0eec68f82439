// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcap/client.h"

#include <functional>
#include <map>
#include <string>
#include <tuple>
#include <vector>

/// REDCap's record rules in memory, behind our own interface: rows keyed by (record, event,
/// instrument, instance), an import is checked as a whole and changes all or nothing, instance rows
/// follow the base row of their record, blank values are ignored unless overwriting.
class MemoryRedcap final : public fiona::redcap::Client {
public:
    using Row = fiona::redcap::Row;
    using Rows = std::vector<Row>;

    /// A classic project; the first field is the record id.
    explicit MemoryRedcap(std::vector<fiona::redcap::Field> fields,
                          std::vector<std::string> repeating = {});

    /// The schema of INCOMING.
    static std::vector<fiona::redcap::Field> incoming_fields();
    static MemoryRedcap incoming();

    const std::string& record_id_field() override { return m_fields.front().name; }
    std::vector<Row> export_records(const fiona::redcap::ExportSpec& spec) override;
    std::size_t import_records(const Rows& rows, fiona::redcap::Overwrite overwrite) override;
    void delete_records(const std::vector<std::string>& records) override;
    void delete_instance(const std::string& record, const std::string& instrument,
                         unsigned instance) override;
    std::vector<fiona::redcap::Field> metadata() override { return m_fields; }
    std::vector<fiona::redcap::Event> events() override { return longitudinal; }
    std::vector<std::string> repeating_forms() override { return m_repeating; }
    std::string version() override { return "14.0.0"; }
    fiona::redcap::Traffic traffic() const override { return m_traffic; }

    /// Events of a longitudinal project; empty: classic.
    std::vector<fiona::redcap::Event> longitudinal;
    /// Called before and after each import takes effect; either may throw, as a lost request or a
    /// lost answer would, or change what is stored, as another user would.
    std::function<void(const Rows&)> before_import;
    std::function<void(const Rows&)> after_import;
    std::function<void()> before_export;

    unsigned exports = 0;
    unsigned imports = 0;

    /// What is stored, for checks: "" if there is no such value.
    [[nodiscard]] std::string stored(const std::string& record, const std::string& instrument,
                                     unsigned instance, const std::string& field) const;
    [[nodiscard]] std::size_t count_instances(const std::string& record,
                                              const std::string& instrument) const;
    /// Writes as a person in the web interface does: no hooks.
    void put(const Row& row);

private:
    using Key = std::tuple<std::string, std::size_t, std::size_t, unsigned>;

    [[nodiscard]] std::size_t form_place(const std::string& form) const;
    [[nodiscard]] Key key_of(const Row& row) const;
    void check(const Row& row) const;

    std::vector<fiona::redcap::Field> m_fields;
    std::vector<std::string> m_repeating;
    std::map<Key, Row> m_rows;
    fiona::redcap::Traffic m_traffic;
};
