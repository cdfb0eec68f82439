// SPDX-License-Identifier: MIT
#include "libfiona/dicom/library.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/workflow/delivery.h"
#include "tests/support/pacs_server.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

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
                 }},
                records};
    }

    dicom::Library library;
    TempDir root;
    jobs::JobRecords records{root.path};
    jobs::JobRecord record;
    SmallImage image;
    jobs::InputFacts input;
    jobs::Output output;
    pacs::Peer peer;
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

TEST_CASE("nothing leaves for an input that is not de-identified")
{
    World world;
    world.input.says_deidentified = false;

    CHECK_THROWS_WITH(world.delivery().deliver(world.record, demo, world.input, world.output),
                      Contains("not de-identified"));
    CHECK(world.asked == 0);

    world.output = {};
    CHECK_FALSE(
        world.delivery().deliver(world.record, demo, world.input, world.output).has_value());
}
