// SPDX-License-Identifier: MIT
#include "tests/support/job_site.h"
#include "tests/support/jumped_clock.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <chrono>
#include <set>

using namespace fiona;
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

json::Object peer(const PacsServer& server, std::uint16_t port)
{
    return {{"AETitle", server.aet()}, {"IP", "127.0.0.1"}, {"PORT", std::to_string(port)}};
}

json::Object to(json::Object destination)
{
    return {{"destination", json::Array{std::move(destination)}}};
}

fs::path folder_of(const fs::path& output)
{
    return output.native().substr(0, output.native().size() - std::string{"_output"}.size());
}

/// As if the job had ended that long ago.
void age(const JobSite& world, const std::string& id, std::chrono::hours by)
{
    const auto record = world.site.config().paths.state() / "jobs" / (id + ".json");
    fs::last_write_time(record, fs::last_write_time(record) - by);
}

constexpr std::chrono::hours old{24 * 31};

} // namespace

TEST_CASE("fiona-run-one-job: images go to the destination of the line, if the site lists it")
{
    if (!has_sandbox()) {
        return;
    }
    const PacsServer partner;
    JobSite world;
    const auto listed = peer(partner, partner.port());
    world.set_jobs({{"destinations", json::Array{listed}}});
    world.add_study(1, 1);
    world.add_image("segment", JobSite::segment());
    world.list("a", 1, "segment:1", to(listed));
    world.list("text", 1, "segment:1",
               {{"destination", json::write(json::Array{listed, json::Object{{"x", 1}}})}});
    world.list("home", 1, "segment:1", to(peer(world.pacs, world.pacs.port())));
    world.list("none", 1, "segment:1", {{"destination", ""}});
    world.list("unknown", 1, "segment:1", to(peer(partner, free_port())));
    auto filtered = listed;
    filtered.emplace("filter", json::Array{json::Object{{"SeriesDescription", "*seg*"}}});
    world.list("filter", 1, "segment:1", to(filtered));
    auto renamed = listed;
    renamed.emplace("OwnAETitle", "SOMEBODY");
    world.list("renamed", 1, "segment:1", to(renamed));
    world.list("torn", 1, "segment:1", {{"destination", "[{"}});

    const auto look = world.run({"--dry-run"});
    const auto run = world.run();

    CHECK_THAT(look.out, Contains("failed unknown") && Contains("waiting a"));
    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK(partner.files().size() == 2);    // a, text
    CHECK(world.pacs.files().size() == 2); // home, none
    for (const auto* const id : {"unknown", "renamed"}) {
        CAPTURE(id);
        CHECK_THAT(world.shelved(id).text("reason"), Contains("none of the site's"));
        CHECK_FALSE(fs::exists(world.output(id, "segment:1"))); // it was not even begun
    }
    CHECK_THAT(world.shelved("filter").text("reason"), Contains("filter"));
    CHECK_THAT(read_file(jobs::JobList{world.list_file()}.shelf(jobs::JobList::Shelf::rejected)),
               Contains("destination"));
}

TEST_CASE("fiona-run-one-job: a destination of the site is complete, or the configuration is wrong")
{
    JobSite world;
    const json::Object whole{{"AETitle", "PARTNER"}, {"IP", "127.0.0.1"}, {"PORT", 104}};
    for (const auto* const missing : {"AETitle", "IP", "PORT"}) {
        CAPTURE(missing);
        auto part = whole;
        part.erase(missing);
        world.set_jobs({{"destinations", json::Array{part}}});
        const auto run = world.run({"--dry-run"});
        CHECK(run.exit_code == EX_CONFIG);
        CHECK_THAT(run.err, Contains("JOBS.destinations[0] needs"));
    }
    auto open = whole;
    open.emplace("tls", json::Object{{"server_name", "x"}}); // whom to trust is not said
    world.set_jobs({{"destinations", json::Array{open}}});
    CHECK_THAT(world.run({"--dry-run"}).err, Contains("JOBS.destinations[0].tls.ca_file"));

    world.set_jobs({{"destinations", json::Array{whole}}});
    world.add_study(1, 1);
    world.add_image("segment", JobSite::segment());
    world.list("a", 1, "segment:1", to(whole));
    const auto run = world.run({"--dry-run"});
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("waiting a"));
}

TEST_CASE("fiona-run-one-job: a destination that is away holds up nobody else")
{
    if (!has_sandbox()) {
        return;
    }
    const PacsServer partner;
    JobSite world;
    const auto away = peer(partner, free_port());
    world.set_jobs({{"destinations", json::Array{away}}});
    world.add_study(1, 1);
    world.add_image("segment", JobSite::segment());
    world.list("a", 1, "segment:1", to(away));
    world.list("b", 1, "segment:1");

    const auto run = world.run();

    CHECK(run.exit_code == EX_UNAVAILABLE);
    CHECK(world.shelved("b").text("state") == "done");
    CHECK(world.pacs.files().size() == 1);
    CHECK_THAT(read_file(world.list_file()), Contains("\"a\""));

    // Taken off the site's list meanwhile: it does not go there any more.
    world.set_jobs({});
    CHECK(world.run().exit_code == EX_DATAERR);
    CHECK_THAT(world.shelved("a").text("reason"), Contains("none of the site's"));
}

