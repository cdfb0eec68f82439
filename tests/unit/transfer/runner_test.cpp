// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/pacs/query.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/transfer/fair_order.h"
#include "libfiona/transfer/runner.h"
#include "tests/support/doubtful_picture.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/pacs_server.h"
#include "tests/support/scripted_pacs.h"
#include "tests/unit/transfer/world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

using namespace fiona;
using transfer_world::fault;
using transfer_world::World;

namespace fs = std::filesystem;

namespace {

ScriptedPacs::Script always(std::uint16_t status)
{
    return [status](std::size_t) { return ScriptedPacs::Answer{.status = status}; };
}

std::size_t distinct(const std::vector<std::string>& names)
{
    return std::set<std::string>(names.begin(), names.end()).size();
}

} // namespace

TEST_CASE("studies reach a real PACS without their identity, REDCap is told, a second run is idle")
{
    const PacsServer server;
    World world{server.port()};
    const auto first = world.add(1, 3);
    const auto second = world.add(2, 2);

    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(report));
    REQUIRE(report.items.size() == 2);
    CHECK(report.items[0].state == "sent");
    CHECK(report.items[0].counts.stored == 3);
    CHECK(world.site.whereabouts(first) == "done");
    CHECK(world.site.whereabouts(second) == "done");
    CHECK(world.told(1, "transfers_complete") == "2");
    CHECK(world.told(1, "transfer_error_message").empty());
    CHECK_FALSE(world.told(1, "transfer_date").empty());
    const auto found =
        pacs::find(server.peer(), pacs::Level::study,
                   {{"StudyInstanceUID", world.told(1, "transfer_mapped_uid")}, {"PatientID", ""}});
    REQUIRE(found.size() == 1);
    CHECK(found.front().at("PatientID") == "DEMO_0001");
    REQUIRE(server.files().size() == 5);
    for (const auto& file : server.files()) {
        const auto bytes = read_file(file);
        CHECK(identity_in(bytes).empty());
        CHECK(bytes.find("3680043.9.7433") == std::string::npos);
    }
    CHECK(identity_in(world.log + world.site.everything_written()).empty());
    CHECK(world.log.find("3680043.9.7433") == std::string::npos);
    const auto audit = read_file(world.site.paths().logs() / "transfers-audit.jsonl");
    CHECK(std::ranges::count(audit, '\n') == 2);
    CHECK(audit.find("3680043.9.7433") == std::string::npos);
    const auto receipts = anonymize::find_receipts(world.site.paths().receipts());
    REQUIRE(receipts.size() == 2);
    CHECK(anonymize::check_receipts(receipts, {}).empty());
    const auto receipt = read_file(receipts.front());
    CHECK(std::ranges::count(receipt, '{') > 3);
    CHECK(receipt.find(R"(": "0000")") != std::string::npos); // the answer to a C-STORE
    CHECK(receipt.find("3680043.9.7433") == std::string::npos);
    for (const auto& entry : fs::directory_iterator{world.site.paths().temporary()}) {
        CHECK(entry.path().filename() == ".transfer-sweep.lock");
    }

    const auto imports = world.incoming->imports;
    const auto again = world.run();

    CHECK(again.items.empty());
    CHECK(anonymize::find_receipts(world.site.paths().receipts()) == receipts);
    CHECK(world.incoming->imports == imports);
    CHECK(server.files().size() == 5);
}

TEST_CASE("a dry run says what would go and changes nothing")
{
    World world{unused_port()};
    const auto name = world.add(1, 3);
    const auto before = world.site.everything_written();

    const auto report = world.run({.only = {}, .max_runtime = {}, .mode = Mode::dry_run});

    CHECK_FALSE(fault(report));
    REQUIRE(report.items.size() == 1);
    CHECK(report.items[0].state == "planned");
    CHECK(report.items[0].counts.in == 3);
    CHECK(report.items[0].counts.stored == 3);
    CHECK(world.site.everything_written() == before);
    CHECK(world.incoming->imports == 0);
    CHECK_FALSE(fs::exists(world.site.paths().keys()));
}

TEST_CASE("nothing is claimed when the PACS does not answer")
{
    World world{unused_port()};
    const auto name = world.add(1, 1);

    const auto report = world.run();

    CHECK(fault(report) == Fault::unreachable);
    CHECK(world.site.whereabouts(name) == "requests");
    CHECK(world.told(1, "transfer_date").empty());
}

