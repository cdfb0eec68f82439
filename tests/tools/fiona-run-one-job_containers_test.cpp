// SPDX-License-Identifier: MIT
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "tests/support/job_site.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <csignal>
#include <optional>

using namespace fiona;
using Catch::Contains;

namespace fs = std::filesystem;

namespace {

/// An engine with an image `fiona-test:1` made of Debian's static busybox; nothing is fetched.
class Containers {
public:
    explicit Containers(std::string engine) : m_engine{std::move(engine)}
    {
        // The storage of the test, and no limits that a machine without privileges cannot set.
        store::write_file(m_root / "storage.conf",
                          fmt::format("[storage]\ndriver = \"vfs\"\ngraphroot = \"{}\"\n"
                                      "runroot = \"{}\"\n",
                                      (m_root / "graph").native(), (m_root / "run").native()));
        const bool has_runc = ::access("/usr/sbin/runc", X_OK) == 0;
        store::write_file(m_root / "containers.conf",
                          fmt::format("[engine]\ncgroup_manager = \"cgroupfs\"\n"
                                      "events_logger = \"file\"\n{}",
                                      has_runc ? "runtime = \"runc\"\n" : ""));
    }
    Containers(const Containers&) = delete;
    Containers& operator=(const Containers&) = delete;
    ~Containers()
    {
        if (m_is_ready) {
            try {
                static_cast<void>(call({"rmi", "--force", "fiona-test:1"}));
            } catch (const Error&) { // gone already
            }
        }
    }

    /// False, with the reason, where a container cannot be started.
    bool is_ready()
    {
        if (::access("/bin/busybox", X_OK) != 0) {
            return skip("busybox-static is not installed");
        }
        try {
            if (call({"version"}).exit_code != 0) {
                return skip("does not answer");
            }
            make_image();
            const auto trial = call({"run", "--rm", "--pull=never", "--network=none",
                                     "--memory=64m", "--ulimit=nofile=1024:1024",
                                     "--ulimit=nproc=512:512", "fiona-test:1", "/bin/true"});
            m_is_ready = trial.exit_code == 0;
            return m_is_ready || skip(trial.err);
        } catch (const Error& e) {
            return skip(e.what());
        }
    }

    [[nodiscard]] std::vector<std::string> environment() const
    {
        return {"CONTAINERS_STORAGE_CONF=" + (m_root / "storage.conf").native(),
                "CONTAINERS_CONF=" + (m_root / "containers.conf").native()};
    }
    [[nodiscard]] Finished call(const std::vector<std::string>& words) const
    {
        std::vector<std::string> all{"env"};
        const auto variables = environment();
        all.insert(all.end(), variables.begin(), variables.end());
        all.push_back(m_engine);
        all.insert(all.end(), words.begin(), words.end());
        return fiona::run({.arguments = all});
    }

private:
    [[nodiscard]] bool skip(const std::string& reason) const
    {
        ::skip(m_engine + ": " + reason);
        return false;
    }

    void make_image() const
    {
        const auto tree = m_root / "tree";
        for (const auto* const directory :
             {"bin", "tmp", "proc", "dev", "sys", "etc", "data", "output", "app"}) {
            fs::create_directories(tree / directory);
        }
        fs::copy_file("/bin/busybox", tree / "bin" / "busybox");
        for (const auto* const name :
             {"sh", "cat", "cp", "id", "ls", "sleep", "true", "touch", "grep", "printf"}) {
            fs::create_symlink("busybox", tree / "bin" / name);
        }
        store::write_file(tree / "app" / "work.sh",
                          "case $ROR_CONT_OPTIONS in *endless*) sleep 1000;; esac\n"
                          "printf %s \"$ROR_CONT_OPTIONS\" >/output/options.txt\n"
                          "ls $1/input >/output/input.txt\n"
                          "grep -c : /proc/net/dev >/output/network.txt\n"
                          "touch /data/x 2>/dev/null && touch /output/data-is-writable\n"
                          "touch /bin/x 2>/dev/null && touch /output/root-is-writable\n"
                          "grep CapEff /proc/self/status >/output/caps.txt\n"
                          "cat /data/descr.json\n",
                          0755);
        const auto archive = (m_root / "image.tar").native();
        const auto packed =
            fiona::run({.arguments = {"tar", "-C", tree.native(), "-cf", archive, "."}});
        if (packed.exit_code != 0 || call({"import", archive, "fiona-test:1"}).exit_code != 0) {
            throw Error{Fault::io, "cannot make the image"};
        }
    }

