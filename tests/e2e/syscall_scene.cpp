// SPDX-License-Identifier: MIT
#include "tests/e2e/syscall_scene.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <iostream>

namespace {

/// Some of the calls; with a disk that breaks, also some of those that put things on it for good.
std::vector<traced::Call> chosen_of(const std::vector<traced::Call>& made, const std::string& what,
                                    std::size_t most)
{
    auto chosen = traced::some_of(made, most);
    if (what == "error=EIO") {
        std::vector<traced::Call> syncs;
        std::ranges::copy_if(made, std::back_inserter(syncs), traced::is_sync);
        for (const auto& call : traced::some_of(syncs, most)) {
            const auto is_same = [&](const traced::Call& other) {
                return other.name == call.name && other.at == call.at;
            };
            if (std::ranges::none_of(chosen, is_same)) {
                chosen.push_back(call);
            }
        }
    }
    return chosen;
}

} // namespace

void play(const Scene& scene, const std::string& calls, const std::string& what, std::size_t most)
{
    // The very first run makes what every later one finds.
    REQUIRE_NOTHROW(run_tool(scene.tool, scene.prepare(0)));
    scene.finish(0);
    unsigned round = 1;
    const auto made = traced::calls_of(scene.tool, scene.prepare(round), calls);
    scene.finish(round);
    const auto chosen = chosen_of(made, what, most);
    REQUIRE(chosen.size() >= fewest_calls);
    std::size_t misses = 0;
    for (const auto& call : chosen) {
        ++round;
        CAPTURE(scene.tool, what, call.name, call.at);
        const auto ended =
            traced::run(scene.tool, scene.prepare(round), {call.name, what, call.at});
        INFO(ended.outcome.err);
        if (!ended.is_hit) {
            ++misses;
            std::cout << fmt::format("{}: no {} {} in round {} of {}\n", scene.tool, call.name,
                                     call.at, round - 1, chosen.size());
        } else if (traced::is_sync(call) && what.starts_with("error=")) {
            CAPTURE(ended.hit_files);
            const bool is_aid = std::ranges::any_of(scene.aids, [&](const std::string& event) {
                return ended.outcome.err.find("event=" + event) != std::string::npos;
            });
            CHECK((ended.outcome.exit_code != 0 || is_aid)); // what is not synced is not done
        }
        scene.look(round, ended.outcome);
        scene.finish(round);
    }
    CHECK(misses <= chosen.size() / most_missed);
}
