// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <thread>

using namespace fiona;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using std::chrono::steady_clock;

namespace {

Command shell(const std::string& script, std::chrono::milliseconds deadline = 20s)
{
    Command command;
    command.arguments = {"/bin/sh", "-c", script};
    command.deadline = deadline;
    return command;
}

bool is_true_soon(const auto& condition)
{
    const auto deadline = steady_clock::now() + 10s;
    while (!condition()) {
        if (steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(5ms);
    }
    return true;
}

/// A zombie that its parent has not looked after counts as gone.
bool is_gone(pid_t pid)
{
    const auto status = read_file_if_any("/proc/" + std::to_string(pid) + "/stat");
    return !status || status->find(") Z ") != std::string::npos;
}

pid_t pid_in(const std::filesystem::path& file)
{
    return std::stoi(read_file(file));
}

} // namespace

TEST_CASE("a program's output, errors and exit code come back")
{
    const auto finished = run(shell("echo out; echo err >&2; exit 3"));

    CHECK(finished.exit_code == 3);
    CHECK(finished.out == "out\n");
    CHECK(finished.err == "err\n");
    CHECK_FALSE(finished.timed_out);
}

TEST_CASE("a signal that ended the program shows in its exit code")
{
    CHECK(run(shell("kill -9 $$")).exit_code == 128 + SIGKILL);
    CHECK(run(shell("kill -TERM $$")).exit_code == 128 + SIGTERM);
}

TEST_CASE("arguments are passed as they are, no shell sees them")
{
    const auto finished = run({{"printf", "%s|", "a b", "$HOME", "*", "'\"", "å", ""}});

    CHECK(finished.out == "a b|$HOME|*|'\"|å||");
}

TEST_CASE("a program that is not there is unreachable")
{
    const auto* const name =
        GENERATE("/no/such/program", "no-such-program-anywhere", "/etc/passwd");
    try {
        static_cast<void>(run({{name}}));
        FAIL("started");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::unreachable);
        CHECK_THAT(e.what(), Contains(name));
    }
}

TEST_CASE("big output on both streams does not block, and what is too much is dropped")
{
    auto command = shell("head -c 3000000 /dev/zero; head -c 3000000 /dev/zero >&2; echo end");
    command.max_output = 1000;

    const auto finished = run(command);

    CHECK(finished.exit_code == 0);
    CHECK(finished.out.size() == 1000);
    CHECK(finished.err.size() == 1000);
}

TEST_CASE("standard input is empty")
{
    CHECK(run({{"cat"}}).exit_code == 0);
}

TEST_CASE("the deadline ends the program and its helpers")
{
    const TempDir directory;
    const auto begin = steady_clock::now();

    const auto finished =
        run(shell("sleep 600 & echo $! > " + (directory / "pid").native() + "; wait", 300ms));

    CHECK(finished.timed_out);
    CHECK(finished.exit_code == 128 + SIGTERM);
    CHECK(steady_clock::now() - begin < 10s);
    CHECK(is_true_soon([&] { return is_gone(pid_in(directory / "pid")); }));
}

TEST_CASE("a program that ignores SIGTERM gets SIGKILL a second later")
{
    const auto finished = run(shell("trap '' TERM; while :; do sleep 1; done", 200ms));

    CHECK(finished.timed_out);
    CHECK(finished.exit_code == 128 + SIGKILL);
}

TEST_CASE("a program that closes its streams is still held to the deadline")
{
    const auto begin = steady_clock::now();

    const auto finished = run(shell("exec >&- 2>&-; sleep 600", 300ms));

    CHECK(finished.timed_out);
    CHECK(steady_clock::now() - begin < 10s);
}

TEST_CASE("a helper that left the group and holds the streams open does not hold us")
{
    const TempDir directory;
    const auto begin = steady_clock::now();

    const auto finished =
        run(shell("setsid sh -c 'echo $$ > " + (directory / "pid").native()
                      + "; exec sleep 600' & while [ ! -s " + (directory / "pid").native()
                      + " ]; do sleep 0.01; done; echo done",
                  500ms));

    CHECK(finished.out == "done\n");
    CHECK(steady_clock::now() - begin < 10s);
    ::kill(pid_in(directory / "pid"), SIGKILL);
}