TEST_CASE("fiona-run-one-job: folders of old jobs go, but for results that nobody has taken")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("segment", JobSite::segment());
    world.add_image("fails", "exit 3");
    world.add_image("steals", "for f in $1/*; do cp $f $2; done");
    world.list("done", 1, "segment:1");
    world.list("young", 1, "segment:1");
    world.list("fails", 1, "fails:1");
    world.list("refused", 1, "steals:1");
    world.list("outside", 1, "segment:1");
    CHECK(world.run().exit_code == EX_DATAERR);
    world.site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                                 {"port", free_port()},
                                                 {"aet", "RESEARCH"},
                                                 {"timeout", 2}});
    world.list("waits", 1, "segment:1");
    CHECK(world.run().exit_code == EX_UNAVAILABLE);
    for (const auto* const id : {"done", "fails", "refused", "outside", "waits"}) {
        age(world, id, old);
    }
    const auto outside = folder_of(world.output("outside", "segment:1"));
    const TempDir elsewhere;
    fs::rename(outside.parent_path(), elsewhere / "ror"); // a link leads out of the site
    fs::create_directory_symlink(elsewhere / "ror", outside.parent_path());
    CHECK(world.run({"--dry-run"}).exit_code == EX_OK);
    static_cast<void>(world.run());
    CHECK(fs::exists(outside / "descr.json")); // nothing is removed through it
    CHECK(fs::exists(world.output("done", "segment:1")));
    fs::remove(outside.parent_path());
    fs::rename(elsewhere / "ror", outside.parent_path());
    fs::remove(world.site.config().paths.state() / "jobs" / "outside.run");

    CHECK(world.run({"--dry-run"}).exit_code == EX_OK);
    CHECK(fs::exists(world.output("done", "segment:1")));
    const auto note = world.site.config().paths.status() / "clock-run-one-job.json";
    fs::remove(note);
    let_clock_jump(world.site.config().paths, "run-one-job");
    CHECK_THAT(world.run().err, Contains("the clock has jumped"));
    CHECK(fs::exists(world.output("done", "segment:1")));
    fs::remove(note);
    const auto run = world.run({"--json"});

    INFO(run.err);
    const auto report = json::parse(run.out, "report");
    CHECK(report.text("folders_removed") == "2");
    CHECK(report.text("refused_kept") == "1");
    for (const auto& gone : {world.output("done", "segment:1"), world.output("fails", "fails:1")}) {
        CHECK_FALSE(fs::exists(gone));
        CHECK_FALSE(fs::exists(folder_of(gone)));
    }
    for (const auto& kept :
         {world.output("young", "segment:1"), world.output("refused", "steals:1"),
          world.output("waits", "segment:1")}) {
        CHECK(fs::exists(kept / "log"));
        CHECK(fs::exists(folder_of(kept) / "descr.json"));
    }
    const auto again = json::parse(world.run({"--json"}).out, "report");
    CHECK(again.text("folders_removed") == "0");
    world.list("done", 1, "segment:1"); // is remembered all the same
    static_cast<void>(world.run());
    CHECK_FALSE(fs::exists(world.output("done", "segment:1")));
}

TEST_CASE("fiona-run-one-job: a damaged record of long ago stops nobody")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("segment", JobSite::segment());
    const auto state = world.site.config().paths.state() / "jobs";
    fs::create_directories(state);
    for (const auto* const name : {"bad.json", "worse.json", "worse.run"}) {
        store::write_file(state / name, "{");
    }
    age(world, "bad", 4 * old);
    age(world, "worse", 4 * old);
    world.list("good", 1, "segment:1");

    const auto run = world.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(world.shelved("good").text("state") == "done");
    CHECK(fs::exists(state / "bad.json"));
}

TEST_CASE(
    "fiona-run-one-job: a line of several data sets, repeated after a kill, loses and doubles none")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_image("segment", JobSite::segment());
    world.add_study(1, 1);
    const auto add_series = [&](const std::string& end) {
        SmallImage image;
        image.study = JobSite::study_uid(1);
        image.series = image.study + end;
        image.sop = image.series + ".1";
        image.more = {{"PatientID", "DEMO_0001"}, {"PatientName", "DEMO_0001"}};
        world.studies->add(image, {{"PatientID", "DEMO_0001"}, {"PatientName", "DEMO_0001"}});
    };
    add_series(".2");
    const json::Object statement{{"select", "select series where Modality = MR"}};
    world.list("split", 1, "segment:1", statement);
    REQUIRE(world.run().exit_code == EX_OK);
    REQUIRE(world.pacs.files().size() == 2);

    // As if killed before it was noted; what arrives meanwhile sorts before the others.
    fs::remove(world.site.config().paths.state() / "jobs" / "split.json");
    add_series(".0");
    world.list("split", 1, "segment:1", statement);
    REQUIRE(world.run().exit_code == EX_OK);

    CHECK(world.pacs.files().size() == 3);
    std::set<std::string> worked_on;
    for (const auto& entry : fs::directory_iterator{world.output("x", "segment:1").parent_path()}) {
        if (fs::exists(entry.path() / "descr.json")) {
            worked_on.insert(json::parse(read_file(entry.path() / "descr.json"), "descr")
                                 .array()
                                 .at(0)
                                 .text("SeriesInstanceUID"));
        }
    }
    CHECK(worked_on.size() == 3);
}