TEST_CASE("nothing is claimed when the projects cannot be read")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    const auto name = world.add(1, 1);
    world.projects->before_export = [] { throw Error{Fault::unreachable, "no answer"}; };

    const auto report = world.run();

    CHECK(fault(report) == Fault::temporary);
    CHECK(world.site.whereabouts(name) == "requests");
    CHECK(server.received().empty());
}

TEST_CASE("a study that is gone fails for good, REDCap is told, and the next one goes")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    const auto gone = world.request(TransferSite::study_uid(1));
    const auto there = world.add(2, 1);

    const auto report = world.run();

    CHECK(fault(report) == Fault::data);
    CHECK(world.site.whereabouts(gone) == "failed");
    CHECK(world.site.whereabouts(there) == "done");
    CHECK(world.told(1, "transfer_error___1") == "1");
    CHECK(world.told(1, "transfers_complete") == "1");
    CHECK_FALSE(world.told(1, "transfer_date").empty());
    CHECK_THAT(world.told(1, "transfer_error_message"),
               Catch::Contains("no longer on this machine"));
}

TEST_CASE("a request that is no request and one of an unknown project do not stop the others")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    world.site.add_study(1, 1);
    const auto unknown = world.site.file_request(TransferSite::study_uid(1), "NOSUCH");
    world.incoming->put({TransferSite::study_uid(1),
                         "",
                         "transfers",
                         1,
                         {{"transfer_project_name", "NOSUCH"}, {"transfer_name", "DEMO_0001"}}});
    const std::string broken = "1.2.3_1_0123456789abcdef.json";
    fs::create_directories(world.site.paths().requests());
    fs::copy_file(world.site.paths().requests() / unknown, world.site.paths().requests() / broken);
    fs::resize_file(world.site.paths().requests() / broken, 20);
    const auto good = world.add(2, 1);

    const auto report = world.run();

    CHECK(fault(report) == Fault::data);
    CHECK(world.site.whereabouts(broken) == "failed");
    CHECK(world.site.whereabouts(unknown) == "failed");
    CHECK(world.site.whereabouts(good) == "done");
    CHECK(server.stored().size() == 1);
}

TEST_CASE("held images are named, the others of the study go")
{
    const PacsServer server;
    World world{server.port()};
    world.site.add_study(1, 2);
    SmallImage capture;
    capture.study = TransferSite::study_uid(1);
    capture.series = capture.study + ".7";
    capture.sop = capture.series + ".1";
    capture.sop_class = "1.2.840.10008.5.1.4.1.1.7";
    capture.picture = doubtful_picture();
    world.site.add(capture);
    const auto name = world.request(capture.study);

    const auto report = world.run();

    CHECK(fault(report) == Fault::data);
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(server.files().size() == 2);
    CHECK(world.told(1, "transfer_error___1") == "1");
    CHECK(world.told(1, "transfer_error___2") == "0");
    CHECK(world.told(1, "transfers_complete") == "1");
    const auto message = json::parse(world.told(1, "transfer_error_message"), "message");
    REQUIRE(message.find("held")->array().size() == 1);
    CHECK(message.find("held")->array().front().text("series") == log::uid_tag(capture.series));
    CHECK_THAT(message.find("held")->array().front().text("reason"),
               Catch::Contains("a person has to look"));
    CHECK(message.find("counts")->text("in") == "3");
    CHECK(message.find("counts")->text("stored") == "2");
    CHECK(message.find("counts")->text("held") == "1");
}

TEST_CASE("a study of nothing but held images fails, and nothing is sent")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    SmallImage image;
    image.more = {{"BurnedInAnnotation", "YES"}};
    image.picture = doubtful_picture();
    world.site.add(image);
    const auto name = world.request(image.study);

    const auto report = world.run();

    CHECK(world.site.whereabouts(name) == "failed");
    CHECK(server.received().empty());
    CHECK(report.items.at(0).counts.held == 1);
}

TEST_CASE("a study of nothing but unwanted images is done, with the reason in REDCap")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    world.set_project({{"project_features___0", "1"}});
    SmallImage image;
    image.modality = "PR";
    image.sop_class = "1.2.840.10008.5.1.4.1.1.11.1";
    world.site.add(image);
    const auto name = world.request(image.study);

    const auto report = world.run();

    CHECK_FALSE(fault(report));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(server.received().empty());
    CHECK(world.told(1, "transfers_complete") == "2");
    CHECK_THAT(world.told(1, "transfer_error_message"), Catch::Contains("presentation states"));
}

