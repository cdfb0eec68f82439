// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/incoming_list.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
namespace fs = std::filesystem;

namespace {

/// A site with one sorted study whose last image came an hour ago.
struct Site {
    TempDir root;
    fs::path file = make_site(root.path);
    Config config = Config::load(file);
    store::IncomingList list{config.paths.incoming_list()};

    Site()
    {
        receive_image(config.paths, 1, 1);
        REQUIRE(run_tool("fiona-process-file", {"--config", file, "once"}).exit_code == EX_OK);
        store::ArrivalMarks{config.paths.arrived()}.touch(
            {"SCANNER 1", "FIONA", "scanner1", StudyUid{study_uid}, {}});
        age_marks();
    }
    void age_marks() const
    {
        for (const auto& entry : fs::directory_iterator{config.paths.arrived()}) {
            if (entry.is_regular_file()) {
                fs::last_write_time(entry,
                                    fs::file_time_type::clock::now() - std::chrono::hours{1});
            }
        }
    }
    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome tool(std::vector<std::string> arguments = {}) const
    {
        arguments.insert(arguments.begin(), {"--config", file});
        return run_tool("fiona-detect-arrival", arguments);
    }
};

} // namespace

TEST_CASE("fiona-detect-arrival: a quiet study is listed, a second run does nothing")
{
    const Site site;

    const auto first = site.tool();
    const auto before = read_file(site.config.paths.incoming_list());
    const auto second = site.tool({"--json"});

    CHECK(first.exit_code == EX_OK);
    CHECK(first.out == "studies 1, series 1, waiting 0, postponed 0, failed 0\n");
    CHECK(site.list.lines().size() == 1);
    CHECK(second.exit_code == EX_OK);
    CHECK(json::parse(second.out, "out").text("studies") == "0");
    CHECK(read_file(site.config.paths.incoming_list()) == before);
}

TEST_CASE("fiona-detect-arrival: a study that is not quiet waits")
{
    const Site site;

    CHECK(site.tool({"--quiet-time", "7200"}).out
          == "studies 0, series 0, waiting 2, postponed 0, failed 0\n");
    CHECK(site.list.lines().empty());
}

TEST_CASE("fiona-detect-arrival: a dry run lists nothing and leaves the marks")
{
    const Site site;

    CHECK(site.tool({"-n"}).out == "studies 1, series 1, waiting 0, postponed 0, failed 0\n");
    CHECK(site.list.lines().empty());
    CHECK(store::ArrivalMarks{site.config.paths.arrived()}.all().size() == 2);
}

TEST_CASE("fiona-detect-arrival: a mark nobody understands stops no other")
{
    const Site site;
    store::write_file(site.config.paths.arrived() / "what is this", "");
    site.age_marks();

    CHECK(site.tool().exit_code == EX_OK);
    CHECK(site.list.lines().size() == 1);
}

TEST_CASE("fiona-detect-arrival: a wrong command line is exit 64")
{
    CHECK(run_tool("fiona-detect-arrival", {"--quiet-time", "soon"}).exit_code == EX_USAGE);
    CHECK(run_tool("fiona-detect-arrival", {"study"}).exit_code == EX_USAGE);
}

TEST_CASE("fiona-detect-arrival: marks claimed by a killed run are handled by the next")
{
    const Site site;
    const store::ArrivalMarks marks{site.config.paths.arrived()};
    for (const auto& mark : marks.all()) {
        REQUIRE(marks.claim(mark.name)); // what SIGKILL between claim and finish leaves
    }

    CHECK(site.tool().out == "studies 1, series 1, waiting 0, postponed 0, failed 0\n");
    CHECK(site.list.lines().size() == 1);
    CHECK(marks.claimed().empty());
}

TEST_CASE("fiona-detect-arrival: two runs at a time are one too many")
{
    const Site site;
    fs::create_directories(site.config.paths.pids());
    const FileLock other{site.config.paths.pids() / "fiona-detect-arrival.lock"};

    CHECK(site.tool().exit_code == EX_TEMPFAIL);
    CHECK(site.list.lines().empty());
}
