// SPDX-License-Identifier: MIT
// What goes wrong at the other end: nothing is sent twice as a new object, nothing is reported
// wrongly, and the next run completes.
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "tests/support/pacs_server.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/sending_site.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sysexits.h>

#include <atomic>
#include <csignal>
#include <filesystem>
#include <functional>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;

namespace fs = std::filesystem;

namespace {

const std::string tool = "fiona-anonymize-send";

ScriptedPacs::Script by_status(std::function<int(std::size_t)> status)
{
    return [status = std::move(status)](std::size_t object) {
        return ScriptedPacs::Answer{.status = static_cast<std::uint16_t>(status(object))};
    };
}

json::Object address(std::uint16_t port)
{
    return {{"port", port}};
}

void move_to(SendingSite& site, std::uint16_t port)
{
    site.site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                                {"port", port},
                                                {"aet", "RESEARCH"},
                                                {"calling_aet", "FIONA"},
                                                {"timeout", 5}});
}

std::size_t distinct(const std::vector<std::string>& names)
{
    return std::set<std::string>(names.begin(), names.end()).size();
}

json::Value failure_of(const SendingSite& site, const std::string& name)
{
    for (const auto& entry : fs::directory_iterator{site.studies->paths().failed()}) {
        const auto file = entry.path().filename().native();
        if (file.starts_with(name) && file.ends_with("_messages.log")) {
            return json::parse(read_file(entry.path()), "messages");
        }
    }
    FAIL("no reason is left");
    return {};
}

/// Asks for it as fiona-create-transfer-requests does, after a person has moved the failed one away.
void ask_again(const SendingSite& site, const std::string& name)
{
    for (const auto& directory : {site.studies->paths().failed(), site.studies->paths().done()}) {
        if (fs::is_directory(directory)) {
            for (const auto& entry : fs::directory_iterator{directory}) {
                if (entry.path().filename().native().starts_with(name)) {
                    fs::remove(entry.path());
                }
            }
        }
    }
    static_cast<void>(site.studies->file_request(TransferSite::study_uid(1), "DEMO", "DEMO_0001"));
}

} // namespace

TEST_CASE("fiona-anonymize-send: a PACS that is down costs nothing but time")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    SendingSite site{address(unused_port())};
    const auto name = site.add(1, 3);

    const auto down = site.site.run(tool);
    CHECK(down.exit_code == EX_UNAVAILABLE);
    CHECK_THAT(down.err, Contains("does not answer"));
    CHECK(site.studies->whereabouts(name) == "requests");
    CHECK(site.told(1, "transfer_date").empty());
    CHECK_FALSE(fs::exists(site.studies->paths().temporary())); // nothing was begun

    const PacsServer pacs;
    move_to(site, pacs.port());
    CHECK(site.site.run(tool).exit_code == EX_OK);
    CHECK(site.studies->whereabouts(name) == "done");
    CHECK(pacs.files().size() == 3);
    CHECK(site.told(1, "transfers_complete") == "2");
}

TEST_CASE("fiona-anonymize-send: a PACS that dies inside a study gets the rest when it is back")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    std::atomic<bool> is_dead = false;
    const ScriptedPacs pacs{[&](std::size_t object) {
        is_dead = is_dead || object == 4;
        return ScriptedPacs::Answer{.drop = is_dead};
    }};
    SendingSite site{address(pacs.port())};
    const auto name = site.add(1, 6);

    const auto first = site.site.run(tool);
    CHECK(first.exit_code == EX_TEMPFAIL);
    CHECK(site.studies->whereabouts(name) == "requests");
    CHECK(site.told(1, "transfer_date").empty());
    CHECK(site.told(1, "transfer_error___2") != "1");
    CHECK(pacs.stored().size() == 3);

    is_dead = false;
    const auto again = pacs.received().size();
    const ScriptedPacs healthy{by_status([](std::size_t) { return 0; })};
    move_to(site, healthy.port());
    const auto second = site.site.run(tool, {"--request", name});

    INFO(second.err);
    CHECK(again >= 4);
    CHECK(second.exit_code == EX_OK);
    CHECK_THAT(second.err, Contains("event=prepared_study_used"));
    CHECK(site.studies->whereabouts(name) == "done");
    auto all = pacs.stored();
    const auto rest = healthy.stored();
    all.insert(all.end(), rest.begin(), rest.end());
    CHECK(rest.size() == 3);
    CHECK(all.size() == 6);
    CHECK(distinct(all) == 6);
    CHECK(site.told(1, "transfers_complete") == "2");
}

TEST_CASE("fiona-anonymize-send: killed while it sends, the next run sends only the rest of what "
          "it had made")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const ScriptedPacs pacs{[](std::size_t object) {
        return ScriptedPacs::Answer{.delay = std::chrono::milliseconds{object < 4 ? 0 : 500}};
    }};
    SendingSite site{address(pacs.port())};
    const auto name = site.add(1, 6);

    const auto killed = run_tool_and_kill(tool, {"--config", site.site.config_file().native()}, {},
                                          [&] { return pacs.received().size() >= 3; });
    CHECK(killed.exit_code == 128 + SIGKILL);
    CHECK(site.studies->whereabouts(name) == "work");

    const auto second = site.site.run(tool);

    INFO(second.err);
    CHECK(second.exit_code == EX_OK);
    CHECK_THAT(second.err, Contains("event=prepared_study_used"));
    CHECK(site.studies->whereabouts(name) == "done");
    const auto received = pacs.received();
    CHECK(received.size() <= 8); // at most the one on its way went twice
    std::set<std::string> objects;
    for (const auto& object : received) {
        objects.insert(object.sop_instance);
    }
    CHECK(objects.size() == 6);
    CHECK(site.told(1, "transfers_complete") == "2");
    CHECK(identity_in(killed.err + second.err + site.studies->everything_written()).empty());
}