TEST_CASE("a held program does nothing before it is let go, and nothing if its holder dies first")
{
    const TempDir directory;
    const auto touch = [&](const char* name) {
        return Command{{"touch", (directory / name).native()}};
    };

    RunningProgram program{touch("a"), RunningProgram::Start::held};
    CHECK(start_ticks(program.pid()));
    ForkedChild holder{[&] {
        RunningProgram held{touch("b"), RunningProgram::Start::held};
        store::write_file(directory / "pid", std::to_string(held.pid()));
        store::write_file(directory / "ready", "");
        ::pause();
    }};
    REQUIRE(is_true_soon([&] { return std::filesystem::exists(directory / "ready"); }));
    holder.kill();
    CHECK(is_true_soon([&] { return is_gone(pid_in(directory / "pid")); }));
    CHECK_FALSE(std::filesystem::exists(directory / "b"));
    CHECK_FALSE(std::filesystem::exists(directory / "a"));

    program.let_go();
    while (!program.advance()) {
    }
    CHECK(program.take().exit_code == 0);
    CHECK(std::filesystem::exists(directory / "a"));

    RunningProgram nothing{Command{{"/no/such/program"}}, RunningProgram::Start::held};
    CHECK_THROWS_WITH(nothing.let_go(), Contains("cannot start /no/such/program"));
}

TEST_CASE("a bound program dies with the one that let it go")
{
    const TempDir directory;
    ForkedChild holder{[&] {
        RunningProgram bound{Command{{"sleep", "600"}}, RunningProgram::Start::bound};
        bound.let_go();
        store::write_file(directory / "pid", std::to_string(bound.pid()));
        ::pause();
    }};
    REQUIRE(is_true_soon([&] { return std::filesystem::exists(directory / "pid"); }));
    CHECK_FALSE(is_gone(pid_in(directory / "pid")));

    holder.kill();

    CHECK(is_true_soon([&] { return is_gone(pid_in(directory / "pid")); }));
}

TEST_CASE("what a program has said so far can be taken while it runs")
{
    RunningProgram program{shell("echo first; read line; echo second", 10s)};
    std::string text;
    while (!program.advance()) {
        text += program.read_so_far().out;
    }

    text += program.take().out;

    CHECK(text == "first\nsecond\n");
}

TEST_CASE("a program in the background has its own session and log, and is nobody's child")
{
    const TempDir directory;

    start_in_background({"/bin/sh", "-c",
                         "echo err >&2; echo $$ $(ps -o sid= -p $$) > "
                             + (directory / "pid").native() + "; exec sleep 600"},
                        directory / "log");

    REQUIRE(is_true_soon([&] {
        return read_file_if_any(directory / "pid").value_or("").find('\n') != std::string::npos;
    }));
    const auto line = read_file(directory / "pid");
    const auto pid = pid_in(directory / "pid");
    CHECK(line == std::to_string(pid) + " " + std::to_string(pid) + "\n");
    CHECK(read_file(directory / "log") == "err\n");
    ::kill(pid, SIGKILL);
    CHECK(is_true_soon([&] { return is_gone(pid); }));
}

TEST_CASE("a background program that cannot be started is an error")
{
    const TempDir directory;

    CHECK_THROWS_AS(start_in_background({"/no/such/program"}, directory / "log"), Error);
    CHECK_THROWS_AS(start_in_background({"/bin/true"}, directory / "none/log"), Error);
}

TEST_CASE("another tool is found beside the running program, else by its name in PATH")
{
    CHECK_THAT(sibling_program("unit_base"), Contains("/unit_base"));
    CHECK(sibling_program("no-such-sibling") == "no-such-sibling");
}

TEST_CASE("a program gets its input whole, and variables beside and instead of ours")
{
    const std::string text(300'000, 'x'); // more than a pipe holds
    const auto start = GENERATE(RunningProgram::Start::at_once, RunningProgram::Start::held);
    Command command{.arguments = {"/bin/sh", "-c", "wc -c; echo $MARK-$HOME; test -n \"$PATH\""},
                    .input = text,
                    .environment = {"MARK=it's; $(data)", "HOME=/nowhere"}};

    RunningProgram program{command, start};
    if (start == RunningProgram::Start::held) {
        program.let_go();
    }
    CHECK(is_true_soon([&] { return program.advance(); }));
    const auto finished = program.take();

    CHECK(finished.exit_code == 0);
    CHECK(finished.out == "300000\nit's; $(data)-/nowhere\n");
}
