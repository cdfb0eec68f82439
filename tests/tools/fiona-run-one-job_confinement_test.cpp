// SPDX-License-Identifier: MIT
#include "tests/support/job_site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using Catch::Contains;

namespace fs = std::filesystem;

TEST_CASE("fiona-run-one-job: a program that takes too long is ended with all that it began")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("endless", "echo started; sleep 1000 & sleep 1000", {{"time_s", 1}});
    world.list("a", 1, "endless:1");

    const auto run = world.run();

    CHECK(run.exit_code == EX_DATAERR);
    CHECK_THAT(world.shelved("a").text("reason"), Contains("its time was over"));
    const auto log = world.output("a", "endless:1") / "log";
    CHECK(read_file(log / "stdout.log") == "started\n");
    CHECK(json::parse(read_file(log / "exit.json"), "exit").text("stopped") == "time");
}

TEST_CASE("fiona-run-one-job: a program that is killed from outside has failed with its code, 137")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("killed",
                    JobSite::segment().substr(0, JobSite::segment().find("exec")) + "kill -9 $$\n");
    world.list("a", 1, "killed:1");

    const auto run = world.run();

    CHECK(run.exit_code == EX_DATAERR);
    CHECK(world.shelved("a").text("state") == "failed");
    CHECK_THAT(world.shelved("a").text("reason"), Contains("exit code 137"));
    CHECK(world.pacs.files().empty()); // what it had made by then is no result
}

TEST_CASE("fiona-run-one-job: whatever a program does wrong, nothing of it is sent, and the next "
          "one is done")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    // Each has made a good result before it goes wrong.
    const auto good = JobSite::segment();
    const auto result = good.substr(0, good.find("exec")) + good.substr(good.find("dcmodify"));
    world.add_image("good", good);
    world.add_image("gone", good);
    fs::remove(world.programs() / "gone");
    world.add_image("endless", result + "sleep 1000 & sleep 1000", {{"time_s", 2}});
    world.add_image("file", result + "exec cat /dev/zero >\"$2/much.bin\"", {{"output", "1m"}});
    world.add_image("files",
                    result
                        + "i=0\nwhile :; do\n  head -c 200000 /dev/zero >\"$2/$i.bin\"\n"
                          "  i=$((i+1))\n  sleep 0.1\ndone\n",
                    {{"output", "1m"}});
    world.add_image("most",
                    result + "for i in 1 2 3; do head -c 500000 /dev/zero >\"$2/$i.bin\"; done",
                    {{"output", "1m"}});
    world.add_image("link", result + "ln -s /etc/passwd \"$2/x.dcm\"");
    world.add_image("killed", result + "kill -9 $$");
    struct Job {
        const char* image;
        const char* reason;
    };
    const std::vector<Job> jobs{{"unlisted", "not listed"},
                                {"gone", "exit code 2"},
                                {"endless", "its time was over"},
                                {"file", "exit code 153"}, // 128 and SIGXFSZ
                                {"files", "its output was too large"},
                                {"most", "large"},
                                {"link", "link"},
                                {"killed", "exit code 137"}};
    for (const auto& [image, reason] : jobs) {
        world.list(image, 1, std::string{image} + ":1");
    }
    world.list("good", 1, "good:1");

    const auto run = world.run();

    CAPTURE(run.err, run.out);
    CHECK(run.exit_code == EX_DATAERR);
    for (const auto& [image, reason] : jobs) {
        CAPTURE(image);
        CHECK(world.shelved(image).text("state") == "failed");
        CHECK_THAT(world.shelved(image).text("reason"), Contains(reason));
    }
    CHECK(world.shelved("good").text("state") == "done");
    CHECK(world.pacs.files().size() == 1);
    CHECK(read_file_if_any(world.list_file()).value_or("").empty());
}

