// SPDX-License-Identifier: MIT
#include "tests/e2e/syscall_scene.h"

#include <catch2/catch.hpp>

unsigned play(const Scene& scene, const std::string& calls, const std::string& what,
              std::size_t most)
{
    const auto made = traced::calls_of(scene.tool, scene.prepare(0), calls);
    scene.finish(0);
    unsigned hits = 0;
    unsigned round = 0;
    for (const auto& call : traced::some_of(made, most)) {
        ++round;
        CAPTURE(scene.tool, what, call.name, call.at);
        const auto ended =
            traced::run(scene.tool, scene.prepare(round), {call.name, what, call.at});
        hits += ended.is_hit ? 1U : 0U;
        INFO(ended.outcome.err);
        scene.look(round, ended.outcome);
        scene.finish(round);
    }
    return hits;
}
