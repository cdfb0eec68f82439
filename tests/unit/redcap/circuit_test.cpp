// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/circuit.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/redcap/scripted_server.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

using namespace fiona;
using namespace fiona::redcap;
using namespace std::chrono_literals;

namespace {

const TimePoint now = Clock::from_time_t(1'704'190'000);

/// A run of its own, that fails `times` times.
void failing_run(const std::filesystem::path& state, int times = 1)
{
    const auto child = ::fork();
    if (child == 0) {
        for (int i = 0; i < times; ++i) {
            Circuit{state}.failed(now);
        }
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(status == 0);
}

struct DownSite {
    explicit DownSite(std::vector<std::string> answers) : server{std::move(answers)}
    {
        config.url = server.url();
        config.deadline = std::chrono::seconds{1};
        config.state_dir = directory / "state";
        config.tokens_file = directory / "tokens";
        store::write_file(config.tokens_file, "incoming = TOKEN\n");
        std::filesystem::permissions(config.tokens_file, std::filesystem::perms{0600});
        for (int run = 0; run < 3; ++run) {
            failing_run(config.state_dir);
        }
        log::set_sink([this](log::Level, const std::string& line) { lines.push_back(line); });
    }
    DownSite(const DownSite&) = delete;
    DownSite& operator=(const DownSite&) = delete;
    ~DownSite() { log::set_sink({}); }

    [[nodiscard]] bool rests(TimePoint when) const
    {
        return is_resting(config, Role::incoming, when);
    }

    TempDir directory;
    ScriptedServer server;
    RedcapConfig config;
    std::vector<std::string> lines;
};

} // namespace

TEST_CASE("three runs in a row that get no answer open the circuit, one run alone does not")
{
    const TempDir state;

    failing_run(state.path, 10);
    failing_run(state.path);
    CHECK_FALSE(Circuit{state.path}.is_open());
    failing_run(state.path);
    CHECK(Circuit{state.path}.is_open());
}

TEST_CASE("a run that gets an answer begins the count anew")
{
    const TempDir state;
    failing_run(state.path);
    failing_run(state.path);

    Circuit{state.path}.succeeded();
    failing_run(state.path);
    failing_run(state.path);

    CHECK_FALSE(Circuit{state.path}.is_open());
}

TEST_CASE("while REDCap is down one run in five minutes looks, the others leave it alone")
{
    DownSite site{{}};

    CHECK(site.rests(now));
    const auto calls = site.server.requests().size();
    CHECK(calls > 0);
    site.lines.clear();
    CHECK(site.rests(now + 1min));
    CHECK(site.rests(now + 4min));
    CHECK(site.server.requests().size() == calls);
    CHECK(site.lines.size() == 2);
    CHECK(site.rests(now + 5min));
    CHECK(site.server.requests().size() > calls);
}

TEST_CASE("the look that is answered ends it")
{
    const DownSite site{{http(200, "14.0.0")}};

    CHECK_FALSE(site.rests(now));
    CHECK_FALSE(site.rests(now));
    CHECK(site.server.requests().size() == 1);
    CHECK_FALSE(std::filesystem::exists(site.config.state_dir / "redcap.down"));
}

TEST_CASE("a server that answers with a refusal is not down")
{
    const DownSite site{{http(403, R"({"error":"You do not have permissions to use the API"})")}};

    CHECK_FALSE(site.rests(now));
    CHECK_FALSE(Circuit{site.config.state_dir}.is_open());
}
