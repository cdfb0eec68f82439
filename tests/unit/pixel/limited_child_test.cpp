// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pixel/limited_child.h"

#include <catch2/catch.hpp>

#include <csignal>
#include <vector>

using namespace fiona;
using namespace fiona::pixel;
using Catch::Contains;

TEST_CASE("a limited child gives its answer, however long")
{
    const auto answer = run_limited({}, [] { return std::string(1'000'000, 'x'); });

    CHECK(answer == std::string(1'000'000, 'x'));
}

TEST_CASE("an error of a limited child arrives with its fault")
{
    try {
        static_cast<void>(run_limited({}, []() -> std::string {
            throw Error{Fault::io, "the disk is full"};
        }));
        FAIL("nothing was thrown");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::io);
        CHECK_THAT(error.what(), Contains("the disk is full"));
    }
}

TEST_CASE("a limited child that runs, eats or breaks is a fault of its data")
{
    const auto fault_of = [](const ChildLimits& limits, const std::function<std::string()>& work) {
        try {
            static_cast<void>(run_limited(limits, work));
            return Fault::usage;
        } catch (const Error& error) {
            return error.fault();
        }
    };
    volatile bool for_ever = true;

    CHECK(fault_of({.cpu = std::chrono::seconds{1}},
                   [&] {
                       while (for_ever) {
                       }
                       return std::string{};
                   })
          == Fault::data);
    CHECK(fault_of({.wall = std::chrono::seconds{1}},
                   [] {
                       ::pause();
                       return std::string{};
                   })
          == Fault::data);
    CHECK(fault_of({},
                   [] {
                       ::signal(SIGSEGV, SIG_DFL); // the test program's own would report it
                       ::raise(SIGSEGV);
                       return std::string{};
                   })
          == Fault::data);
#ifndef __SANITIZE_ADDRESS__ // it has no limit of memory
    CHECK(fault_of({.memory_bytes = 64U << 20U},
                   [] {
                       const std::vector<char> much(256U << 20U, 'x');
                       return std::string{much.begin(), much.begin() + 1};
                   })
          == Fault::data);
#endif
}
