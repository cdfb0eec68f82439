// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/pattern.h"
#include "tests/support/cpu_time.h"

#include <catch2/catch.hpp>

using namespace fiona;

TEST_CASE("patterns find what Python's would")
{
    struct Row {
        const char* pattern;
        const char* text;
        bool is_found;
        bool is_backtracking;
    };
    const auto row = GENERATE(values<Row>({
        {"^GE MEDICAL", "GE MEDICAL SYSTEMS", true, false},
        {"^(?i)siemens", "Siemens Healthineers", true, false},
        {"epf..2d1_90", "*epfid2d1_90", true, false},
        {"A$", "DTI_AP", false, false},
        {"", "", true, false},
        {"", "anything", true, false},
        {"\\bMOSAIC\\b", "['ORIGINAL', 'MOSAIC']", true, false},
        {"^h.yre$", "høyre", true, false},
        {"^(?!.*DIS)", "['ORIGINAL', 'DIS2D']", false, true},
        {"^(?!.*DIS)", "['ORIGINAL', 'M']", true, true},
        {"(?<=ep_b)\\d+", "*ep_b1000", true, true},
        {"(a)b\\1", "xaba", true, true},
        {"^(?!x)h.yre$", "høyre", true, true},
        {"(?!x)y", "\xff\xfey", true, true},
    }));
    CAPTURE(row.pattern, row.text);
    const Pattern pattern{row.pattern};

    CHECK(pattern.is_in(row.text) == row.is_found);
    CHECK(pattern.is_backtracking() == row.is_backtracking);
}

TEST_CASE("what is no pattern is refused with a reason")
{
    const auto* const text = GENERATE("(", "a**", "[z-a]", "(?<=a+)b", "\\", "(?P<n>");
    CAPTURE(text);

    try {
        const Pattern pattern{text};
        FAIL("it was taken");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::config);
        CHECK(std::string_view{e.what()}.size() > 3);
    }
}

TEST_CASE("a pattern that would search for ever gives up soon")
{
    const Pattern pattern{"^(?!x)(a+)+$"};
    const std::string text = std::string(5'000, 'a') + "b";
    const CpuTime work;

    CHECK_THROWS_AS(pattern.is_in(text), Error);
    CHECK(work.seconds() < 2);
}

TEST_CASE("the same trap costs RE2 nothing")
{
    CHECK_FALSE(Pattern{"^(a+)+$"}.is_in(std::string(5'000, 'a') + "b"));
}

TEST_CASE("patterns that people write answer within ten milliseconds of work for 10 kB of text")
{
    const auto* const text = GENERATE("^(a+)+$", "^(a|a)*$", "^(a|b)*$", "^(.*)*$", "(a*)*b",
                                      "^(([a-z])+.)+[A-Z]([a-z])+$");
    CAPTURE(text);
    const std::string subject = std::string(10'000, 'a') + "!";
    constexpr int rounds = 10;
    static_cast<void>(Pattern{text}.is_in(subject)); // the library is loaded

    const CpuTime work;
    for (int i = 0; i < rounds; ++i) { // each time what it must learn at first, too
        static_cast<void>(Pattern{text}.is_in(subject));
    }
    const auto seconds = work.seconds();

    CHECK(seconds / rounds < 0.010);
    const Pattern pattern{text};
    CHECK_NOTHROW(pattern.is_in(std::string(100'000, 'b'))); // no stack of its own to overflow
}
