// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/pacs/query.h"
#include "libfiona/redcap/client.h"
#include "tests/support/child_process.h"
#include "tests/support/pacs_server.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/transfer_site.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sysexits.h>

#include <algorithm>
#include <csignal>
#include <random>

using namespace fiona;

namespace fs = std::filesystem;

namespace {

const std::string tool = "fiona-anonymize-send";

bool redcap_is_built()
{
    if (has_tool("fiona-redcapd")) {
        return true;
    }
    skip("fiona-redcapd is not built");
    return false;
}

/// A site with the embedded REDCap, dcmqrscp as research PACS, and the project DEMO.
struct World {
    PacsServer pacs;
    Site site;
    std::optional<TransferSite> studies;

    World()
    {
        site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                               {"port", pacs.port()},
                                               {"aet", pacs.aet()},
                                               {"calling_aet", "FIONA"},
                                               {"timeout", 10}});
        site.start_redcap();
        site.client(redcap::Role::dtp)
            ->import_records(
                {{"DEMO", "", "", 0, {{"project_name", "DEMO"}, {"project_active", "1"}}}},
                redcap::Overwrite::normal);
        studies.emplace(site.config());
    }

    std::string add(int number, int images, const std::string& project = "DEMO") const
    {
        const auto study = TransferSite::study_uid(number);
        const auto participant = fmt::format("DEMO_{:04}", number);
        studies->add_study(number, images);
        site.client(redcap::Role::incoming)
            ->import_records({{study, "", "", 0, {{"study_date", "20240102"}}},
                              {study,
                               "",
                               "transfers",
                               1,
                               {{"transfer_project_name", project},
                                {"transfer_name", participant},
                                {"transfer_requested_date", "2024-01-02 10:30"}}}},
                             redcap::Overwrite::normal);
        return studies->file_request(study, project, participant);
    }

    /// The rows of `transfers` of that study.
    [[nodiscard]] std::vector<redcap::Row> told(int number) const
    {
        redcap::ExportSpec spec;
        spec.records = {TransferSite::study_uid(number)};
        spec.forms = {"transfers"};
        auto rows = site.client(redcap::Role::incoming)->export_records(spec);
        std::erase_if(rows, [](const auto& row) { return row.instrument != "transfers"; });
        return rows;
    }

    [[nodiscard]] std::size_t images_in_pacs() const
    {
        std::size_t count = 0;
        for (const auto& study :
             pacs::find(pacs.peer(), pacs::Level::study, {{"StudyInstanceUID", ""}})) {
            for (const auto& series :
                 pacs::find(pacs.peer(), pacs::Level::series,
                            {{"StudyInstanceUID", study.at("StudyInstanceUID")},
                             {"SeriesInstanceUID", ""}})) {
                count += pacs::find(pacs.peer(), pacs::Level::image,
                                    {{"StudyInstanceUID", study.at("StudyInstanceUID")},
                                     {"SeriesInstanceUID", series.at("SeriesInstanceUID")},
                                     {"SOPInstanceUID", ""}})
                             .size();
            }
        }
        return count;
    }

    void check_no_identity(const std::string& output) const
    {
        CHECK(identity_in(output).empty());
        CHECK(output.find("3680043.9.7433") == std::string::npos);
        CHECK(identity_in(studies->everything_written()).empty());
        for (const auto& file : pacs.files()) {
            const auto bytes = read_file(file);
            CHECK(identity_in(bytes).empty());
            CHECK(bytes.find("3680043.9.7433") == std::string::npos);
        }
    }

    void check_no_workspace() const
    {
        for (const auto& entry : fs::directory_iterator{studies->paths().temporary()}) {
            CHECK(entry.path().filename().native().find("transfer-h") == std::string::npos);
            CHECK_FALSE(entry.is_directory());
        }
    }
};

} // namespace

TEST_CASE(
    "fiona-anonymize-send: a study reaches the PACS and REDCap, a second run has nothing to do")
{
    if (!redcap_is_built()) {
        return;
    }
    const World world;
    const auto name = world.add(1, 3);

    const auto run = world.site.run(tool, {"--json"});

    INFO(run.err);
    CHECK(run.exit_code == EX_OK);
    const auto document = json::parse(run.out, "output");
    const auto& item = document.find("requests")->array().at(0);
    CHECK(item.text("state") == "sent");
    CHECK(item.find("counts")->text("stored") == "3");
    CHECK(world.images_in_pacs() == 3);
    CHECK(world.studies->whereabouts(name) == "done");
    REQUIRE(world.told(1).size() == 1);
    CHECK(world.told(1).front().value("transfers_complete") == "2");
    CHECK_FALSE(world.told(1).front().value("transfer_mapped_uid").empty());
    world.check_no_identity(run.out + run.err);
    world.check_no_workspace();

    const auto again = world.site.run(tool);

    CHECK(again.exit_code == EX_OK);
    CHECK(again.out.empty());
    CHECK(world.images_in_pacs() == 3);
}

