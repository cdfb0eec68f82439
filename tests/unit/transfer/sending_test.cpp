// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/files.h"
#include "libfiona/transfer/transfer.h"
#include "tests/support/scripted_pacs.h"
#include "tests/unit/transfer/world.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using transfer_world::fault;
using transfer_world::occurrences;
using transfer_world::prepared;
using transfer_world::World;

namespace fs = std::filesystem;

namespace {

/// Refuses the first `count` objects for now.
ScriptedPacs::Script full_for(std::size_t count)
{
    return [count](std::size_t object) {
        return ScriptedPacs::Answer{.status =
                                        static_cast<std::uint16_t>(object <= count ? 0xA700 : 0)};
    };
}

fs::path first_image(const fs::path& directory)
{
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        if (entry.path().extension() == ".dcm") {
            return entry.path();
        }
    }
    FAIL("nothing was prepared");
    return {};
}

} // namespace

TEST_CASE("a request that is tried again is not de-identified again")
{
    const ScriptedPacs server{full_for(3)};
    World world{server.port()};
    const auto name = world.add(1, 3);

    CHECK(fault(world.run()) == Fault::temporary);
    REQUIRE(prepared(world).size() == 1);
    CHECK((fs::status(prepared(world).front()).permissions() & fs::perms{077}) == fs::perms::none);
    CHECK(identity_in(world.site.everything_written()).empty());
    CHECK(world.site.everything_written().find("3680043.9.7433.1.1.") == std::string::npos);

    world.now += std::chrono::seconds{11};
    CHECK_FALSE(fault(world.run()));

    INFO(world.log);
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(occurrences(world.log, "event=prepared_study_used") == 1);
    CHECK(server.stored().size() == 3);
    CHECK(prepared(world).empty());
    const auto receipts = anonymize::find_receipts(world.site.paths().receipts());
    REQUIRE(receipts.size() == 1);
    CHECK(anonymize::check_receipts(receipts, {}).empty());
    CHECK(occurrences(read_file(receipts.front()), "output_sha256") == 3);
}

TEST_CASE("what was prepared is not used when anything about it has changed")
{
    const ScriptedPacs server{full_for(2)};
    World world{server.port()};
    const auto name = world.add(1, 2);
    CHECK(fault(world.run()) == Fault::temporary);
    REQUIRE(prepared(world).size() == 1);
    std::size_t images = 2;

    SECTION("a prepared file")
    {
        std::ofstream{first_image(prepared(world).front()), std::ios::app} << "more";
    }
    SECTION("a prepared file is gone")
    {
        fs::remove(first_image(prepared(world).front()));
    }
    SECTION("killed before the manifest")
    {
        fs::remove(prepared(world).front() / "manifest.json");
    }
    SECTION("a manifest of something else")
    {
        std::ofstream{prepared(world).front() / "manifest.json"} << "{\"key\": 1";
    }
    SECTION("an image came")
    {
        SmallImage image;
        image.study = TransferSite::study_uid(1);
        image.series = image.study + ".1";
        image.sop = image.series + ".9";
        world.site.add(image);
        images = 3;
    }
    SECTION("the project has another rule")
    {
        world.set_project({{"project_import_rule_1_tag", "0010,4000"},
                           {"project_import_rule_1_regexp", "(arm [A-Z])"}});
    }
    world.now += std::chrono::seconds{11};
    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(report));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(occurrences(world.log, "event=prepared_study_used") == 0);
    CHECK(report.items.at(0).counts.stored == images);
    CHECK(prepared(world).empty());
}

TEST_CASE(
    "what was prepared for a request that nobody knows any more is removed, not before an hour")
{
    const ScriptedPacs server{full_for(1)};
    World world{server.port()};
    const auto name = world.add(1, 1);
    CHECK(fault(world.run()) == Fault::temporary);
    REQUIRE(prepared(world).size() == 1);
    fs::remove(world.site.paths().requests() / name);

    static_cast<void>(world.run());
    CHECK(prepared(world).size() == 1);
    world.now += std::chrono::hours{2};
    static_cast<void>(world.run());
    CHECK(prepared(world).empty());
}
