// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/tool.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

/// Standard output and errors of this process, into files while the object lives.
class Capture {
public:
    Capture() : m_out{redirected(STDOUT_FILENO, "out")}, m_err{redirected(STDERR_FILENO, "err")} {}
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;
    ~Capture()
    {
        flush();
        ::dup2(m_out.get(), STDOUT_FILENO);
        ::dup2(m_err.get(), STDERR_FILENO);
        log::set_sink({});
        log::set_threshold(log::Level::info);
    }
    [[nodiscard]] std::string out() const { return text("out"); }
    [[nodiscard]] std::string err() const { return text("err"); }

private:
    UniqueFd redirected(int fd, const char* name)
    {
        flush();
        UniqueFd saved{::dup(fd)};
        const UniqueFd file{
            ::open((m_directory / name).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)};
        ::dup2(file.get(), fd);
        return saved;
    }
    static void flush()
    {
        std::cout.flush();
        std::cerr.flush();
        std::fflush(nullptr);
    }
    [[nodiscard]] std::string text(const char* name) const
    {
        flush();
        return read_file(m_directory / name);
    }

    TempDir m_directory;
    UniqueFd m_out;
    UniqueFd m_err;
};

struct Ran {
    int exit_code = -1;
    std::string out;
    std::string err;
};

template <typename Body>
Ran run(cli::Tool& tool, std::vector<const char*> arguments, const Body& body)
{
    arguments.insert(arguments.begin(), "fiona-test");
    const Capture capture;
    const int exit_code = tool.run(static_cast<int>(arguments.size()), arguments.data(), body);
    return {exit_code, capture.out(), capture.err()};
}

cli::Tool a_tool()
{
    return cli::Tool{"fiona-test", "test", "fiona-test --json"};
}

class Site {
public:
    Site()
    {
        std::ofstream{config()} << R"({"ROOT": ")" << m_directory.path.native()
                                << R"(", "SITES": {"a/b": {"DATADIR": "/data2"}}})";
    }
    [[nodiscard]] std::string config() const { return m_directory / "config.json"; }
    [[nodiscard]] std::filesystem::path pids() const
    {
        return m_directory / "home/processing/.pids";
    }
    [[nodiscard]] std::filesystem::path state() const
    {
        return m_directory / "home/processing/state";
    }

private:
    TempDir m_directory;
};

} // namespace

TEST_CASE("every fault has its exit code")
{
    const auto [fault, code] = GENERATE(table<Fault, int>({{Fault::usage, 64},
                                                           {Fault::data, 65},
                                                           {Fault::missing, 66},
                                                           {Fault::unreachable, 69},
                                                           {Fault::internal, 70},
                                                           {Fault::io, 74},
                                                           {Fault::temporary, 75},
                                                           {Fault::protocol, 76},
                                                           {Fault::permission, 77},
                                                           {Fault::config, 78}}));
    auto tool = a_tool();

    const auto ran = run(tool, {}, [fault = fault] { throw Error{fault, "the {}", "reason"}; });

    CHECK(ran.exit_code == code);
    CHECK(ran.out.empty());
    CHECK_THAT(ran.err, Contains("error event=failed tool=fiona-test reason=\"the reason\""));
}

TEST_CASE("success is 0 and silent")
{
    auto tool = a_tool();
    const auto ran = run(tool, {}, [] {});

    CHECK(ran.exit_code == EX_OK);
    CHECK((ran.out + ran.err).empty());
}

TEST_CASE("no tool leaves a core dump, in a file or with a program")
{
    ForkedChild child{[] {
        rlimit limits{};
        ::getrlimit(RLIMIT_CORE, &limits);
        limits.rlim_cur = limits.rlim_max;
        ::setrlimit(RLIMIT_CORE, &limits);
        const std::vector<const char*> arguments{"fiona-test"};
        auto tool = a_tool();
        const auto code = tool.run(1, arguments.data(), [&] { ::getrlimit(RLIMIT_CORE, &limits); });
        ::_exit(code == EX_OK && limits.rlim_cur <= 1 && limits.rlim_max <= 1 ? 0 : 2);
    }};

    CHECK(child.wait() == 0);
}

TEST_CASE("a tool may have states for exit codes, and a fault wins")
{
    auto one = a_tool();
    auto two = a_tool();
    auto three = a_tool();

    CHECK(run(one, {}, [&] { one.set_exit_code(2); }).exit_code == 2);
    CHECK(run(two, {},
              [&] {
                  two.set_exit_code(2);
                  throw Error{Fault::io, "disk"};
              })
              .exit_code
          == EX_IOERR);
    CHECK(run(three, {}, [&] { three.set_exit_code(EX_USAGE); }).exit_code == EX_SOFTWARE);
}

