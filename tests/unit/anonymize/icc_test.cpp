// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/icc.h"

#include <catch2/catch.hpp>

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

using fiona::anonymize::cleaned_icc_profile;

namespace {

std::string big_endian(std::size_t value)
{
    std::string bytes;
    for (const auto shift : {24U, 16U, 8U, 0U}) {
        bytes += static_cast<char>(value >> shift & 0xffU);
    }
    return bytes;
}

std::string description(const std::string& text)
{
    return "desc" + std::string(4, '\0') + big_endian(text.size() + 1) + text
           + std::string(20, '\0');
}

const std::string white =
    "XYZ " + std::string(4, '\0') + big_endian(62289) + big_endian(65536) + big_endian(54061);

struct Tag {
    std::string name, element;
    std::size_t said_more = 0; ///< bytes that its length reaches too far
};

std::string profile_of(const std::vector<Tag>& tags)
{
    std::string head(128, '\0');
    head.replace(36, 4, "acsp");
    head.replace(80, 4, "ACME"); // creator
    head += big_endian(tags.size());
    auto offset = head.size() + tags.size() * 12;
    std::string elements;
    for (const auto& tag : tags) {
        head += tag.name + big_endian(offset) + big_endian(tag.element.size() + tag.said_more);
        elements += tag.element;
        offset += tag.element.size();
    }
    return head + elements;
}

} // namespace

TEST_CASE("a colour profile keeps its numbers and loses its words")
{
    const auto profile =
        profile_of({{"desc", description("scanner of Nordmann")}, {"wtpt", white}});

    const auto cleaned = cleaned_icc_profile(profile);

    CHECK(cleaned.size() == profile.size());
    CHECK(cleaned.find("Nordmann") == std::string::npos);
    CHECK(cleaned.find("ACME") == std::string::npos);
    CHECK(cleaned.ends_with(white));
    CHECK(cleaned.find("acsp") == 36);
    CHECK(cleaned_icc_profile(cleaned) == cleaned);
}

TEST_CASE("a text that is said to reach into the next element of a colour profile ends before it")
{
    const auto profile =
        profile_of({{"desc", description("scanner of Nordmann"), 16}, {"wtpt", white}});

    const auto cleaned = cleaned_icc_profile(profile);

    CHECK(cleaned.find("Nordmann") == std::string::npos);
    CHECK(cleaned.ends_with(white));
}

TEST_CASE("a colour profile whose numbers overlap, or whose tags lie, becomes zeros")
{
    const auto profile = GENERATE_COPY(profile_of({{"wtpt", white, 8}, {"bkpt", white}}),
                                       profile_of({{"wtpt", white, 1U << 20U}}),
                                       std::string{"word"}, std::string(200, 'x'));

    CHECK(cleaned_icc_profile(profile) == std::string(profile.size(), '\0'));
}
