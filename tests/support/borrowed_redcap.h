// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcap/client.h"

#include <string>
#include <vector>

/// Hands out a project that the test keeps, where the code under test wants to own its client.
class BorrowedRedcap : public fiona::redcap::Client {
public:
    using Row = fiona::redcap::Row;

    explicit BorrowedRedcap(fiona::redcap::Client& project) : m_project{project} {}

    const std::string& record_id_field() override { return m_project.record_id_field(); }
    std::vector<Row> export_records(const fiona::redcap::ExportSpec& spec) override
    {
        return m_project.export_records(spec);
    }
    std::size_t import_records(const std::vector<Row>& rows,
                               fiona::redcap::Overwrite overwrite) override
    {
        return m_project.import_records(rows, overwrite);
    }
    void delete_records(const std::vector<std::string>& records) override
    {
        m_project.delete_records(records);
    }
    void delete_instance(const std::string& record, const std::string& instrument,
                         unsigned instance) override
    {
        m_project.delete_instance(record, instrument, instance);
    }
    std::vector<fiona::redcap::Field> metadata() override { return m_project.metadata(); }
    std::vector<fiona::redcap::Event> events() override { return m_project.events(); }
    std::vector<std::string> repeating_forms() override { return m_project.repeating_forms(); }
    std::string version() override { return m_project.version(); }

private:
    fiona::redcap::Client& m_project;
};
