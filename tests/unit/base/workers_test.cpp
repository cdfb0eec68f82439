// SPDX-License-Identifier: MIT
#include "libfiona/base/workers.h"

#include <catch2/catch.hpp>

#include <pthread.h>

#include <stdexcept>

using namespace fiona;

TEST_CASE("each index is worked on once, by as many threads as were asked for at most")
{
    constexpr unsigned threads = 3;
    std::vector<std::atomic<int>> done(1000);
    std::atomic<std::size_t> highest{0};

    for_each_index(done.size(), threads, [&](std::size_t index, std::size_t thread) {
        ++done[index];
        for (auto known = highest.load(); known < thread;) {
            highest.compare_exchange_weak(known, thread);
        }
    });

    CHECK(std::ranges::all_of(done, [](const auto& times) { return times == 1; }));
    CHECK(highest < threads);
}

TEST_CASE("the first exception of a thread ends the work and comes to the caller")
{
    const unsigned threads = GENERATE(1U, 4U);
    CAPTURE(threads);
    std::atomic<int> done{0};

    CHECK_THROWS_AS(for_each_index(1000, threads,
                                   [&](std::size_t index, std::size_t) {
                                       if (index == 10) {
                                           throw std::out_of_range{"ten"};
                                       }
                                       ++done;
                                   }),
                    std::out_of_range);

    CHECK(done >= 10);
    CHECK((threads > 1 || done == 10)); // how far the others have come by then nobody knows
}

TEST_CASE("where the system gives no thread the caller does it all")
{
    pthread_attr_t usual;
    pthread_attr_t impossible;
    REQUIRE(::pthread_getattr_default_np(&usual) == 0);
    REQUIRE(::pthread_attr_init(&impossible) == 0);
    REQUIRE(::pthread_attr_setstacksize(&impossible, std::size_t{1} << 47U) == 0);
    REQUIRE(::pthread_setattr_default_np(&impossible) == 0);
    std::vector<std::size_t> threads;

    for_each_index(100, 4, [&](std::size_t, std::size_t thread) { threads.push_back(thread); });

    CHECK(::pthread_setattr_default_np(&usual) == 0);
    CHECK(threads == std::vector<std::size_t>(100, 0));
    ::pthread_attr_destroy(&impossible);
    ::pthread_attr_destroy(&usual);
}

TEST_CASE("few files get one hand")
{
    CHECK(hands_for(1, removing_hands) == 1);
    CHECK(hands_for(31, removing_hands) == 1);
    CHECK(hands_for(32, removing_hands) == removing_hands);
    CHECK(reading_hands() >= 1);
    CHECK(reading_hands() <= 4);
}
