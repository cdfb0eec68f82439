// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/pacs/commitment_report.h"
#include "libfiona/transfer/transfer.h"
#include "tests/support/scripted_pacs.h"
#include "tests/unit/transfer/world.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;
using transfer_world::fault;
using transfer_world::World;

namespace fs = std::filesystem;

namespace {

ScriptedPacs::Script always_stored()
{
    return [](std::size_t) { return ScriptedPacs::Answer{}; };
}

std::string audit_of(const World& world)
{
    return read_file(world.site.paths().logs() / "transfers-audit.jsonl");
}

} // namespace

TEST_CASE("a PACS that commits itself to what it has stored is asked once for a study")
{
    const ScriptedPacs server{always_stored(), {"1.2.840.10008.1.2.1"}, ScriptedPacs::Commitment{}};
    World world{server.port()};
    using enum ResearchPacsConfig::Commitment;
    world.site.config().research_pacs.commitment = GENERATE(automatic, required);
    const auto name = world.add(1, 3);

    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(report));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(server.questions() == 1);
    CHECK_THAT(audit_of(world), Contains(R"("commitment":"committed")"));
    CHECK(fs::is_empty(world.site.paths().commitments() / "asked"));
}

TEST_CASE("what the PACS has stored and not kept is sent again, and only that")
{
    ScriptedPacs::Commitment forgetful;
    forgetful.keeps = [first = std::string{}](std::size_t question,
                                              const std::string& sop) mutable {
        if (question == 1 && first.empty()) {
            first = sop;
        }
        return question > 1 || sop != first;
    };
    const ScriptedPacs server{always_stored(), {"1.2.840.10008.1.2.1"}, forgetful};
    World world{server.port()};
    const auto name = world.add(1, 3);

    const auto first = world.run();
    CHECK(fault(first) == Fault::temporary);
    CHECK_THAT(first.items.at(0).reason, Contains("not kept"));
    CHECK(world.site.whereabouts(name) == "requests");
    CHECK(world.told(1, "transfer_date").empty());

    world.now += std::chrono::seconds{11};
    const auto second = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(second));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(server.stored().size() == 4);
    CHECK(server.questions() == 2);
    CHECK(second.items.at(0).counts.stored == 3);
}

TEST_CASE("a PACS that never keeps an image makes us give up, and says why")
{
    ScriptedPacs::Commitment never;
    never.keeps = [](std::size_t, const std::string&) { return false; };
    const ScriptedPacs server{always_stored(), {"1.2.840.10008.1.2.1"}, never};
    World world{server.port()};
    const auto name = world.add(1, 1);

    CHECK(world.run_hourly(name, 20) == transfer::max_failures);
    CHECK(world.site.whereabouts(name) == "failed");
    CHECK(world.told(1, "transfer_error___2") == "1");
    CHECK(world.told(1, "transfer_mapped_uid").empty());
    CHECK_THAT(world.told(1, "transfer_error_message"), Contains("no such object (0112)"));
}

TEST_CASE("a PACS without storage commitment gets studies all the same, unless it is required")
{
    using enum ResearchPacsConfig::Commitment;
    const ScriptedPacs server{always_stored()};
    World world{server.port()};
    const auto name = world.add(1, 2);
    const auto mode = GENERATE(off, automatic, required);
    world.site.config().research_pacs.commitment = mode;

    const auto report = world.run();

    INFO(world.log);
    CHECK(server.stored().size() == 2);
    if (mode == required) {
        CHECK(fault(report) == Fault::protocol);
        CHECK(world.site.whereabouts(name) == "requests");
        CHECK_THAT(report.problem->what(), Contains("RESEARCH_PACS.commitment"));
        CHECK(world.told(1, "transfer_date").empty());
    } else {
        CHECK_FALSE(fault(report));
        CHECK(world.site.whereabouts(name) == "done");
    }
}

TEST_CASE("without a report a study is done in mode auto, and waits where it is required")
{
    using enum ResearchPacsConfig::Commitment;
    ScriptedPacs::Commitment silent;
    silent.reports = false;
    const ScriptedPacs server{always_stored(), {"1.2.840.10008.1.2.1"}, silent};
    World world{server.port()};
    auto& settings = world.site.config().research_pacs;
    settings.commitment_wait = std::chrono::seconds{1};
    const auto name = world.add(1, 2);

    SECTION("auto")
    {
        CHECK_FALSE(fault(world.run()));
        CHECK(world.site.whereabouts(name) == "done");
        CHECK_THAT(audit_of(world), Contains(R"("commitment":"not reported")"));
    }
    SECTION("required, and reported to our receiver later")
    {
        settings.commitment = required;
        CHECK(fault(world.run()) == Fault::temporary);
        CHECK(world.site.whereabouts(name) == "requests");
        const fs::directory_entry asked{
            *fs::directory_iterator{world.site.paths().commitments() / "asked"}};
        const auto transaction = asked.path().filename().native();
        world.now += std::chrono::seconds{20};
        CHECK(fault(world.run()) == Fault::temporary); // still nothing
        CHECK(server.questions() == 1);

        const auto stored = server.stored();
        const pacs::CommitmentInbox inbox{world.site.paths().commitments()};
        CHECK_FALSE(inbox.keep({"2.25.1", {}, {}}));
        CHECK(inbox.keep({transaction, {stored.begin(), stored.end()}, {}}));
        world.now += std::chrono::seconds{70};

        CHECK_FALSE(fault(world.run()));
        CHECK(world.site.whereabouts(name) == "done");
        CHECK(server.questions() == 1);
        CHECK(server.stored().size() == 2);
        CHECK(fs::is_empty(world.site.paths().commitments() / "asked"));
        CHECK(fs::is_empty(world.site.paths().commitments() / "reports"));
    }
    SECTION("required, and never reported: asked again, then given up")
    {
        settings.commitment = required;
        unsigned runs = 0;
        while (world.site.whereabouts(name) == "requests" && runs < 30) {
            static_cast<void>(world.run());
            world.now += std::chrono::minutes{20};
            ++runs;
        }
        CHECK(world.site.whereabouts(name) == "failed");
        CHECK(server.questions() > 1);
        CHECK(server.stored().size() == 2);
        CHECK_THAT(world.told(1, "transfer_error_message"), Contains("storage commitment"));
    }
}
