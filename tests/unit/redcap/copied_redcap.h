// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/redcap/server_clock.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/temp_dir.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace copied_redcap {

using namespace fiona;
using namespace fiona::redcap;

class DatedRedcap final : public Client {
public:
    explicit DatedRedcap(MemoryRedcap& inner, const TimePoint& clock)
        : m_inner{inner}, m_clock{clock}
    {
    }

    const std::string& record_id_field() override { return m_inner.record_id_field(); }
    std::vector<Row> export_records(const ExportSpec& spec) override
    {
        called();
        auto rows = m_inner.export_records(spec);
        if (!spec.date_range_begin.empty()) {
            std::erase_if(rows, [&](const Row& row) {
                return server_second(changed[row.record], "") < spec.date_range_begin;
            });
        }
        return rows;
    }
    std::size_t import_records(const std::vector<Row>& rows, Overwrite overwrite) override
    {
        called();
        const auto count = m_inner.import_records(rows, overwrite);
        for (const auto& row : rows) {
            changed[row.record] = m_clock;
        }
        return count;
    }
    void delete_records(const std::vector<std::string>& records) override
    {
        called();
        remove(records);
    }
    void delete_instance(const std::string& record, const std::string& instrument,
                         unsigned instance) override
    {
        called();
        m_inner.delete_instance(record, instrument, instance);
    }
    std::vector<Field> metadata() override
    {
        called();
        return fields ? *fields : m_inner.metadata();
    }
    std::vector<Event> events() override { return m_inner.events(); }
    std::vector<std::string> repeating_forms() override { return m_inner.repeating_forms(); }
    std::string version() override { return m_inner.version(); }
    std::optional<std::vector<std::string>> deleted_records(const std::string& begin) override
    {
        called();
        if (!log_right) {
            return std::nullopt;
        }
        std::vector<std::string> found;
        for (const auto& [when, record] : deleted) {
            if (server_minute(when, "") >= begin) {
                found.push_back(record);
            }
        }
        return found;
    }
    [[nodiscard]] std::optional<TimePoint> server_time() const override { return m_clock; }

    /// By a person in the web interface.
    void put(const Row& row)
    {
        m_inner.put(row);
        changed[row.record] = m_clock;
    }
    void remove(const std::vector<std::string>& records)
    {
        m_inner.delete_records(records);
        for (const auto& record : records) {
            deleted.emplace(m_clock, record);
        }
    }

    std::map<std::string, TimePoint> changed;
    std::multimap<TimePoint, std::string> deleted;
    std::optional<std::vector<Field>> fields;
    bool log_right = true;
    unsigned calls = 0;
    std::optional<Error> broken;

private:
    void called()
    {
        ++calls;
        if (broken) {
            throw Error{*broken};
        }
    }

    MemoryRedcap& m_inner;
    const TimePoint& m_clock;
};

inline Row transfer(const std::string& record, unsigned instance, const std::string& name)
{
    return {record,
            {},
            "transfers",
            instance,
            {{"transfer_project_name", "DEMO"}, {"transfer_name", name}}};
}

/// Five records of INCOMING and a copy of them, with a clock of its own.
struct Copied {
    Copied()
    {
        for (int i = 1; i <= 5; ++i) {
            server.put(
                {id(i), {}, {}, 0, {{"study_date", "20240102"}, {"study_patient_id", "aa"}}});
            server.put(transfer(id(i), 1, fmt::format("DEMO_{}", i)));
        }
    }

    static std::string id(int number) { return fmt::format("1.2.3.{}", number); }

    /// As another tool, or the next minute's, opens it.
    [[nodiscard]] std::unique_ptr<Client> open(Freshness freshness = Freshness::usual)
    {
        MirrorSettings settings;
        settings.role = Role::incoming;
        settings.state_dir = directory / "state";
        settings.freshness = freshness;
        settings.now = [this] { return now; };
        return mirrored(settings, [this] { return std::make_unique<Shared>(server); });
    }

    /// Names of all participants, in the order of the rows.
    [[nodiscard]] std::string names(Client& client, ExportSpec spec = {}) const
    {
        spec.fields = {"transfer_name"};
        std::string names;
        for (const auto& row : client.export_records(spec)) {
            names += row.instrument == "transfers" ? row.value("transfer_name") + " " : "";
        }
        return names;
    }
    [[nodiscard]] std::filesystem::path file() const
    {
        return directory / "state/redcap-mirror.sqlite";
    }

    /// The server belongs to the fixture, the client to the mirror.
    class Shared final : public Client {
    public:
        explicit Shared(DatedRedcap& shared) : m_shared{shared} {}
        const std::string& record_id_field() override { return m_shared.record_id_field(); }
        std::vector<Row> export_records(const ExportSpec& spec) override
        {
            return m_shared.export_records(spec);
        }
        std::size_t import_records(const std::vector<Row>& rows, Overwrite overwrite) override
        {
            return m_shared.import_records(rows, overwrite);
        }
        void delete_records(const std::vector<std::string>& records) override
        {
            m_shared.delete_records(records);
        }
        void delete_instance(const std::string& record, const std::string& instrument,
                             unsigned instance) override
        {
            m_shared.delete_instance(record, instrument, instance);
        }
        std::vector<Field> metadata() override { return m_shared.metadata(); }
        std::vector<Event> events() override { return m_shared.events(); }
        std::vector<std::string> repeating_forms() override { return m_shared.repeating_forms(); }
        std::string version() override { return m_shared.version(); }
        std::optional<std::vector<std::string>> deleted_records(const std::string& begin) override
        {
            return m_shared.deleted_records(begin);
        }
        [[nodiscard]] std::optional<TimePoint> server_time() const override
        {
            return m_shared.server_time();
        }

    private:
        DatedRedcap& m_shared;
    };

    TempDir directory;
    TimePoint now = Clock::from_time_t(1'704'190'000);
    MemoryRedcap inner{MemoryRedcap::incoming_fields(), {"series", "transfers"}};
    DatedRedcap server{inner, now};
};

/// What names() gives before anything changed.
constexpr auto all_five = "DEMO_1 DEMO_2 DEMO_3 DEMO_4 DEMO_5 ";

} // namespace copied_redcap