TEST_CASE("fiona-anonymize-send: a dry run says what would go and changes nothing")
{
    if (!redcap_is_built()) {
        return;
    }
    const World world;
    const auto name = world.add(1, 2);
    const auto before = world.studies->everything_written();

    const auto run = world.site.run(tool, {"--dry-run"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out,
               Catch::Contains("planned") && Catch::Contains("in=2") && Catch::Contains("sent=2"));
    CHECK(world.studies->everything_written() == before);
    CHECK(world.images_in_pacs() == 0);
    CHECK(world.told(1).front().value("transfer_date").empty());
}

TEST_CASE("fiona-anonymize-send: one bad request among good ones is set aside")
{
    if (!redcap_is_built()) {
        return;
    }
    const World world;
    const auto first = world.add(1, 1);
    const auto bad = world.add(2, 1);
    const auto last = world.add(3, 1);
    fs::remove_all(world.studies->paths().raw() / TransferSite::study_uid(2));

    const auto run = world.site.run(tool);

    CHECK(run.exit_code == EX_DATAERR);
    CHECK(world.studies->whereabouts(first) == "done");
    CHECK(world.studies->whereabouts(bad) == "failed");
    CHECK(world.studies->whereabouts(last) == "done");
    CHECK(world.told(2).front().value("transfer_error___1") == "1");
    CHECK(world.images_in_pacs() == 2);
    world.check_no_identity(run.out + run.err);
}

TEST_CASE("fiona-anonymize-send: without REDCap or without the PACS nothing is claimed")
{
    if (!redcap_is_built()) {
        return;
    }
    World world;
    const auto name = world.add(1, 1);

    world.site.stop_redcap();
    CHECK(world.site.run(tool).exit_code == EX_TEMPFAIL);
    CHECK(world.studies->whereabouts(name) == "requests");

    world.site.set("RESEARCH_PACS", json::Object{{"host", "127.0.0.1"},
                                                 {"port", unused_port()},
                                                 {"aet", "NOBODY"},
                                                 {"timeout", 2}});
    CHECK(world.site.run(tool).exit_code == EX_UNAVAILABLE);
    CHECK(world.studies->whereabouts(name) == "requests");
}

TEST_CASE("fiona-anonymize-send: a bad command line is refused before anything is touched")
{
    const auto arguments =
        GENERATE(std::vector<std::string>{"--max-runtime", "soon"},
                 std::vector<std::string>{"--max-runtime", "-5s"},
                 std::vector<std::string>{"--no-such-option"}, std::vector<std::string>{"extra"});

    CHECK(answer_to_wrong_command(tool, arguments) == "refused");
}

TEST_CASE("fiona-anonymize-send: killed anywhere, the next runs finish the work once")
{
    if (!redcap_is_built()) {
        return;
    }
    constexpr int images = 20;
    constexpr int kills = 30;
    std::mt19937 random{20240102};
    const World world;
    const std::vector<std::string> command{built_program(tool), "--config",
                                           world.site.config_file().native()};
    // How long an undisturbed run over such studies takes.
    static_cast<void>(world.add(1, images));
    static_cast<void>(world.add(2, images));
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(world.site.run(tool).exit_code == EX_OK);
    const auto whole = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - begin);

    std::string output;
    std::size_t interrupted = 0;
    int number = 3;
    std::vector<std::string> names{world.add(number, images), world.add(number + 1, images)};
    std::vector<int> numbers{number, number + 1};
    for (int i = 0; i < kills; ++i) {
        const auto all_done = std::ranges::all_of(
            names, [&](const auto& name) { return world.studies->whereabouts(name) == "done"; });
        if (all_done) {
            number += 2;
            names.push_back(world.add(number, images));
            names.push_back(world.add(number + 1, images));
            numbers.push_back(number);
            numbers.push_back(number + 1);
        }
        const TempDir scratch;
        ChildProcess run{command, scratch.path};
        const std::chrono::microseconds moment{
            std::uniform_int_distribution<std::int64_t>{0, whole.count()}(random)};
        static_cast<void>(run.wait(std::chrono::ceil<std::chrono::milliseconds>(moment)));
        run.kill(SIGKILL);
        interrupted += run.wait(std::chrono::seconds{10}) == 128 + SIGKILL ? 1U : 0U;
        output += run.out() + run.err();
        for (const auto& name : names) {
            const auto place = world.studies->whereabouts(name);
            CHECK((place == "requests" || place == "work" || place == "done"));
        }
    }
    CHECK(interrupted > kills / 3);

    const auto last = world.site.run(tool);
    const auto idle = world.site.run(tool);

    INFO(last.err);
    CHECK(last.exit_code == EX_OK);
    CHECK(idle.out.empty());
    CHECK(world.images_in_pacs() == (numbers.size() + 2) * images);
    for (const auto& name : names) {
        CHECK(world.studies->whereabouts(name) == "done");
    }
    for (const auto study : numbers) {
        REQUIRE(world.told(study).size() == 1);
        CHECK(world.told(study).front().value("transfers_complete") == "2");
    }
    const auto audit = read_file(world.studies->paths().logs() / "transfers-audit.jsonl");
    CHECK(static_cast<std::size_t>(std::ranges::count(audit, '\n')) == numbers.size() + 2);
    for (const auto& left : fs::directory_iterator{world.studies->paths().state() / "transfers"}) {
        FAIL_CHECK("a journal is left: " << left.path());
    }
    world.check_no_workspace();
    world.check_no_identity(output + last.out + last.err);
}