TEST_CASE("one image that fails verification keeps the whole study here")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    // A profile with a mistake: the birth date, or the study's UID, stays as it is.
    const std::string row =
        GENERATE("00100030,PatientBirthDate,DA,Z,,K", "0020000D,StudyInstanceUID,UI,U,,K");
    CAPTURE(row);
    auto profile = read_file(shipped_file("profiles/profile.csv"));
    const auto at = profile.find("\n" + row.substr(0, row.find(',') + 1)) + 1;
    REQUIRE(at > 0);
    profile.replace(at, profile.find('\n', at) - at, row);
    store::write_file(world.site.config().deidentify.profile, profile);
    world.site.add_study(1, 2);
    SmallImage image;
    image.sop += ".9";
    world.site.add(image);
    const auto name = world.request(image.study);

    const auto report = world.run();

    CHECK(fault(report) == Fault::data);
    CHECK(world.site.whereabouts(name) == "failed");
    CHECK(server.received().empty());
    CHECK(world.told(1, "transfer_error___1") == "1");
    CHECK_THAT(world.told(1, "transfer_error_message"), Catch::Contains("nothing was sent"));
    CHECK(identity_in(world.log + world.site.everything_written()).empty());
}

TEST_CASE("the project's import rule takes part of a text along")
{
    const PacsServer server;
    World world{server.port()};
    world.set_project({{"project_import_rule_1_tag", "0010,4000"},
                       {"project_import_rule_1_regexp", "(arm [A-Z])"}});
    SmallImage image;
    image.more = {{"PatientComments", "synthetic arm B of Quixotic"}};
    world.site.add(image);
    const auto name = world.request(image.study);

    static_cast<void>(world.run());

    INFO(world.log);
    CHECK(world.site.whereabouts(name) == "done");
    REQUIRE(server.files().size() == 1);
    const auto bytes = read_file(server.files().front());
    CHECK(bytes.find("arm B") != std::string::npos);
    CHECK(bytes.find("Quixotic") == std::string::npos);
}

TEST_CASE("what the PACS refuses for good ends the request and is told")
{
    const auto status = GENERATE(0xA900, 0xC000, 0x0122);
    const ScriptedPacs server{[status](std::size_t object) {
        return ScriptedPacs::Answer{.status = static_cast<std::uint16_t>(object == 2 ? status : 0)};
    }};
    World world{server.port()};
    const auto name = world.add(1, 3);

    const auto report = world.run();

    CHECK(fault(report) == Fault::data);
    CHECK(world.site.whereabouts(name) == "failed");
    CHECK(server.stored().size() == 2);
    CHECK(world.told(1, "transfer_error___1") == "0");
    CHECK(world.told(1, "transfer_error___2") == "1");
    CHECK_THAT(world.told(1, "transfer_error_message"),
               Catch::Contains(fmt::format("{:04X}", status)));
    CHECK(report.items.at(0).counts.stored == 2);
    CHECK(report.items.at(0).counts.refused == 1);
}

TEST_CASE("after a temporary refusal only the rest is sent, when its time has come")
{
    const ScriptedPacs server{[](std::size_t object) {
        return ScriptedPacs::Answer{.status = static_cast<std::uint16_t>(object == 2 ? 0xA700 : 0)};
    }};
    World world{server.port()};
    const auto name = world.add(1, 4);

    const auto first = world.run();
    CHECK(fault(first) == Fault::temporary);
    CHECK(world.site.whereabouts(name) == "requests");
    CHECK(world.told(1, "transfer_date").empty());
    CHECK(server.stored().size() == 3);

    static_cast<void>(world.run());
    CHECK(server.received().size() == 4); // not before its time

    world.now += std::chrono::seconds{11};
    const auto last = world.run();
    CHECK_FALSE(fault(last));
    CHECK(server.received().size() == 5);
    CHECK(distinct(server.stored()) == 4);
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(last.items.at(0).counts.stored == 4);
    CHECK(world.told(1, "transfers_complete") == "2");
}