TEST_CASE("progress is for whoever watches a terminal")
{
    auto tool = a_tool();
    bool shows = true;

    run(tool, {}, [&] { shows = tool.shows_progress(); }); // standard error is a file here

    CHECK_FALSE(shows);
}

TEST_CASE("nothing that is thrown escapes")
{
    auto one = a_tool();
    auto two = a_tool();
    auto three = a_tool();

    CHECK(run(one, {}, [] { throw std::runtime_error{"bug"}; }).exit_code == EX_SOFTWARE);
    CHECK(run(two, {}, [] { throw std::bad_alloc{}; }).exit_code == EX_TEMPFAIL);
    CHECK(run(three, {}, [] { throw 42; }).exit_code == EX_SOFTWARE);
}

TEST_CASE("a file system error of the standard library shows no path")
{
    auto tool = a_tool();

    const auto ran = run(tool, {}, [] {
        for (const auto& entry : std::filesystem::directory_iterator{"/none/PAT-1001"}) {
            static_cast<void>(entry);
        }
    });

    CHECK(ran.exit_code == EX_NOINPUT);
    CHECK_THAT(ran.err, !Contains("PAT-1001"));
}

TEST_CASE("a bad command line is 64 and the body does not run")
{
    const auto arguments =
        GENERATE(as<std::vector<const char*>>{}, std::vector<const char*>{"--nonsense"},
                 std::vector<const char*>{"stray"}, std::vector<const char*>{"--log-level", "loud"},
                 std::vector<const char*>{"--config"});
    auto tool = a_tool();
    bool ran_body = false;

    const auto ran = run(tool, arguments, [&] { ran_body = true; });

    CHECK(ran.exit_code == EX_USAGE);
    CHECK_FALSE(ran_body);
    CHECK_FALSE(ran.err.empty());
}

TEST_CASE("the help has every option and a command line that works as printed")
{
    auto tool = a_tool();
    tool.with_dry_run().with_project();

    const auto ran = run(tool, {"--help"}, [] {});

    CHECK(ran.exit_code == EX_OK);
    for (const auto* const option :
         {"--help", "--version", "--config", "--log-level", "--verbose", "--quiet", "--json",
          "--dry-run", "--project", "Example:\n  fiona-test --json"}) {
        CHECK_THAT(ran.out, Contains(option));
    }
}

TEST_CASE("the version names tool and version")
{
    auto tool = a_tool();
    const auto ran = run(tool, {"--version"}, [] {});

    CHECK(ran.exit_code == EX_OK);
    CHECK(ran.out == "fiona-test " FIONA_VERSION "\n");
}

TEST_CASE("the result is lines for people or one JSON document")
{
    const auto report = [](cli::Tool& tool) {
        return [&tool] { tool.report(json::Object{{"files", 3}}, {"3 files", "in all"}); };
    };
    auto plain = a_tool();
    auto json = a_tool();

    CHECK(run(plain, {}, report(plain)).out == "3 files\nin all\n");
    CHECK(run(json, {"--json"}, report(json)).out == "{\n  \"files\": 3\n}\n");
}

TEST_CASE("a result that cannot be written is an error")
{
    auto tool = a_tool();
    const UniqueFd full{::open("/dev/full", O_WRONLY | O_CLOEXEC)};

    const auto ran = run(tool, {}, [&] {
        const UniqueFd saved{::dup(STDOUT_FILENO)};
        ::dup2(full.get(), STDOUT_FILENO);
        try {
            tool.report(json::Object{}, {"lost"});
        } catch (const Error&) {
            ::dup2(saved.get(), STDOUT_FILENO);
            throw;
        }
        ::dup2(saved.get(), STDOUT_FILENO);
    });

    CHECK(ran.exit_code == EX_IOERR);
}

TEST_CASE("verbosity decides which events are written")
{
    const auto events = [](std::vector<const char*> arguments) {
        auto tool = a_tool();
        return run(tool, std::move(arguments),
                   [] {
                       log::debug("a_debug");
                       log::info("an_info");
                       log::warn("a_warning");
                       log::error("an_error");
                   })
            .err;
    };

    CHECK_THAT(events({}), !Contains("a_debug") && Contains("an_info"));
    CHECK_THAT(events({"-v"}), Contains("a_debug"));
    CHECK_THAT(events({"-q"}), !Contains("an_info") && Contains("a_warning"));
    CHECK_THAT(events({"--log-level", "error"}), !Contains("a_warning") && Contains("an_error"));
}

TEST_CASE("a dry run is asked for with -n")
{
    auto dry = a_tool();
    dry.with_dry_run();
    Mode mode = Mode::apply;
    run(dry, {"-n"}, [&] { mode = dry.mode(); });
    CHECK(mode == Mode::dry_run);

    auto wet = a_tool();
    CHECK(run(wet, {"-n"}, [] {}).exit_code == EX_USAGE);
    CHECK(wet.mode() == Mode::apply);
}

