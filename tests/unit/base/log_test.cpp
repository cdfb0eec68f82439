// SPDX-License-Identifier: MIT
#include "libfiona/base/ids.h"
#include "libfiona/base/log.h"
#include "libfiona/base/private.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <vector>

using namespace fiona;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

namespace {

/// Collects the lines of one test.
class Lines {
public:
    Lines()
    {
        log::set_sink([this](log::Level, const std::string& line) { m_lines.push_back(line); });
    }
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    ~Lines()
    {
        log::set_sink({});
        log::set_threshold(log::Level::info);
    }
    [[nodiscard]] std::size_t count() const { return m_lines.size(); }
    [[nodiscard]] const std::string& last() const { return m_lines.at(m_lines.size() - 1); }

private:
    std::vector<std::string> m_lines;
};

constexpr auto clinical = "1.2.826.0.1.3680043.10.999.123456789012345678";

template <typename T>
concept Loggable = requires(const T& value)
{
    log::Field("x", value);
};

} // namespace

TEST_CASE("a line has time, level, event and fields")
{
    Lines lines;

    log::warn("study_late", {{"images", 3}, {"host", "ct-1"}, {"reason", "no answer"}});

    const auto& line = lines.last();
    CHECK_THAT(line, EndsWith(" warn event=study_late images=3 host=ct-1 reason=\"no answer\""));
    CHECK(line.size() > 24);
    CHECK(line[10] == 'T');
    CHECK(line[23] == 'Z');
}

TEST_CASE("a UID of a clinical object becomes its tag in any field")
{
    Lines lines;
    const auto tag = log::uid_tag(clinical);
    const auto text = GENERATE(as<std::string>{}, "{}", "file {}.", "scp_{}", "MR.{}.dcm",
                               "/archive/scp_{}/x", "[{}]", "{},", "..{}..", "x{}y", "a={} b");
    const auto with = [&](const std::string& what) {
        auto result = text;
        return result.replace(result.find("{}"), 2, what);
    };

    log::info("event", {{"field", with(clinical)}});

    CHECK_THAT(lines.last(), !Contains("3680043") && Contains(tag));
    CHECK(log::without_uids(with(clinical)) == with(tag));
}

TEST_CASE("checked UIDs become tags too, and several in one text each their own")
{
    Lines lines;
    const std::string other{"1.3.12.2.1107.5.2.43.67060.30000022040717195958300000010"};

    log::info("event",
              {{"study", StudyUid{clinical}}, {"both", std::string{clinical} + " " + other}});

    CHECK_THAT(lines.last(), !Contains("3680043") && !Contains("1107"));
    CHECK_THAT(lines.last(), Contains("study=" + log::uid_tag(clinical)));
    CHECK_THAT(lines.last(),
               Contains("\"" + log::uid_tag(clinical) + " " + log::uid_tag(other) + "\""));
}

TEST_CASE("a short clinical UID and one of a single component are seen")
{
    CHECK_THAT(log::without_uids("1.2.276.0.7230010.3"), Contains("#"));
    CHECK_THAT(log::without_uids("9999.97529174842249134788269737511547286955"), Contains("#"));
}

TEST_CASE("addresses, versions, numbers and the UIDs of the standard stay")
{
    const auto* const text =
        GENERATE("192.168.1.10", "127.0.0.1:11112", "3.6.7", "0.1.0", "2026-03-01T04:05:06.789Z",
                 "12.5", "20230415", "1.2.840.10008.5.1.4.1.1.4",
                 "1.3.6.1.4.1.45037.467474348601527430903572504209262882416338301",
                 "1.3.6.1.4.1.45037.1234.5678", "no digits", "...", "");
    CAPTURE(text);
    CHECK(log::without_uids(text) == text);
}

TEST_CASE("equal UIDs have equal tags of 12 hex digits")
{
    CHECK(log::uid_tag(clinical) == log::uid_tag(clinical));
    CHECK(log::uid_tag("1.2.3") != log::uid_tag("1.2.4"));
    CHECK(log::uid_tag("abc") == "#ba7816bf8f01");
}

TEST_CASE("no value can forge a line, a field or a colour")
{
    Lines lines;
    const auto* const text = GENERATE(
        "a\nb", "a\r\nb", "x event=forged", "\"quoted\"", "back\\slash", "\x1b[31mred",
        "a\x7f"
        "b",
        "nel\xc2\x85x", "csi\xc2\x9bx", "ls\xe2\x80\xa8x", "ps\xe2\x80\xa9x", "latin1\xe5\x9b", "");
    CAPTURE(text);

    log::info("event", {{"a", text}, {"b", "end"}});

    const auto& line = lines.last();
    CHECK(lines.count() == 1);
    CHECK(line.find_first_of("\n\r\x1b\x7f") == std::string::npos);
    CHECK_THAT(line, !Contains("\xc2\x85") && !Contains("\xc2\x9b") && !Contains("\xe2\x80\xa8")
                         && !Contains("\xe2\x80\xa9") && !Contains("\xe5"));
    CHECK_THAT(line, Contains(" a=\"") && EndsWith("\" b=end"));
}

TEST_CASE("letters beyond ASCII are readable in a log")
{
    Lines lines;

    log::info("event", {{"project", "ÆØÅ"}, {"words", "blå øy"}});

    CHECK_THAT(lines.last(), EndsWith(" project=ÆØÅ words=\"blå øy\""));
}

TEST_CASE("lines below the threshold are not made")
{
    Lines lines;

    log::debug("quiet");
    CHECK(lines.count() == 0);

    log::set_threshold(log::Level::debug);
    log::debug("heard");
    CHECK(lines.count() == 1);

    log::set_threshold(log::Level::error);
    log::warn("quiet");
    log::error("heard");
    CHECK(lines.count() == 2);
}

TEST_CASE("a private value cannot be logged")
{
    STATIC_REQUIRE(Loggable<std::string>);
    STATIC_REQUIRE_FALSE(fmt::is_formattable<Private<std::string>>::value);
}
