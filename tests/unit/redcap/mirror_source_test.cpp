// SPDX-License-Identifier: MIT
#include "libfiona/redcap/mirror.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::redcap;

namespace {

/// The server belongs to the test, the client to the mirror.
class Borrowed final : public Client {
public:
    explicit Borrowed(MemoryRedcap& server) : m_server{server} {}
    const std::string& record_id_field() override { return m_server.record_id_field(); }
    std::vector<Row> export_records(const ExportSpec& spec) override
    {
        return m_server.export_records(spec);
    }
    std::size_t import_records(const std::vector<Row>& rows, Overwrite overwrite) override
    {
        return m_server.import_records(rows, overwrite);
    }
    void delete_records(const std::vector<std::string>& records) override
    {
        m_server.delete_records(records);
    }
    void delete_instance(const std::string& record, const std::string& instrument,
                         unsigned instance) override
    {
        m_server.delete_instance(record, instrument, instance);
    }
    std::vector<Field> metadata() override { return m_server.metadata(); }
    std::vector<Event> events() override { return m_server.events(); }
    std::vector<std::string> repeating_forms() override { return m_server.repeating_forms(); }
    std::string version() override { return m_server.version(); }

private:
    MemoryRedcap& m_server;
};

} // namespace

TEST_CASE("the copy of one REDCap is not believed when the site has moved to another")
{
    const TempDir directory;
    MemoryRedcap before = MemoryRedcap::incoming();
    MemoryRedcap after = MemoryRedcap::incoming();
    before.put({"1.2.3.1", {}, {}, 0, {{"study_date", "20240101"}}});
    after.put({"1.2.3.2", {}, {}, 0, {{"study_date", "20240102"}}});
    const auto studies = [&](MemoryRedcap& server, const std::string& where,
                             const std::vector<std::string>& records) {
        MirrorSettings settings;
        settings.state_dir = directory / "state";
        settings.source = where;
        const auto client = mirrored(settings, [&] { return std::make_unique<Borrowed>(server); });
        ExportSpec spec;
        spec.fields = {"study_date"};
        spec.records = records;
        std::string dates;
        for (const auto& row : client->export_records(spec)) {
            dates += row.record + "=" + row.value("study_date") + " ";
        }
        return dates;
    };
    REQUIRE(studies(before, "https://redcap.example.org/api/", {}) == "1.2.3.1=20240101 ");

    const std::string moved = "https://new.example.org/api/";
    CHECK(studies(after, moved, {"1.2.3.1"}).empty());
    CHECK(studies(after, moved, {}) == "1.2.3.2=20240102 ");
    CHECK(studies(before, moved, {}) == "1.2.3.2=20240102 "); // the copy is of `after` now
}
