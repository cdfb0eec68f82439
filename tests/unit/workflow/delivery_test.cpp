// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/kept_mapping.h"
#include "libfiona/base/json.h"
#include "libfiona/dicom/library.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/workflow/delivery.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/pacs_server.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <vector>

using namespace fiona;
using Catch::Contains;

namespace {

jobs::OutputValue value(const std::string& record, const std::string& event,
                        const std::string& field, const std::string& text)
{
    return {.record = Private{record},
            .event = event,
            .instrument = "",
            .instance = 0,
            .field = field,
            .value = text};
}

/// A job that has made one image; how often the PACS was asked for is counted.
struct World {
    World()
    {
        records.prepare();
        record.id = "a";
        record.folder = root / "job";
        std::filesystem::create_directories(root / "job_output");
        write_image(image, root / "job_output" / "a.dcm");
        input.participants.emplace(image.study, Private<std::string>{"DEMO_0001"});
        output.images = {root / "job_output" / "a.dcm"};
        output.instances = {image.sop};
    }

    workflow::Delivery delivery()
    {
        return {{[this] {
                     ++asked;
                     return peer;
                 },
                 [this] { return peer; },
                 [](const ProjectName&) -> std::shared_ptr<redcap::Client> {
                     throw Error{Fault::temporary, "REDCap is away"};
                 },
                 [this]() -> std::shared_ptr<redcap::Client> {
                     if (!incoming) {
                         throw Error{Fault::unreachable, "INCOMING is away"};
                     }
                     return incoming;
                 }},
                records,
                root / "keys"};
    }
    void keep_mapping() const
    {
        anonymize::KeptMappings{root / "keys"}.keep(
            ProjectName{"DEMO"},
            json::write(
                json::Object{{"StudyInstanceUID", json::Object{{"1.2.826.0.1.9", image.study}}}}));
    }

    dicom::Library library;
    TempDir root;
    jobs::JobRecords records{root.path};
    jobs::JobRecord record;
    SmallImage image;
    jobs::InputFacts input;
    jobs::Output output;
    pacs::Peer peer;
    std::shared_ptr<MemoryRedcap> incoming;
    int asked = 0;
};

const ProjectName demo{"DEMO"};

} // namespace

TEST_CASE("values of one record and event are one row")
{
    const std::vector<redcap::Event> events{{"Baseline", "baseline_arm_1"},
                                            {"Follow up", "follow_up_arm_1"}};

    const auto rows =
        workflow::rows_of({value("A", "Baseline", "x", "1"), value("A", "baseline_arm_1", "y", "2"),
                           value("A", "Follow up", "x", "3"), value("B", "", "x", "4")},
                          events);

    REQUIRE(rows.size() == 3);
    CHECK(rows[0].event == "baseline_arm_1");
    CHECK(rows[0].value("x") == "1");
    CHECK(rows[0].value("y") == "2");
    CHECK(rows[1].value("x") == "3");
    CHECK(rows[2].event == "baseline_arm_1"); // the first, where none is named
    CHECK(workflow::rows_of({value("A", "", "x", "1")}, {}).at(0).event.empty());
    CHECK_THROWS_WITH(workflow::rows_of({value("A", "Other secret", "x", "1")}, events),
                      Contains("does not have") && !Contains("secret"));
}

TEST_CASE("what the PACS has taken is not sent again while REDCap is away")
{
    const PacsServer pacs;
    World world;
    world.keep_mapping();
    world.peer = pacs.peer();
    world.output.values = {value("DEMO_0001", "", "x", "1")};

    auto first = world.delivery();
    const auto problem = first.deliver(world.record, demo, world.input, world.output);
    auto second = world.delivery();
    const auto again = second.deliver(world.record, demo, world.input, world.output);

    REQUIRE(problem.has_value());
    CHECK_THAT(problem->what(), Contains("REDCap is away"));
    CHECK(again.has_value());
    CHECK(world.asked == 1);
    CHECK(pacs.files().size() == 1);
    CHECK(world.records.load("a").is_sent);
    CHECK_FALSE(world.records.load("a").is_recorded);
    CHECK(world.records.sent("a") == std::vector<std::string>{world.image.sop});
}

TEST_CASE("a refused image does not fail a job whose other images are merely unsent")
{
    World world;
    world.keep_mapping();
    world.output.images.clear();
    world.output.instances.clear();
    for (const auto* const number : {"1", "2", "3"}) {
        auto image = world.image;
        image.sop = image.series + "." + number;
        const auto file = world.root / "job_output" / (std::string{number} + ".dcm");
        write_image(image, file);
        world.output.images.push_back(file);
        world.output.instances.push_back(image.sop);
    }
    std::atomic<bool> loses = true;
    const ScriptedPacs pacs{[&](std::size_t object) {
        return loses && object > 1
                   ? ScriptedPacs::Answer{.drop = true}
                   : ScriptedPacs::Answer{.status =
                                              static_cast<std::uint16_t>(object == 1 ? 0xC000 : 0)};
    }};
    world.peer = pacs.peer();

    const auto problem = world.delivery().deliver(world.record, demo, world.input, world.output);
    loses = false;
    const auto later = world.delivery().deliver(world.record, demo, world.input, world.output);

    REQUIRE(problem.has_value());
    CHECK(problem->fault() == Fault::temporary);
    CHECK_FALSE(later.has_value());
    CHECK(world.record.is_sent);
    CHECK(pacs.stored().size() == 3);
}