TEST_CASE("fiona-run-one-job: the sandbox has no network, no other files, and limits")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1);
    world.add_image("looks",
                    "ls / >\"$2/root.txt\"\n"
                    "grep -c : /proc/net/dev >\"$2/network.txt\"\n"
                    "touch /data/x 2>/dev/null && echo writes >\"$2/bad.txt\"\n"
                    "cat /etc/passwd >\"$2/bad.txt\" 2>/dev/null || rm -f \"$2/bad.txt\"\n"
                    "for d in / /dev /data /usr; do\n"
                    "  touch $d/x 2>/dev/null && echo $d >>\"$2/bad.txt\"\n"
                    "done\n"
                    "touch /tmp/x /dev/shm/x && echo x >/dev/null || echo not >\"$2/bad.txt\"\n"
                    "stat -f -c '%b %S' /tmp /dev/shm >\"$2/sizes.txt\"\n"
                    "(ulimit -v; ulimit -c; ulimit -p; env) >\"$2/limits.txt\"\n"
                    "head -c 2000000 /dev/zero >\"$2/big.txt\" 2>/dev/null\n"
                    "exit 0\n",
                    {{"output", "1m"}, {"memory", "512m"}, {"pids", 40}});
    world.list("a", 1, "looks:1");

    static_cast<void>(world.run());

    const auto output = world.output("a", "looks:1");
    INFO(read_file_if_any(output / "log" / "stderr.log").value_or(""));
    CHECK(read_file(output / "root.txt").find("home") == std::string::npos);
    CHECK(trimmed(read_file(output / "network.txt")) == "1"); // lo
    CHECK_FALSE(fs::exists(output / "bad.txt"));
    const auto limits = read_file(output / "limits.txt");
    CHECK_THAT(limits, Contains("524288\n0\n41\n"));
    CHECK(read_file(output / "sizes.txt") == "131072 4096\n131072 4096\n"); // of the memory
    CHECK_THAT(limits, !Contains("FIONA"));
    CHECK(fs::file_size(output / "big.txt") <= 1'048'576);
}

TEST_CASE("fiona-run-one-job: quotes, blanks and signs in a line are data and nothing else")
{
    if (!has_sandbox()) {
        return;
    }
    JobSite world;
    world.add_study(1, 1, {{"SeriesDescription", "$(touch bad); `touch bad` '\" ../.."}});
    world.add_image("echo", "printf %s \"$ROR_CONT_OPTIONS\" >\"$2/options.txt\"\n"
                            "cp /data/descr.json \"$2/descr.json\"");
    const std::string odd = R"(a " b $(touch bad) `touch bad` ; touch bad & \ ../../ %s)";
    const auto options = json::write(json::Object{{"-z", odd + "\nline"}});
    world.list("a", 1, "echo:1",
               {{"ROR_CONT_OPTIONS", options},
                {"user", odd + "'\n"},
                {"stream", odd},
                {"project", "A ;&|<> B"}});
    world.list("../../../etc/x", 1, "echo:1", {{"ROR_CONT_OPTIONS", ""}});
    world.list("image", 1, "; touch bad:1");
    world.list("quote", 1, "echo:1", {{"project", "A'\"$(touch bad)"}});

    const auto run = world.run();

    INFO(run.err);
    CHECK(run.exit_code == EX_DATAERR); // image and quote
    CHECK(world.shelved("a").text("state") == "done");
    const auto folder = world.site.root() / "export" / "Workflows" / "A ;&|<> B" / "ror";
    const auto output = jobs::output_of(folder / jobs::folder_name("0", "echo:1", "a"));
    CHECK(read_file(output / "options.txt") == options);
    const auto described = json::parse(read_file(output / "descr.json"), "descr").array().at(0);
    CHECK(described.text("SeriesDescription") == "$(touch bad); `touch bad` '\" ../..");
    for (const auto& entry : fs::recursive_directory_iterator{world.site.root()}) {
        CHECK(entry.path().filename() != "bad");
    }
    CHECK_FALSE(fs::exists("bad"));
}
