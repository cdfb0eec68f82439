// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/source_file.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/study_tree.h"
#include "tests/support/pacs_server.h"
#include "tests/support/phantom_file.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/site.h"
#include "tests/support/transfer_site.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sysexits.h>

#include <algorithm>
#include <atomic>
#include <iostream>

using namespace fiona;
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

const std::string tool = "fiona-create-transfer-requests-processed";
const std::string accession = "ACCSYN0042";

std::string value_of(const fs::path& file, anonymize::Tag tag)
{
    const auto layout = anonymize::examine(file);
    const anonymize::SourceFile source{file, layout};
    const auto parsed = anonymize::read_data_set(source.header(), layout.encoding);
    const auto* const element = parsed.root.find(tag);
    return element == nullptr ? "" : std::string{trimmed(element->value())};
}

constexpr anonymize::Tag study_tag{0x0020, 0x000d};
constexpr anonymize::Tag accession_tag{0x0008, 0x0050};

/// A site whose study 1 was sent to the project DEMO, with a receiver that runs.
class World {
public:
    World()
    {
        site.set("SETTLETIME", 0);
        send_to(pacs.port(), pacs.aet());
        site.set("RECEIVER", json::Object{{"bind", "127.0.0.1"},
                                          {"soft_free_share", 0},
                                          {"soft_free_bytes", 0},
                                          {"hard_free_share", 0},
                                          {"hard_free_bytes", 0}});
        site.start_redcap();
        site.client(redcap::Role::dtp)
            ->import_records(
                {{"DEMO", "", "", 0, {{"project_name", "DEMO"}, {"project_active", "1"}}}},
                redcap::Overwrite::normal);
        studies.emplace(site.config());
        studies->add_study(1, 3);
        site.client(redcap::Role::incoming)
            ->import_records({{original,
                               "",
                               "",
                               0,
                               {{"study_date", "20240102"}, {"study_accession_number", accession}}},
                              {original,
                               "",
                               "transfers",
                               1,
                               {{"transfer_project_name", "DEMO"},
                                {"transfer_name", "DEMO_0001"},
                                {"transfer_event_name", "baseline"},
                                {"transfer_requested_date", "2024-01-02 10:30"}}}},
                             redcap::Overwrite::normal);
        studies->file_request(original);
        const auto sent = site.run("fiona-anonymize-send");
        INFO(sent.err);
        REQUIRE(sent.exit_code == EX_OK);
        files = pacs.files();
        REQUIRE(files.size() == 3);
        new_study = value_of(files.front(), study_tag);
        const auto started = site.run("fiona-storescp", {"--port", "0", "start"});
        INFO(started.err);
        REQUIRE(started.exit_code == EX_OK);
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() { static_cast<void>(site.run("fiona-storescp", {"stop"})); }

    void send_to(unsigned port, const std::string& aet)
    {
        site.set(
            "RESEARCH_PACS",
            json::Object{{"host", "127.0.0.1"}, {"port", port}, {"aet", aet}, {"timeout", 10}});
    }
    /// Forwards as it is, and copies by `program` what was forwarded to `mark`.
    void forward_and_run(const char* program, const fs::path& mark)
    {
        const json::Array command{program, "-r", "{directory}", mark.native()};
        site.set("PROCESSED",
                 json::Object{{"projects",
                               json::Object{{"DEMO", json::Object{{"forward_as_is", true},
                                                                  {"post_command", command}}}}}});
    }

    /// What a workstation computed: it refers to an image of the de-identified study, or to `other`.
    void compute(const std::string& series, int count = 1, const std::string& other = "") const
    {
        const store::StudyTree tree{studies->paths()};
        const StudyUid study{new_study};
        for (int i = 1; i <= count; ++i) {
            const auto sop = fmt::format("{}.{}", series, i);
            auto object = phantom::image({new_study, series, sop});
            anonymize::Item reference;
            phantom::put(reference,
                         phantom::text({0x0008, 0x1150}, "UI", "1.2.840.10008.5.1.4.1.1.4"));
            phantom::put(
                reference,
                phantom::text({0x0008, 0x1155}, "UI",
                              other.empty() ? value_of(files.front(), {0x0008, 0x0018}) : other));
            std::vector<anonymize::Item> items;
            items.push_back(std::move(reference));
            phantom::put(object, phantom::sequence({0x0008, 0x1140}, std::move(items)));
            const auto file = studies->paths().archive() / ("scp_" + new_study) / ("MR." + sop);
            fs::create_directories(file.parent_path());
            phantom::write(file, object);
            tree.link_instance(study, SeriesUid{series}, SopInstanceUid{sop}, file);
        }
        store::write_file(tree.series_json(study, SeriesUid{series}),
                          json::write(json::Object{{"IncomingConnection",
                                                    json::Object{{"AETitleCaller", "WORKSTATION"}}},
                                                   {"SeriesInstanceUID", series},
                                                   {"StudyInstanceUID", new_study}}));
    }

    /// The objects that came home.
    [[nodiscard]] std::vector<fs::path> home() const
    {
        std::vector<fs::path> found;
        for (const auto& entry :
             fs::directory_iterator{studies->paths().archive() / ("scp_" + original)}) {
            if (entry.path().filename().native().find(".2.25.77") != std::string::npos) {
                found.push_back(entry.path());
            }
        }
        std::ranges::sort(found);
        return found;
    }

    PacsServer pacs;
    Site site;
    std::optional<TransferSite> studies;
    const std::string original = TransferSite::study_uid(1);
    std::vector<fs::path> files;
    std::string new_study;
};

} // namespace

