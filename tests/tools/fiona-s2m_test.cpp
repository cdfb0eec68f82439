// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/site/layout.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/spool.h"
#include "libfiona/store/study_tree.h"
#include "tests/support/phantom.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <map>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// A site whose receiver runs, and a disc with one study of six images.
class Receiving {
public:
    Receiving()
    {
        store::write_file(
            file, json::write(json::Object{{"ROOT", root.path.native()},
                                           {"DICOMPORT", free_port()},
                                           {"RECEIVER", json::Object{{"bind", "127.0.0.1"},
                                                                     {"stop_grace", 1},
                                                                     {"soft_free_share", 0},
                                                                     {"soft_free_bytes", 0},
                                                                     {"hard_free_share", 0},
                                                                     {"hard_free_bytes", 0}}}}));
        config = Config::load(file);
        for (const auto& directory : site::directories(config.paths)) {
            fs::create_directories(directory.path);
        }
        study.add_mr_series({.images = 6});
        study.write_to(disc);
        start();
    }
    Receiving(const Receiving&) = delete;
    Receiving& operator=(const Receiving&) = delete;
    ~Receiving() { run("fiona-storescp", {"stop"}); }

    void start() const { REQUIRE(run("fiona-storescp", {"start"}).exit_code == EX_OK); }
    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome run(const std::string& tool, std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), {"--config", file});
        return run_tool(tool, arguments);
    }
    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome s2m(const std::vector<std::string>& arguments) const
    {
        return run("fiona-s2m", arguments);
    }
    /// Every file of the archive and its bytes.
    [[nodiscard]] std::map<fs::path, std::string> archive() const
    {
        std::map<fs::path, std::string> files;
        for (const auto& entry : fs::recursive_directory_iterator{config.paths.archive()}) {
            if (entry.is_regular_file()) {
                files[entry.path()] = read_file(entry.path());
            }
        }
        return files;
    }
    [[nodiscard]] std::size_t waiting() const
    {
        return store::Spool{config.paths.spool()}.count_waiting();
    }
    [[nodiscard]] std::string images_counted() const
    {
        const auto series = store::StudyTree{config.paths}.series(StudyUid{study.uid()});
        return series.at(0).properties.value().text("NumFiles");
    }

    TempDir root;
    fs::path file = root / "config.json";
    fs::path disc = root / "disc";
    Config config;
    phantom::Study study{phantom::Patient{"DOE^JANE", "PAT-1001", "19700102", "F"}, 1};
};

} // namespace

TEST_CASE("fiona-s2m: a directory arrives, and once more changes nothing")
{
    const Receiving site;

    const auto first = site.s2m({site.disc, "--aet", "SCANNER1"});
    REQUIRE(site.run("fiona-process-file", {"once"}).exit_code == EX_OK);
    const auto before = site.archive();
    const auto second = site.s2m({"--json", "PAT-1001"});
    REQUIRE(site.run("fiona-process-file", {"once"}).exit_code == EX_OK);

    CAPTURE(first.err, second.err);
    CHECK(first.exit_code == EX_OK);
    CHECK_THAT(first.out, Contains("from SCANNER1") && Contains("stored 6, refused 0"));
    CHECK(before.size() == 6);
    CHECK(second.exit_code == EX_OK);
    const auto result = json::parse(second.out, "out");
    CHECK(result.text("stored") == "6");
    // As the first time: the titles are those the receiver has written into the files.
    CHECK(result.find("associations")->array().at(0).text("calling") == "SCANNER1");
    CHECK(site.archive() == before);
    CHECK(site.images_counted() == "6");
    CHECK_THAT(first.out + first.err + second.out + second.err,
               !Contains("PAT-1001") && !Contains("JANE"));
}