TEST_CASE("a PACS that drops the connection again and again gets the study piece by piece")
{
    const ScriptedPacs server{
        [](std::size_t object) { return ScriptedPacs::Answer{.drop = object % 2 == 0}; }};
    World world{server.port()};
    const auto name = world.add(1, 5);

    world.run_hourly(name, 5);

    CHECK(world.site.whereabouts(name) == "done");
    CHECK(server.stored().size() == 5);
    CHECK(distinct(server.stored()) == 5);
}

TEST_CASE("a PACS that never has room makes us give up after eight tries")
{
    const ScriptedPacs server{always(0xA700)};
    World world{server.port()};
    const auto name = world.add(1, 1);

    CHECK(world.run_hourly(name, 20) == 8);
    CHECK(world.site.whereabouts(name) == "failed");
    CHECK(world.told(1, "transfer_error___2") == "1");
    CHECK_THAT(world.told(1, "transfer_error_message"), Catch::Contains("A700"));
    CHECK(fs::is_empty(world.site.paths().state() / "transfers"));
}

TEST_CASE("a result that REDCap could not take is told later, and nothing is sent twice")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    const auto name = world.add(1, 2);
    world.incoming->before_import = [](const auto&) {
        throw Error{Fault::unreachable, "no answer"};
    };

    const auto first = world.run();
    CHECK(fault(first) == Fault::temporary);
    CHECK(first.items.at(0).state == "unreported");
    CHECK(world.site.whereabouts(name) == "work");

    world.incoming->before_import = {};
    const auto second = world.run();
    CHECK_FALSE(fault(second));
    CHECK(second.items.at(0).state == "sent");
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(world.told(1, "transfers_complete") == "2");
    CHECK(server.received().size() == 2);
    const auto audit = read_file(world.site.paths().logs() / "transfers-audit.jsonl");
    CHECK(std::ranges::count(audit, '\n') == 1);
}

TEST_CASE("a result that REDCap will never take ends up where a person finds it")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    world.site.add_study(1, 1);
    const auto name = world.site.file_request(TransferSite::study_uid(1)); // not in REDCap

    const auto report = world.run();

    CHECK(fault(report) == Fault::data);
    CHECK(world.site.whereabouts(name) == "failed");
    CHECK_FALSE(fault(world.run()));
}

TEST_CASE("a request asked for by name goes before its time, one that is not there is missing")
{
    const ScriptedPacs server{[](std::size_t object) {
        return ScriptedPacs::Answer{.status = static_cast<std::uint16_t>(object == 1 ? 0xA700 : 0)};
    }};
    World world{server.port()};
    const auto name = world.add(1, 1);
    const auto other = world.add(2, 1);
    static_cast<void>(world.run({.only = {name}, .max_runtime = {}, .mode = Mode::apply}));
    CHECK(world.site.whereabouts(other) == "requests");

    const auto report = world.run(
        {.only = {name, "1.2_1_0000000000000000.json"}, .max_runtime = {}, .mode = Mode::apply});

    CHECK(world.site.whereabouts(name) == "done");
    CHECK(world.site.whereabouts(other) == "requests");
    CHECK(fault(report) == Fault::missing);
}

TEST_CASE("a project with many requests keeps no other waiting")
{
    World world{unused_port()};
    world.site.add_study(1, 1);
    std::vector<std::string> many;
    for (int i = 1; i <= 3; ++i) {
        many.push_back(
            world.site.file_request(TransferSite::study_uid(i), "MANY", fmt::format("M_{}", i)));
    }
    const auto few = world.site.file_request(TransferSite::study_uid(9), "FEW", "F_1");
    const std::string broken = "1.2.3_1_0123456789abcdef.json";
    store::write_file(world.site.paths().requests() / broken, "{");

    const auto order =
        transfer::fair_order(world.site.paths(), {many[0], many[1], many[2], broken, few});

    CHECK(order == std::vector<std::string>{many[0], broken, few, many[1], many[2]});
}

TEST_CASE("after the time limit nothing more is claimed")
{
    const ScriptedPacs server{always(0)};
    World world{server.port()};
    const auto name = world.add(1, 1);

    static_cast<void>(
        world.run({.only = {}, .max_runtime = std::chrono::seconds{0}, .mode = Mode::apply}));

    CHECK(world.site.whereabouts(name) == "requests");
    CHECK(server.received().empty());
}
