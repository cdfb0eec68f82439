// SPDX-License-Identifier: MIT
#include "tests/support/pacs_server.h"
#include "tests/unit/transfer/world.h"

#include <catch2/catch.hpp>

using namespace fiona;
using transfer_world::World;

namespace fs = std::filesystem;

TEST_CASE("what comes late goes alone, with what has changed or the PACS has no more")
{
    PacsServer server;
    World world{server.port()};
    auto& pacs = world.site.config().research_pacs;
    pacs.qr_port = server.port();
    pacs.qr_aet = server.aet();
    static_cast<void>(world.add(1, 3));
    REQUIRE_FALSE(world.run().problem);
    REQUIRE(server.files().size() == 3);
    SmallImage late;
    late.study = TransferSite::study_uid(1);
    late.series = late.study + ".2";
    late.sop = late.series + ".1";
    world.site.add(late);
    std::string sent = "2024-01-02 10:31";
    std::size_t before = 3;
    SECTION("alone") {}
    SECTION("and one that the clinical PACS has corrected")
    {
        SmallImage corrected;
        corrected.study = late.study;
        corrected.series = late.study + ".1";
        corrected.sop = corrected.series + ".1";
        corrected.more = {{"SliceThickness", "7.25"}};
        world.site.add(corrected);
        before = 2;
    }
    SECTION("and all of it if the PACS has nothing any more")
    {
        fs::remove_all(server.storage());
        fs::create_directories(server.storage());
        before = 0;
    }
    SECTION("and all of it if the PACS cannot be asked")
    {
        pacs.qr_port = unused_port();
        before = 0;
    }
    SECTION("and all of it if somebody asks for that")
    {
        sent = "2024-01-02 10:29";
        before = 0;
    }
    const auto name = world.site.file_request(late.study, "DEMO", "DEMO_0001", sent);

    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(report.problem);
    CHECK(world.site.whereabouts(name).find("done") != std::string::npos);
    REQUIRE(report.items.size() == 1);
    CHECK(report.items[0].counts.stored == 4);
    CHECK(report.items[0].counts.before == before);
    CHECK(server.files().size() == 4);
    CHECK(identity_in(world.site.everything_written()).empty());
}