TEST_CASE("fiona-create-transfer-requests-processed: a computed series goes home, once")
{
    const World world;
    world.compute("2.25.771", 2);

    const auto run = world.site.run(tool, {"--json"});

    INFO(run.err << run.out);
    CHECK(run.exit_code == EX_OK);
    const auto home = world.home();
    REQUIRE(home.size() == 2);
    for (const auto& file : home) {
        CHECK(value_of(file, study_tag) == world.original);
        CHECK(value_of(file, accession_tag) == accession);
        CHECK(value_of(file, {0x0008, 0x0080}) == "external");
        CHECK(value_of(file, {0x0008, 0x0020}) == "20240102");
        CHECK(value_of(file, {0x0020, 0x000e}) == "2.25.771");
        // The image it refers to has its own name again.
        CHECK(read_file(file).find(TransferSite::study_uid(1) + ".1.") != std::string::npos);
    }
    CHECK((run.out + run.err).find(accession) == std::string::npos);
    CHECK((run.out + run.err).find(world.original) == std::string::npos);

    const auto again = json::parse(world.site.run(tool, {"--json"}).out, "output");
    CHECK(again.find("series")->array().empty());
    CHECK(again.find("handled")->integer() == 1);

    world.compute("2.25.771", 3); // one more of the same series
    const auto more = json::parse(world.site.run(tool, {"--json"}).out, "output");
    REQUIRE(more.find("series")->array().size() == 1);
    CHECK(world.home().size() == 3);
}

