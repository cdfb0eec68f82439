// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/jobs/engine_call.h"
#include "libfiona/jobs/slurm.h"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace fiona;
using namespace fiona::jobs; // NOLINT(google-build-using-namespace) a test of this room
using Catch::Contains;
using Catch::VectorContains;

namespace {

const std::string odd = "a' \" $(x) `y`; & \n ../ {input}";

ImageSettings image(Engine engine)
{
    ImageSettings result;
    result.name = result.reference = "demo-seg:1.2";
    result.engine = engine;
    result.memory_bytes = std::uint64_t{8} << 30U;
    result.cpus = 2;
    result.call = {"/app/work.sh", "{}", "--in={input}", "{descr}", "{output}", "{output_json}"};
    return result;
}

EngineRun job()
{
    return {.id = "0f",
            .folder = "/srv/A ;$(x) B/ror/d",
            .output = "/srv/A ;$(x) B/ror/d_output",
            .options = odd};
}

bool has(const std::vector<std::string>& words, const std::string& word)
{
    return std::ranges::find(words, word) != words.end();
}

} // namespace

TEST_CASE("a container has limits, no network, no capability, and our folders")
{
    const auto engine = GENERATE(Engine::podman, Engine::docker);

    const auto call = engine_call(image(engine), job());

    const auto& words = call.run;
    CHECK(words[0] == engine_name(engine));
    for (const auto* const word :
         {"run", "--rm", "--pull=never", "--network=none", "--memory=8589934592b",
          "--memory-swap=8589934592b", "--cpus=2", "--pids-limit=512", "--read-only",
          "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--log-driver=none",
          "--name=fiona-0f", "--volume=/srv/A ;$(x) B/ror/d:/data:ro",
          "--volume=/srv/A ;$(x) B/ror/d_output:/output"}) {
        CAPTURE(word);
        CHECK(has(words, word));
    }
    CHECK(has(words, "--env=ROR_CONT_OPTIONS=" + odd)); // one argument, as it is
    const auto at = std::ranges::find(words, "demo-seg:1.2");
    CHECK(std::vector(at + 1, words.end())
          == std::vector<std::string>{"/app/work.sh", "/data/", "--in=/data/input",
                                      "/data/descr.json", "/output", "/output/output.json"});
    CHECK(call.clean_up.back() == "fiona-0f");
}

TEST_CASE(
    "a digest is what the engine is told, and a GPU and a network only where the site says so")
{
    auto settings = image(Engine::podman);
    settings.reference = "sha256:1234";
    settings.has_gpu = true;
    settings.network = "jobs";

    const auto words = engine_call(settings, job()).run;

    CHECK(has(words, "sha256:1234"));
    CHECK_FALSE(has(words, "demo-seg:1.2"));
    CHECK(has(words, "--device=nvidia.com/gpu=all"));
    CHECK(has(words, "--network=jobs"));
}

TEST_CASE("apptainer contains what it runs, and is told the options as they are")
{
    const auto call = engine_call(image(Engine::apptainer), job());

    CHECK(call.run
          == std::vector<std::string>{"apptainer",
                                      "exec",
                                      "--containall",
                                      "--cleanenv",
                                      "--no-home",
                                      "--no-privs",
                                      "--no-eval",
                                      "--memory=8589934592",
                                      "--memory-swap=8589934592",
                                      "--cpus=2",
                                      "--pids-limit=512",
                                      "--net",
                                      "--network=none",
                                      "--bind=/srv/A ;$(x) B/ror/d:/data:ro",
                                      "--bind=/srv/A ;$(x) B/ror/d_output:/output",
                                      "demo-seg:1.2",
                                      "/app/work.sh",
                                      "/data/",
                                      "--in=/data/input",
                                      "/data/descr.json",
                                      "/output",
                                      "/output/output.json"});
    CHECK(call.environment == std::vector<std::string>{"APPTAINERENV_ROR_CONT_OPTIONS=" + odd});
    CHECK(call.clean_up.empty());

    auto without = image(Engine::apptainer);
    without.call.clear();
    auto run = job();
    run.options.clear();
    CHECK(engine_call(without, run).run.at(1) == "run"); // what the image says itself
    CHECK(engine_call(without, run).environment.empty());
}

TEST_CASE("a process is in a sandbox, with limits")
{
    const auto words = engine_call(image(Engine::process), job()).run;

    CHECK(words[0] == "prlimit");
    for (const auto* const word : {"--as=8589934592:8589934592", "bwrap", "--unshare-all",
                                   "--die-with-parent", "--cap-drop", "--clearenv"}) {
        CAPTURE(word);
        CHECK(has(words, word));
    }
    CHECK_FALSE(has(words, "--share-net"));
    const auto at = std::ranges::find(words, "ROR_CONT_OPTIONS");
    REQUIRE(at != words.end());
    CHECK(*(at + 1) == odd);
    // The number of processes counts from inside, and nothing is mounted after the root is closed.
    const std::vector<std::string> inner{"--remount-ro",    "/",  "--",          "prlimit",
                                         "--nproc=513:513", "--", "/app/work.sh"};
    CHECK(std::ranges::search(words, inner).begin() != words.end());
}

TEST_CASE("a folder that cannot be told to a container is refused")
{
    auto run = job();
    run.folder = "/srv/a:/etc";

    CHECK_THROWS_WITH(engine_call(image(Engine::podman), run), Contains("cannot be given"));
    CHECK_NOTHROW(engine_call(image(Engine::process), run));
}

TEST_CASE("sbatch is told limits as numbers and the program as arguments")
{
    SlurmBatch batch;
    batch.name = "fiona-1";
    batch.tasks = 3;
    batch.limits = image(Engine::podman);
    batch.directory = "/srv/state";
    batch.command = {"/bin/fiona-run-one-job", "task", odd};
    const SlurmSettings settings{.partition = "gpu", .account = "", .options = {"--qos=low"}};

    const auto words = sbatch_call(settings, batch, "/srv/state/slurm-task");

    for (const auto* const word :
         {"--parsable", "--array=0-2%2", "--mem=8192M", "--cpus-per-task=2", "--time=65",
          "--partition=gpu", "--qos=low", "--job-name=fiona-1"}) {
        CAPTURE(word);
        CHECK(has(words, word));
    }
    CHECK(words.back() == odd);
}

TEST_CASE("what squeue and sacct print is read, and broken lines are passed over")
{
    auto queue =
        SlurmQueue::parse("7|0|RUNNING|fiona-a\n7|1|COMPLETED|fiona-a\n8|N/A|PENDING|other\n"
                          "x|0|RUNNING|y\n9|0\n\n|||\n9|4294967296|RUNNING|z\n");
    queue.add_accounts("7_1|FAILED\n7_2|CANCELLED by 1000\n11_0|TIMEOUT\nbroken\n|\n5_x|FAILED\n");

    CHECK(queue.state("7", 0) == SlurmState::waiting);
    CHECK(queue.state("7", 1) == SlurmState::ended);
    CHECK(queue.word("7", 1) == "COMPLETED"); // of squeue
    CHECK(queue.word("7", 2) == "CANCELLED");
    CHECK(queue.state("11", 0) == SlurmState::ended);
    CHECK(queue.state("9", 0) == SlurmState::unknown);
    CHECK(queue.job_of("fiona-a") == "7");
    CHECK_FALSE(queue.job_of("fiona-b").has_value());
}