TEST_CASE("an image that the PACS does not take now keeps no other job back")
{
    World world;
    world.keep_mapping();
    const ScriptedPacs pacs{[](std::size_t object) {
        return ScriptedPacs::Answer{.status = static_cast<std::uint16_t>(object == 1 ? 0xA700 : 0)};
    }};
    world.peer = pacs.peer();
    auto other = world.record;
    other.id = "b";
    auto delivery = world.delivery();

    const auto later = delivery.deliver(world.record, demo, world.input, world.output);
    const auto next = delivery.deliver(other, demo, world.input, world.output);

    REQUIRE(later.has_value());
    CHECK(later->fault() == Fault::temporary);
    CHECK_FALSE(next.has_value());
    CHECK(other.is_sent);
}

TEST_CASE("what one project's REDCap cannot take keeps the jobs of no other project back")
{
    World world;
    world.keep_mapping();
    world.output.images.clear();
    world.output.instances.clear();
    world.output.values = {value("DEMO_0001", "", "x", "1")};
    const auto fault = GENERATE(Fault::config, Fault::permission);
    const auto other = std::make_shared<MemoryRedcap>(
        std::vector<redcap::Field>{{"record_id", "", "", "", ""}, {"x", "", "", "", ""}});
    workflow::Delivery delivery{
        {{},
         {},
         [&](const ProjectName& project) -> std::shared_ptr<redcap::Client> {
             if (project == demo) {
                 throw Error{fault, "there is no field x, or no token"};
             }
             return other;
         },
         {}},
        world.records,
        world.root / "keys"};
    auto next_record = world.record;
    next_record.id = "b";

    const auto later = delivery.deliver(world.record, demo, world.input, world.output);
    const auto next =
        delivery.deliver(next_record, ProjectName{"OTHER"}, world.input, world.output);

    REQUIRE(later.has_value());
    CHECK(later->fault() == fault);
    CHECK_FALSE(next.has_value());
    CHECK(other->imports == 1);
}

TEST_CASE("what REDCap refuses does not fail a job whose images are merely unsent")
{
    World world;
    world.keep_mapping();
    world.peer = {"127.0.0.1", 1, "NOBODY", "FIONA", std::chrono::seconds{2}};
    world.output.values = {value("DEMO_0001", "", "x", "1")};
    workflow::Delivery delivery{{[&] { return world.peer; },
                                 {},
                                 [](const ProjectName&) -> std::shared_ptr<redcap::Client> {
                                     throw Error{Fault::data, "there is no field x"};
                                 },
                                 {}},
                                world.records,
                                world.root / "keys"};

    const auto later = delivery.deliver(world.record, demo, world.input, world.output);

    REQUIRE(later.has_value());
    CHECK(later->fault() == Fault::unreachable);
}

TEST_CASE("nothing leaves for a study that no transfer has made, whatever its UID begins with")
{
    World world;
    world.incoming = std::make_shared<MemoryRedcap>(
        MemoryRedcap::incoming_fields(), std::vector<std::string>{"series", "transfers"});
    const auto* const study =
        GENERATE("2.25.4711", "1.3.6.1.4.1.45037.4711", "1.2.826.0.1.3680043.9.7433.1.1");
    CAPTURE(study);
    world.input.participants = {{study, Private<std::string>{"19790203 12345"}}};

    CHECK_THROWS_WITH(world.delivery().deliver(world.record, demo, world.input, world.output),
                      Contains("not de-identified") && !Contains("12345"));
    CHECK(world.asked == 0);

    world.output = {};
    CHECK_FALSE(
        world.delivery().deliver(world.record, demo, world.input, world.output).has_value());
}

TEST_CASE("a study counts as de-identified by its mapping, by INCOMING, or for the PACS gave it")
{
    const PacsServer pacs;
    World world;
    world.peer = pacs.peer();
    SECTION("its mapping is kept, and INCOMING is not asked")
    {
        world.keep_mapping();
    }
    SECTION("INCOMING has its new UID")
    {
        world.incoming = std::make_shared<MemoryRedcap>(
            MemoryRedcap::incoming_fields(), std::vector<std::string>{"series", "transfers"});
        world.incoming->import_records({{"1.2.3",
                                         "",
                                         "transfers",
                                         1,
                                         {{"transfer_mapped_uid", "2.25.1," + world.image.study}}}},
                                       redcap::Overwrite::normal);
    }
    SECTION("the research PACS gave all of it")
    {
        world.record.fetched_studies = {world.image.study};
    }
    SECTION("one of two studies is none")
    {
        world.keep_mapping();
        world.incoming = std::make_shared<MemoryRedcap>(
            MemoryRedcap::incoming_fields(), std::vector<std::string>{"series", "transfers"});
        world.input.participants.emplace("2.25.4711", Private<std::string>{"X"});
        CHECK_THROWS_AS(world.delivery().deliver(world.record, demo, world.input, world.output),
                        Error);
        CHECK(pacs.files().empty());
        return;
    }
    SECTION("INCOMING cannot be asked: later")
    {
        const auto later = world.delivery().deliver(world.record, demo, world.input, world.output);
        REQUIRE(later.has_value());
        CHECK_THAT(later->what(), Contains("INCOMING is away"));
        CHECK(pacs.files().empty());
        return;
    }

    CHECK_FALSE(
        world.delivery().deliver(world.record, demo, world.input, world.output).has_value());
    CHECK(pacs.files().size() == 1);
}