    TempDir m_root;
    std::string m_engine;
    bool m_is_ready = false;
};

/// A container sees its folders, its options and nothing else, and goes when its time is over.
void check_engine(const std::string& engine)
{
    Containers containers{engine};
    if (!containers.is_ready()) {
        return;
    }
    JobSite world;
    world.set_jobs({{"engine", engine}});
    world.add_study(1, 2);
    const json::Object entry{{"memory", "64m"},
                             {"call", json::Array{"/bin/sh", "/app/work.sh", "{}"}}};
    auto brief = entry;
    brief.insert_or_assign("time_s", 2);
    const auto images = [&](const json::Object& image) {
        store::write_file(
            world.site.config().paths.config() / "workflows.json",
            json::write(json::Object{{"images", json::Object{{"fiona-test:1", image}}}}));
    };
    images(entry);
    const std::string options = R"({"-z": "a ' $(touch bad) ; ../"})";
    world.list("a", 1, "fiona-test:1", {{"ROR_CONT_OPTIONS", options}});
    const auto run = [&] {
        return run_tool("fiona-run-one-job", {"--config", world.site.config_file().native()},
                        containers.environment());
    };

    const auto first = run();

    INFO(first.err);
    const auto output = world.output("a", "fiona-test:1");
    INFO(read_file_if_any(output / "log" / "stderr.log").value_or(""));
    REQUIRE(first.exit_code == EX_OK);
    std::string seen = options;
    std::erase(seen, '\''); // as the original
    CHECK(read_file(output / "options.txt") == seen);
    CHECK(read_file(output / "input.txt") == "MR_000000.dcm\nMR_000001.dcm\n");
    CHECK(trimmed(read_file(output / "network.txt")) == "1");
    CHECK_THAT(read_file(output / "caps.txt"), Contains("0000000000000000"));
    CHECK_FALSE(fs::exists(output / "data-is-writable"));
    CHECK_FALSE(fs::exists(output / "root-is-writable"));
    CHECK(read_file(output / "log" / "stdout.log")
          == read_file(fs::path{output.native().substr(0, output.native().size() - 7)}
                       / "descr.json"));

    images(brief);
    world.list("b", 1, "fiona-test:1", {{"ROR_CONT_OPTIONS", R"(["endless"])"}});
    CHECK(run().exit_code == EX_DATAERR);
    CHECK_THAT(world.shelved("b").text("reason"), Contains("its time was over"));
    CHECK(trimmed(containers.call({"ps", "-aq"}).out).empty());

    // Its supervisor dies: the container lives on, and is removed before the next attempt.
    images(entry);
    world.list("c", 1, "fiona-test:1", {{"ROR_CONT_OPTIONS", R"(["endless"])"}});
    const auto state = world.site.config().paths.state() / "jobs";
    static_cast<void>(
        run_tool_and_kill("fiona-run-one-job", {"--config", world.site.config_file().native()},
                          containers.environment(), [&] {
                              return trimmed(containers.call({"ps", "-q"}).out).size() > 1;
                          }));
    const auto supervisor = FileLock::holder(state / "c.run");
    REQUIRE(supervisor.has_value());
    REQUIRE(::kill(*supervisor, SIGKILL) == 0);
    REQUIRE(wait_until([&] { return !FileLock::holder(state / "c.run"); }));
    images(brief);
    CHECK(run().exit_code == EX_DATAERR);
    CHECK(world.shelved("c").text("attempts") == "2");
    CHECK(trimmed(containers.call({"ps", "-aq"}).out).empty());
}

} // namespace

TEST_CASE("fiona-run-one-job: podman runs an image with its folders and nothing else, until its "
          "time is over")
{
    check_engine("podman");
}

TEST_CASE("fiona-run-one-job: docker runs an image with its folders and nothing else, until its "
          "time is over")
{
    check_engine("docker");
}