TEST_CASE("a configuration that is not there is 78")
{
    auto tool = a_tool();

    const auto ran =
        run(tool, {"--config", "/no/such/config.json"}, [&] { static_cast<void>(tool.config()); });

    CHECK(ran.exit_code == EX_CONFIG);
    CHECK_THAT(ran.err, Contains("/no/such/config.json"));
}

TEST_CASE("a second run of a tool that runs alone is 75 and names the first")
{
    const Site site;
    const auto config = site.config();
    auto first = a_tool();
    auto second = a_tool();
    Ran inner;

    const auto outer = run(first, {"--config", config.c_str()}, [&] {
        first.run_alone();
        inner.exit_code =
            second.run(3, std::vector<const char*>{"fiona-test", "--config", config.c_str()}.data(),
                       [&] { second.run_alone(); });
    });

    CHECK(outer.exit_code == EX_OK);
    CHECK(inner.exit_code == EX_TEMPFAIL);
    CHECK_THAT(outer.err, Contains("held by process " + std::to_string(::getpid())));
    CHECK(std::filesystem::exists(site.pids() / "fiona-test.lock"));
}

TEST_CASE("the lock of a project stays in its directory whatever the project is called")
{
    const Site site;
    const auto config = site.config();
    auto tool = a_tool();
    tool.with_project();

    const auto ran =
        run(tool, {"--config", config.c_str(), "--project", "a/b"}, [&] { tool.run_alone(); });

    CHECK(ran.err.empty());
    CHECK(ran.exit_code == EX_OK);
    CHECK(std::filesystem::exists(site.pids() / "fiona-testa%2Fb.lock"));
}

TEST_CASE("common options are understood behind a sub-command too")
{
    auto tool = a_tool();
    auto* const status = tool.options().add_subcommand("status", "say how it is");
    bool json = false;

    const auto ran =
        run(tool, {"status", "--json"}, [&] { json = tool.json() && status->parsed(); });

    CHECK(ran.exit_code == EX_OK);
    CHECK(json);
}

TEST_CASE("columns of a table are as wide as their widest cell")
{
    CHECK(cli::table({{"a", "b"}, {"åå", "x", "c"}, {}})
          == std::vector<std::string>{"a   b", "åå  x  c", ""});
    CHECK(cli::table({}).empty());
}

TEST_CASE("a run leaves its name, its end and its exit code in the site's state")
{
    const Site site;
    std::filesystem::create_directories(site.state());
    auto tool = a_tool();
    tool.options().add_subcommand("coupling", "")->add_subcommand("expire", "");
    store::KnownRun::State seen_inside{};

    const auto config = site.config();
    const auto ran = run(tool, {"coupling", "expire", "--config", config.c_str()}, [&] {
        static_cast<void>(tool.config());
        seen_inside = store::known_runs(site.state(), Clock::now()).at(0).state;
        throw Error{Fault::temporary, "not now"};
    });

    CHECK(ran.exit_code == EX_TEMPFAIL);
    CHECK(seen_inside == store::KnownRun::State::running);
    const auto known = store::known_runs(site.state(), Clock::now());
    REQUIRE(known.size() == 1);
    CHECK(known[0].run.name.tool == "fiona-test");
    CHECK(known[0].run.name.commands == std::vector<std::string>{"coupling", "expire"});
    CHECK(known[0].last->exit_code == EX_TEMPFAIL);
}

TEST_CASE("a dry run, a run that only looks and one that finds the lock held leave no record")
{
    const Site site;
    std::filesystem::create_directories(site.state());
    const auto config = site.config();
    auto dry = a_tool();
    dry.with_dry_run();
    auto looks = a_tool();
    looks.leave_no_record();
    auto second = a_tool();

    static_cast<void>(
        run(dry, {"-n", "--config", config.c_str()}, [&] { static_cast<void>(dry.config()); }));
    static_cast<void>(
        run(looks, {"--config", config.c_str()}, [&] { static_cast<void>(looks.config()); }));
    std::filesystem::create_directories(site.pids());
    const FileLock held{site.pids() / "fiona-test.lock"};
    const auto ran = run(second, {"--config", config.c_str()}, [&] { second.run_alone(); });

    CHECK(ran.exit_code == EX_TEMPFAIL);
    CHECK(store::known_runs(site.state(), Clock::now()).empty());
}

TEST_CASE("a site whose state cannot be written stops no tool")
{
    const Site site;
    std::filesystem::create_directories(site.state().parent_path());
    std::ofstream{site.state()} << "a file where the directory should be";
    auto tool = a_tool();
    const auto config = site.config();

    const auto ran =
        run(tool, {"--config", config.c_str()}, [&] { static_cast<void>(tool.config()); });

    CHECK(ran.exit_code == EX_OK);
    CHECK(ran.err.empty());
}
