// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"

#include <catch2/catch.hpp>

#include <type_traits>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

template <typename Id>
Fault fault_of(const std::string& text)
{
    try {
        const Id id{text};
    } catch (const Error& e) {
        // What a stranger sends may be anything: the complaint never repeats it.
        CHECK((text.empty() || std::string{e.what()}.find(text) == std::string::npos));
        return e.fault();
    }
    FAIL("accepted");
    return Fault::internal;
}

} // namespace

TEST_CASE("a UID that could escape its directory is refused")
{
    const auto* const text = GENERATE("", ".", "..", "1..2", "1/2", ".1", "1.", "1.2 ", "a.b",
                                      "1.2\n", "../../etc", "1.2.840.\xc3\xa5");
    CAPTURE(text);

    CHECK_FALSE(is_uid(text));
    CHECK(fault_of<StudyUid>(text) == Fault::data);
    CHECK(fault_of<SeriesUid>(text) == Fault::data);
    CHECK(fault_of<SopInstanceUid>(text) == Fault::data);
}

TEST_CASE("a UID has at most 64 characters and may have leading zeros")
{
    CHECK(is_uid(std::string(64, '1')));
    CHECK_FALSE(is_uid(std::string(65, '1')));
    CHECK(is_uid("1.02.0"));
    CHECK_FALSE(is_uid(std::string_view{"1.2\0", 4}));
    CHECK(StudyUid{"1.2.3"}.str() == "1.2.3");
}

TEST_CASE("kinds of UIDs are different types and compare with their own kind")
{
    STATIC_REQUIRE_FALSE(std::is_convertible_v<StudyUid, SeriesUid>);
    STATIC_REQUIRE_FALSE(std::is_convertible_v<std::string, StudyUid>);
    CHECK(StudyUid{"1.2"} < StudyUid{"1.3"});
    CHECK(StudyUid{"1.2"} == StudyUid{"1.2"});
    CHECK(fmt::format("{}", StudyUid{"1.2"}) == "1.2");
}

TEST_CASE("project and event names may be any words that mean nothing to paths and filters")
{
    const auto* const text =
        GENERATE("GLIOMA", "Glioma 2", "ÆØÅ-studien", "a.b", "x_1", "Årskontroll (1)");
    CAPTURE(text);

    CHECK(ProjectName{text}.str() == text);
    CHECK(EventName{text}.str() == text);
}

TEST_CASE("project and event names that mean something elsewhere are refused")
{
    const auto* const text = GENERATE("", ".hidden", "..", "-rf", " x", "x ", "a/b", "a\\b", "a\"b",
                                      "a'b", "a[b", "a]b", "a`b", "a$b", "a\nb",
                                      "a\x7f"
                                      "b",
                                      "\xc5rsk");
    CAPTURE(text);

    CHECK(fault_of<ProjectName>(text) == Fault::data);
    CHECK(fault_of<EventName>(text) == Fault::data);
}

TEST_CASE("names have at most 64 bytes")
{
    CHECK(ProjectName{std::string(64, 'a')}.str().size() == 64);
    CHECK(fault_of<ProjectName>(std::string(65, 'a')) == Fault::data);
    CHECK(ParticipantId{std::string(64, 'a')}.str().size() == 64);
    CHECK(fault_of<ParticipantId>(std::string(65, 'a')) == Fault::data);
}

TEST_CASE("a participant id is letters, digits, underscore, dot and dash")
{
    const auto* const good = GENERATE("GLIOMA-001", "1", "_x", "a.b-c_d");
    CHECK(ParticipantId{good}.str() == good);

    const auto* const bad = GENERATE("", "-1", ".1", "a b", "a/b", "\xc3\xa5", "a\n", "a'b");
    CAPTURE(bad);
    CHECK(fault_of<ParticipantId>(bad) == Fault::data);
}

TEST_CASE("an AE title is 1 to 16 printable ASCII characters, not all blank")
{
    const auto* const good = GENERATE("FIONA", "MY CT", " x", "1234567890123456", "a/b*?");
    CHECK(AeTitle{good}.str() == good);

    const auto* const bad =
        GENERATE("", "    ", "12345678901234567", "a\\b", "a\tb", "\xc3\x85", "a\x7f");
    CAPTURE(bad);
    CHECK(fault_of<AeTitle>(bad) == Fault::data);
}