TEST_CASE("fiona-anonymize-send: A7xx for some objects is tried again, and only for those")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const ScriptedPacs pacs{
        by_status([](std::size_t object) { return object == 2 || object == 3 ? 0xA700 : 0; })};
    SendingSite site{address(pacs.port())};
    const auto name = site.add(1, 5);

    const auto first = site.site.run(tool);
    CHECK(first.exit_code == EX_TEMPFAIL);
    CHECK_THAT(first.err, Contains("out of resources (A700)"));
    CHECK(site.told(1, "transfer_date").empty());

    const auto idle = site.site.run(tool); // not before its time
    CHECK(idle.exit_code == EX_OK);
    CHECK(pacs.received().size() == 5);

    CHECK(site.site.run(tool, {"--request", name}).exit_code == EX_OK);
    CHECK(pacs.received().size() == 7);
    CHECK(distinct(pacs.stored()) == 5);
    CHECK(pacs.stored().size() == 5);
    CHECK(site.studies->whereabouts(name) == "done");
    CHECK(site.told(1, "transfers_complete") == "2");
    CHECK(site.told(1, "transfer_error___2") == "0");
}

TEST_CASE("fiona-anonymize-send: Bxxx is a warning, and the object is stored")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const auto status = GENERATE(0xB000, 0xB006, 0xB007);
    const ScriptedPacs pacs{
        by_status([status](std::size_t object) { return object == 2 ? status : 0; })};
    SendingSite site{address(pacs.port())};
    const auto name = site.add(1, 3);

    const auto run = site.site.run(tool, {"--json"});

    CHECK(run.exit_code == EX_OK);
    CHECK(site.studies->whereabouts(name) == "done");
    const auto document = json::parse(run.out, "output");
    const auto* const counts = document.find("requests")->array().at(0).find("counts");
    CHECK(counts->text("stored") == "3");
    CHECK(counts->text("warnings") == "1");
    CHECK(site.told(1, "transfers_complete") == "2");
    CHECK(site.told(1, "transfer_error_message").empty());
    CHECK(pacs.received().size() == 3);
}

TEST_CASE("fiona-anonymize-send: Cxxx for some objects is told, and mended by asking again")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    const auto status = GENERATE(0xC000, 0xC123, 0xA900, 0x0124);
    std::atomic<bool> is_mended = false;
    const ScriptedPacs pacs{
        by_status([&](std::size_t object) { return !is_mended && object == 2 ? status : 0; })};
    SendingSite site{address(pacs.port())};
    const auto name = site.add(1, 3);

    const auto run = site.site.run(tool);

    CHECK(run.exit_code == EX_DATAERR);
    CHECK(site.studies->whereabouts(name) == "failed");
    CHECK(site.told(1, "transfers_complete") == "1");
    CHECK(site.told(1, "transfer_error___2") == "1");
    CHECK(site.told(1, "transfer_error___1") == "0");
    CHECK_FALSE(site.told(1, "transfer_mapped_uid").empty()); // two images are there
    const auto reason = failure_of(site, name);
    CHECK_THAT(reason.text("error"), Contains("has 2 of 3 images")
                                         && Contains(fmt::format("{:04X}", status))
                                         && Contains("ask for the transfer again"));
    CHECK(reason.find("refused")->array().size() == 1);
    CHECK(identity_in(run.out + run.err + site.studies->everything_written()).empty());

    is_mended = true;
    ask_again(site, name);
    CHECK(site.site.run(tool).exit_code == EX_OK);
    CHECK(site.studies->whereabouts(name) == "done");
    CHECK(distinct(pacs.stored()) == 3); // the same objects under the same UIDs
    CHECK(site.told(1, "transfers_complete") == "2");
    CHECK(site.told(1, "transfer_error_message").empty());
}

TEST_CASE("fiona-anonymize-send: REDCap that goes down while the study is sent is told later")
{
    if (!SendingSite::can_be_made()) {
        return;
    }
    std::optional<SendingSite> site;
    const ScriptedPacs pacs{[&](std::size_t object) {
        if (object == 3) {
            site->site.stop_redcap();
        }
        return ScriptedPacs::Answer{};
    }};
    site.emplace(address(pacs.port()));
    const auto name = site->add(1, 3);

    const auto first = site->site.run(tool, {"--json"});

    CHECK(first.exit_code == EX_TEMPFAIL);
    CHECK_THAT(first.out, Contains("unreported"));
    CHECK(site->studies->whereabouts(name) == "work");
    CHECK(pacs.stored().size() == 3);

    site->site.start_redcap();
    CHECK(site->told(1, "transfer_date").empty());
    const auto second = site->site.run(tool);

    INFO(second.err);
    CHECK(second.exit_code == EX_OK);
    CHECK(site->studies->whereabouts(name) == "done");
    CHECK(site->told(1, "transfers_complete") == "2");
    CHECK(pacs.received().size() == 3); // nothing was sent again
    const auto audit = read_file(site->studies->paths().logs() / "transfers-audit.jsonl");
    CHECK(std::ranges::count(audit, '\n') == 1);
}