TEST_CASE("fiona-s2m: last takes what is young enough, --local only announces it")
{
    const Receiving site;
    REQUIRE(site.s2m({site.disc}).exit_code == EX_OK);
    REQUIRE(site.run("fiona-process-file", {"once"}).exit_code == EX_OK);
    site.run("fiona-storescp", {"stop"});

    const auto local = site.s2m({"--local", "last", "1"});
    const auto again = site.s2m({"--local", "PAT-1001"});

    CHECK(local.exit_code == EX_OK);
    CHECK(local.out == "announced 6, waiting already 0, skipped 0, unreadable 0\n");
    CHECK(again.out == "announced 0, waiting already 6, skipped 0, unreadable 0\n");
    CHECK(site.waiting() == 6);
    CHECK(site.s2m({"last", "1"}).exit_code == EX_UNAVAILABLE); // nobody listens
    REQUIRE(site.run("fiona-process-file", {"once"}).exit_code == EX_OK);
    CHECK(site.images_counted() == "6");
    CHECK(site.s2m({"--local", site.disc}).exit_code == EX_USAGE);
}

TEST_CASE("fiona-s2m: a dry run sends nothing, announces nothing, and needs no receiver")
{
    const Receiving site;
    site.run("fiona-storescp", {"stop"});

    const auto run = site.s2m({"-n", site.disc, "--aec", "TRIAL7"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("to TRIAL7") && Contains("6 objects") && Contains("nothing sent"));
    CHECK(site.archive().empty());
    CHECK(site.waiting() == 0);
}

TEST_CASE("fiona-s2m: one torn and one refused file among good ones, exit 65")
{
    const Receiving site;
    const auto some = fs::directory_iterator
    {
        site.disc
        } -> path();
    const auto whole = read_file(some);
    store::write_file(site.disc / "DOE JANE torn", whole.substr(0, whole.size() - 3));
    store::write_file(site.disc / "autorun.inf", "[autorun]");

    const auto run = site.s2m({site.disc});

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(run.out, Contains("stored 6, refused 0, failed 0, skipped 1, unreadable 1"));
    CHECK_THAT(run.err, Contains("event=file_unreadable number=") && !Contains("JANE"));

    auto lying = whole; // its series is no UID: the receiver refuses it
    const auto series = site.study.series_uids().at(0);
    auto at = lying.find(series);
    REQUIRE(at != std::string::npos);
    lying.replace(at, 4, "a/b.");
    store::write_file(site.disc / "DOE JANE torn", lying);

    const auto refused = site.s2m({site.disc});

    CHECK(refused.exit_code == EX_DATAERR);
    CHECK_THAT(refused.out, Contains("stored 6, refused 1"));
    CHECK(site.archive().size() == 6);
}

TEST_CASE("fiona-s2m: a wrong command line is exit 64, nothing to send 66")
{
    const Receiving site;
    CHECK(site.s2m({}).exit_code == EX_USAGE);
    CHECK(site.s2m({"last"}).exit_code == EX_USAGE);
    CHECK(site.s2m({"last", "0"}).exit_code == EX_USAGE);
    CHECK(site.s2m({"last", "soon"}).exit_code == EX_USAGE);
    CHECK(site.s2m({site.disc, "3"}).exit_code == EX_USAGE);
    CHECK(site.s2m({site.disc, "--aec", "SEVENTEEN LETTERS"}).exit_code == EX_USAGE);
    const auto unknown = site.s2m({"PAT-10"});
    CHECK(unknown.exit_code == EX_NOINPUT);
    CHECK_THAT(unknown.err, !Contains("PAT-10"));
    CHECK(site.s2m({"last", "1"}).exit_code == EX_NOINPUT);
}

TEST_CASE("fiona-s2m: killed half-way, the next run sends the rest, and nothing is there twice")
{
    const Receiving site;
    phantom::Study more{phantom::Patient{"DOE^JANE", "PAT-1001", "19700102", "F"}, 2};
    more.add_mr_series({.images = 200});
    more.write_to(site.disc / "more");

    run_tool_and_kill("fiona-s2m", {"--config", site.file, site.disc}, {},
                      [&] { return site.waiting() >= 10; });
    const auto run = site.s2m({site.disc});

    CAPTURE(run.err);
    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("stored 206, refused 0"));
    CHECK(site.archive().size() == 206);
    REQUIRE(site.run("fiona-process-file", {"once"}).exit_code == EX_OK);
    CHECK(site.images_counted() == "6");
}