TEST_CASE("fiona-create-transfer-requests-processed: a dry run sends and notes nothing")
{
    const World world;
    world.compute("2.25.771");

    const auto run = world.site.run(tool, {"--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("would be home DEMO"));
    CHECK(world.home().empty());
    CHECK_FALSE(fs::exists(world.site.config().paths.state() / "returned"));
}

TEST_CASE("fiona-create-transfer-requests-processed: what cannot be mapped is refused, once")
{
    const World world;
    world.compute("2.25.771", 1, "1.2.3.4.5.6");
    world.compute("2.25.772");

    const auto run = world.site.run(tool);

    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.err, Contains("(0008,1155) refers to an object that was not sent"));
    CHECK(world.home().size() == 1);
    CHECK(world.site.run(tool).exit_code == EX_OK);
    CHECK(world.home().size() == 1);
}

TEST_CASE("fiona-create-transfer-requests-processed: our own series and the PACS's own stay")
{
    const World world;
    const store::StudyTree tree{world.studies->paths()};
    const StudyUid study{world.new_study};
    const SeriesUid series{value_of(world.files.front(), {0x0020, 0x000e})};
    const SopInstanceUid sop{value_of(world.files.front(), {0x0008, 0x0018})};
    tree.link_instance(study, series, sop, world.files.front());
    store::write_file(tree.series_json(study, series), "{}");
    world.compute("2.25.771");
    store::write_file(tree.series_json(study, SeriesUid{"2.25.771"}),
                      json::write(json::Object{
                          {"IncomingConnection", json::Object{{"AETitleCaller", "RESEARCH"}}}}));

    const auto run = world.site.run(tool, {"--json"});

    CHECK(run.exit_code == EX_OK);
    CHECK(json::parse(run.out, "output").find("ours")->integer() == 1);
    CHECK(world.home().empty());
}

TEST_CASE("fiona-create-transfer-requests-processed: a series still arriving waits")
{
    World world;
    world.compute("2.25.771");
    world.site.set("SETTLETIME", 3600);

    CHECK_THAT(world.site.run(tool).out, Contains("arriving"));
    CHECK(world.home().empty());
}

TEST_CASE("fiona-create-transfer-requests-processed: forwarded as it is, and a command behind it")
{
    World world;
    const auto mark = world.site.root() / "mark";
    world.compute("2.25.771");
    world.forward_and_run("false", mark);

    CHECK(world.site.run(tool).exit_code == EX_UNAVAILABLE);
    CHECK(world.pacs.files().size() == 4);
    world.forward_and_run("cp", mark);
    CHECK(world.site.run(tool).exit_code == EX_OK);

    CHECK(fs::exists(mark / "2.25.771.1.dcm"));
    CHECK(value_of(mark / "2.25.771.1.dcm", study_tag) == world.new_study);
    CHECK(world.home().empty());
    CHECK(json::parse(world.site.run(tool, {"--json"}).out, "output").find("handled")->integer()
          == 1);
}

TEST_CASE("fiona-create-transfer-requests-processed: one refused object keeps no unsent one back")
{
    World world;
    std::atomic<bool> loses = true;
    const ScriptedPacs pacs{[&](std::size_t object) {
        return object == 1 ? ScriptedPacs::Answer{.status = 0xC000}
                           : ScriptedPacs::Answer{.drop = loses};
    }};
    world.send_to(pacs.port(), pacs.peer().called_aet);
    world.site.set(
        "PROCESSED",
        json::Object{{"projects", json::Object{{"DEMO", json::Object{{"forward_as_is", true}}}}}});
    world.compute("2.25.771", 3);

    CHECK(world.site.run(tool).exit_code == EX_TEMPFAIL);
    CHECK(pacs.stored().empty());
    loses = false;
    const auto run = world.site.run(tool);

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(pacs.stored().size() == 3);
}

TEST_CASE("fiona-create-transfer-requests-processed: what is refused leaves a due command due")
{
    World world;
    const auto mark = world.site.root() / "mark";
    const ScriptedPacs pacs{[](std::size_t object) {
        return ScriptedPacs::Answer{.status = static_cast<std::uint16_t>(object > 1 ? 0xC000 : 0)};
    }};
    world.send_to(pacs.port(), pacs.peer().called_aet);
    world.compute("2.25.771");
    world.forward_and_run("false", mark);
    CHECK(world.site.run(tool).exit_code == EX_UNAVAILABLE);

    world.compute("2.25.771", 2); // refused for good
    CHECK(world.site.run(tool).exit_code == EX_DATAERR);
    CHECK_FALSE(fs::exists(mark));
    world.forward_and_run("cp", mark);

    CHECK(world.site.run(tool).exit_code == EX_OK);
    CHECK(fs::exists(mark / "2.25.771.1.dcm"));
    CHECK(pacs.received().size() == 3);
}

TEST_CASE("fiona-create-transfer-requests-processed: without a kept mapping it is computed anew")
{
    const World world;
    fs::remove_all(world.site.config().paths.keys() / "mapping");
    world.compute("2.25.771");

    const auto run = world.site.run(tool);

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    REQUIRE(world.home().size() == 1);
    CHECK(value_of(world.home().front(), study_tag) == world.original);
}

TEST_CASE("fiona-create-transfer-requests-processed: when the key is destroyed the mapping is too")
{
    const World world;
    const auto mapping = world.site.config().paths.keys() / "mapping" / "DEMO";
    REQUIRE(fs::exists(mapping / (world.new_study + ".json")));
    CHECK(fs::status(mapping / (world.new_study + ".json")).permissions()
          == (fs::perms::owner_read | fs::perms::owner_write));

    const auto destroyed =
        world.site.run("fiona-config", {"key", "destroy", "DEMO", "--confirm", "DEMO"});

    INFO(destroyed.err);
    CHECK(destroyed.exit_code == EX_OK);
    CHECK_FALSE(fs::exists(mapping));
}

TEST_CASE("fiona-create-transfer-requests-processed: a bad command line is 64, no receiver is 69")
{
    const World world;
    world.compute("2.25.771");

    CHECK(world.site.run(tool, {"--no-such-option"}).exit_code == EX_USAGE);
    REQUIRE(world.site.run("fiona-storescp", {"stop"}).exit_code == EX_OK);
    CHECK(world.site.run(tool).exit_code == EX_UNAVAILABLE);
    CHECK(world.home().empty());
}

TEST_CASE("fiona-create-transfer-requests-processed: killed half-way, every object is home once")
{
    const World world;
    world.compute("2.25.771", 40);

    run_tool_and_kill(tool, {"--config", world.site.config_file().native()}, {},
                      [&] { return world.home().size() > 3; });
    const auto run = world.site.run(tool);

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK(world.home().size() == 40);
    for (const auto& entry : fs::directory_iterator{world.studies->paths().temporary()}) {
        CHECK_FALSE(entry.is_directory());
    }
}
