// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/dicom/library.h"
#include "libfiona/dicom/prescan.h"
#include "tests/support/job_site.h"
#include "tests/support/slurm_cluster.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <set>

using namespace fiona;
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

/// A job site whose programs run in Slurm.
struct World {
    SlurmCluster slurm;
    JobSite site;

    World()
    {
        site.set_jobs({{"engine", "slurm"}, {"slurm", json::Object{{"engine", "process"}}}});
    }

    void add(int number, const std::string& image) const
    {
        site.add_study(number, 1);
        site.list(fmt::format("j{}", number), number, image);
    }
    [[nodiscard]] std::vector<std::string> words() const
    {
        return {"--config", site.site.config_file().native()};
    }
    [[nodiscard]] Outcome run() const
    {
        return run_tool("fiona-run-one-job", words(), slurm.environment());
    }
    [[nodiscard]] fs::path state() const { return site.site.config().paths.state() / "jobs"; }
    [[nodiscard]] json::Value record(int number) const
    {
        return json::parse(read_file(state() / fmt::format("j{}.json", number)), "record");
    }
    [[nodiscard]] std::set<std::string> instances() const
    {
        const dicom::Library library;
        std::set<std::string> uids;
        for (const auto& file : site.pacs.files()) {
            uids.insert(dicom::prescan_file(file).sop_instance);
        }
        return uids;
    }
};

const json::Object small{{"memory", "512m"}};

} // namespace

TEST_CASE("fiona-run-one-job: three jobs are one array of Slurm, and the next run collects them")
{
    if (!has_sandbox() || !SlurmCluster::can_be_made()) {
        return;
    }
    World world;
    world.site.add_image("segment", JobSite::segment(), small);
    for (const int number : {1, 2, 3}) {
        world.add(number, "segment:1");
    }

    const auto first = world.run();
    INFO(first.err);
    REQUIRE(first.exit_code == EX_OK);
    CHECK_THAT(first.out, Contains("running j1") && Contains("running j3"));
    CHECK(world.record(1).text("slurm_job") == world.record(3).text("slurm_job"));
    CHECK(world.record(3).text("slurm_task") == "2");
    REQUIRE(world.slurm.becomes_idle());
    const auto second = world.run();

    INFO(second.err);
    INFO(
        read_file_if_any(world.site.output("j1", "segment:1") / "log" / "stderr.log").value_or(""));
    CHECK(second.exit_code == EX_OK);
    for (const auto* const id : {"j1", "j2", "j3"}) {
        CAPTURE(world.site.shelved(id).text("reason"));
        CHECK(world.site.shelved(id).text("state") == "done");
    }
    CHECK(world.instances().size() == 3);
}

TEST_CASE("fiona-run-one-job: killed while it hands jobs to Slurm, no job runs twice at once or is "
          "sent twice")
{
    if (!has_sandbox() || !SlurmCluster::can_be_made()) {
        return;
    }
    World world;
    world.site.add_image("segment", JobSite::segment(), small);
    for (const int number : {1, 2}) {
        world.add(number, "segment:1");
    }
    // Somewhere between the note of the batch, sbatch, and the note of its number.
    for (int i = 0; i < 10; ++i) {
        const auto until =
            std::chrono::steady_clock::now() + std::chrono::milliseconds{20 + 15 * i};
        static_cast<void>(
            run_tool_and_kill("fiona-run-one-job", world.words(), world.slurm.environment(),
                              [&] { return std::chrono::steady_clock::now() >= until; }));
    }

    bool is_over = false;
    for (int i = 0; i < 10 && !is_over; ++i) {
        const auto run = world.run();
        INFO(run.err);
        CHECK(run.exit_code == EX_OK);
        REQUIRE(world.slurm.becomes_idle());
        is_over = world.site.shelved("j1").is_object() && world.site.shelved("j2").is_object();
    }

    CHECK(is_over);
    CHECK(world.site.shelved("j1").text("state") == "done");
    CHECK(world.site.shelved("j2").text("state") == "done");
    CHECK(world.instances().size() == 2);
    CHECK(world.site.pacs.files().size() == 2);
}

TEST_CASE(
    "fiona-run-one-job: a controller that is away changes nothing, a cancelled job has failed")
{
    if (!has_sandbox() || !SlurmCluster::can_be_made()) {
        return;
    }
    World world;
    world.site.add_image("sleep", "sleep 100", small);
    world.add(1, "sleep:1");
    REQUIRE(world.run().exit_code == EX_OK);
    const auto number = world.record(1).text("slurm_job");
    REQUIRE(wait_until([&] { return fs::exists(world.state() / "j1.begun"); }));
    world.slurm.stop_controller();
    world.site.list("late", 1, "sleep:1");

    const auto away = world.run();

    CHECK(away.exit_code == EX_UNAVAILABLE);
    CHECK(world.site.shelved("j1").is_null());
    CHECK(world.record(1).text("slurm_job") == number);
    world.slurm.start_controller();
    REQUIRE(world.slurm.says(number, "RUNNING"));
    static_cast<void>(world.slurm.call({"scancel", number}));
    REQUIRE(world.slurm.says(number, "CANCELLED"));
    REQUIRE(wait_until([&] { return !FileLock::holder(world.state() / "j1.run"); }));
    const auto back = world.run();
    INFO(back.err);
    CHECK(back.exit_code == EX_DATAERR);
    CHECK_THAT(world.site.shelved("j1").text("reason"), Contains("cancelled in Slurm"));
    CHECK_FALSE(read_file(world.site.list_file()).empty()); // the other waits, or runs
    static_cast<void>(world.slurm.call({"scancel", "--user=root"}));
    REQUIRE(world.slurm.becomes_idle());
}
