// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/routing/studies_filter.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace std::chrono_literals;

TEST_CASE("a filter matches anywhere in the value, and may be anchored")
{
    CHECK(routing::StudyFilter{"modalities~MR"}.matches("CT,MR"));
    CHECK(!routing::StudyFilter{"modalities~^MR$"}.matches("CT,MR"));
    CHECK(routing::StudyFilter{"description~(?i)brain"}.matches("MR BRAIN"));
    CHECK(routing::StudyFilter{"description~a~b"}.matches("xa~by"));
}

TEST_CASE("a filter that cannot be meant is refused as usage")
{
    const auto* const text =
        GENERATE("modalities", "PatientName~DOE", "patientid~1", "~x", "state~(", "state~(?<a>b)");
    CAPTURE(text);

    try {
        const routing::StudyFilter filter{text};
        FAIL("accepted");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::usage);
    }
}

TEST_CASE("a duration is a number and a unit, nothing else")
{
    CHECK(routing::parse_duration("90s") == 90s);
    CHECK(routing::parse_duration("7d") == 168h);
    CHECK(routing::parse_duration("2w") == 336h);
    const auto* const text =
        GENERATE("", "d", "7", "7 d", "-1d", "7dd", "99999999999999999999d", "1y");
    CAPTURE(text);
    CHECK_THROWS_AS(routing::parse_duration(text), Error);
}
