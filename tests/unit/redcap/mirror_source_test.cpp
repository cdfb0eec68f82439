// SPDX-License-Identifier: MIT
#include "libfiona/redcap/mirror.h"
#include "tests/support/borrowed_redcap.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::redcap;

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
        const auto client =
            mirrored(settings, [&] { return std::make_unique<BorrowedRedcap>(server); });
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
