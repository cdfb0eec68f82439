// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/run_record.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <memory>

using namespace fiona;
using namespace std::chrono_literals;
using store::KnownRun;
using store::RunRecord;
namespace fs = std::filesystem;

namespace {

const TimePoint noon{std::chrono::seconds{1'700'000'000}};

store::RunName sender()
{
    return {.tool = "fiona-anonymize-send", .commands = {}, .project = {}, .part = {}};
}

/// A process that has begun a run at noon and does not end by itself.
std::unique_ptr<ForkedChild> sender_at_work(const TempDir& state)
{
    auto child = std::make_unique<ForkedChild>([&] {
        static_cast<void>(RunRecord::begin(state.path, sender(), noon));
        for (;;) {
            ::pause();
        }
    });
    REQUIRE(eventually([&] { return !store::known_runs(state.path, noon).empty(); }));
    return child;
}

} // namespace

TEST_CASE("a run that has ended leaves its end, its exit code and the last success")
{
    const TempDir state;

    const auto first = RunRecord::begin(state.path, sender(), noon);
    REQUIRE(first);
    first->end(0, noon + 5s);
    const auto second = RunRecord::begin(state.path, sender(), noon + 60s);
    second->end(75, noon + 61s);

    const auto known = store::known_runs(state.path, noon);
    REQUIRE(known.size() == 1);
    CHECK(known[0].state == KnownRun::State::ended);
    CHECK(known[0].run.started == noon + 60s);
    REQUIRE(known[0].last);
    CHECK(known[0].last->exit_code == 75);
    CHECK(known[0].last->ended == noon + 61s);
    CHECK(known[0].last->last_success == noon + 5s);
}

TEST_CASE("a run in the midst of it is visible beside the one before")
{
    const TempDir state;
    RunRecord::begin(state.path, sender(), noon)->end(65, noon + 1s);

    const auto running = RunRecord::begin(state.path, sender(), noon + 60s);

    const auto known = store::known_runs(state.path, noon);
    REQUIRE(known.size() == 1);
    CHECK(known[0].state == KnownRun::State::running);
    CHECK(known[0].run.started == noon + 60s);
    CHECK(known[0].last->exit_code == 65);
}

TEST_CASE("a killed run has a start, no end and no process, until the next one")
{
    const TempDir state;
    auto child = sender_at_work(state);
    child->kill();

    const auto known = store::known_runs(state.path, noon);
    REQUIRE(known.size() == 1);
    CHECK(known[0].state == KnownRun::State::killed);
    CHECK_FALSE(known[0].last);

    RunRecord::begin(state.path, sender(), noon + 60s)->end(0, noon + 61s);
    CHECK(store::known_runs(state.path, noon).at(0).state == KnownRun::State::ended);
}

TEST_CASE("a run beside another of its kind hides neither its start nor its end")
{
    const TempDir state;
    const auto child = sender_at_work(state);

    RunRecord::begin(state.path, sender(), noon + 10s)->end(0, noon + 11s);

    CHECK(store::known_runs(state.path, noon).at(0).state == KnownRun::State::running);
    CHECK(store::known_runs(state.path, noon).at(0).run.started == noon);
    CHECK(store::known_runs(state.path, noon).at(0).last->ended == noon + 11s);
}

TEST_CASE(
    "sub-commands, projects and parts are runs of their own, and their names stay in the directory")
{
    const TempDir state;
    for (const auto& name :
         {store::RunName{"fiona-assign", {"coupling", "expire"}, "", ""},
          store::RunName{"fiona-assign", {"coupling", "expire"}, "../../GLIOMA", ""},
          store::RunName{"fiona-what-is-in-ids7", {}, "", "a/b"}}) {
        RunRecord::begin(state.path, name, noon)->end(0, noon);
    }

    const auto known = store::known_runs(state.path, noon);

    CHECK(known.size() == 3);
    CHECK(known[0].run.name.commands == std::vector<std::string>{"coupling", "expire"});
    CHECK(std::distance(fs::recursive_directory_iterator{state.path}, {}) == 4);
}

TEST_CASE("a run that was none leaves nothing, and one without a state directory hinders nobody")
{
    const TempDir state;

    RunRecord::begin(state.path, sender(), noon)->withdraw();

    CHECK(store::known_runs(state.path, noon).empty());
    CHECK_FALSE(RunRecord::begin(state / "absent", sender(), noon));
    CHECK_FALSE(fs::exists(state / "absent"));
    CHECK(store::known_runs(state / "absent", noon).empty());
}

TEST_CASE("a record that is torn or of strangers says nothing and stops nobody")
{
    const TempDir state;
    RunRecord::begin(state.path, sender(), noon)->end(0, noon);
    for (const auto* const text : {"", "{", "[]", R"({"started": "now"})"}) {
        std::ofstream{state.path / "runs" / "fiona-anonymize-send.last"} << text;
        std::ofstream{state.path / "runs" / "fiona-anonymize-send.running"} << text;

        CHECK(store::known_runs(state.path, noon).empty());
        RunRecord::begin(state.path, sender(), noon + 1s)->end(1, noon + 2s);
        CHECK(store::known_runs(state.path, noon).at(0).last->exit_code == 1);
    }
}

TEST_CASE("a start on another machine is believed for two days, and then hinders nobody")
{
    const TempDir state;
    RunRecord::begin(state.path, sender(), noon)->end(0, noon + 5s);
    const auto file = state.path / "runs" / "fiona-anonymize-send.running";
    std::ofstream{file}
        << R"({"tool": "fiona-anonymize-send", "host": "gone", "pid": 1, "ticks": 1,)"
        << R"( "started": )" << (noon + 60s).time_since_epoch() / 1s << "}";

    CHECK(store::known_runs(state.path, noon + 47h).at(0).state == KnownRun::State::running);
    const auto later = store::known_runs(state.path, noon + 49h);
    REQUIRE(later.size() == 1);
    CHECK(later[0].state == KnownRun::State::ended);
    CHECK(later[0].run.started == noon);

    const auto next = RunRecord::begin(state.path, sender(), noon + 49h);
    CHECK(store::known_runs(state.path, noon + 49h).at(0).run.started == noon + 49h);
    next->end(0, noon + 49h);
    CHECK_FALSE(fs::exists(file));
}

TEST_CASE("records that cannot be looked at are no sign that nothing ever ran")
{
    const TempDir state;
    std::ofstream{state.path / "runs"} << "a file";

    CHECK_THROWS_AS(store::known_runs(state.path, noon), Error);
}
