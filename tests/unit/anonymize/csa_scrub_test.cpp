// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/csa_scrub.h"
#include "libfiona/csa/header.h"

#include <catch2/catch.hpp>

#include <cstring>
#include <span>

using namespace fiona;
using namespace fiona::anonymize;

namespace {

std::string word(std::uint32_t value)
{
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

std::string padded(std::string value, std::size_t size)
{
    value += '\0';
    value.resize(size, 'G'); // the scanner's memory
    return value;
}

/// One tag with one item, CSA2.
std::string tag(const std::string& name, const std::string& vr, const std::string& value)
{
    const auto length = static_cast<std::uint32_t>(value.size() + 1);
    return padded(name, 64) + word(1) + padded(vr, 4) + word(6) + word(1) + word(77) + word(length)
           + word(length) + word(77) + word(length) + padded(value, (value.size() + 4) / 4 * 4);
}

std::string header(std::uint32_t count, const std::string& tags)
{
    return std::string{"SV10\4\3\2\1", 8} + word(count) + word(77) + tags;
}

struct Scrubbed {
    explicit Scrubbed(const std::string& bytes)
    {
        IdentityCollector collected;
        collected.add(IdentityKind::name, "Fjellvik^Signe");
        UidMap uids{UidScheme::hmac, "P", std::vector<std::byte>(32)};
        result = scrubbed_csa(bytes, Identity{collected, {}}, uids,
                              AllowedWords::parse("ep2d\ndiff\nslice\n"));
    }
    [[nodiscard]] std::string text(const char* name) const
    {
        const auto parsed = csa::Header::parse(std::as_bytes(std::span{*result}));
        return std::string{parsed.raw_text(name)};
    }
    std::optional<std::string> result;
};

} // namespace

TEST_CASE("a CSA header keeps its numbers and loses names, dates and the scanner's memory")
{
    const auto bytes =
        header(6, tag("B_value", "IS", "1000") + tag("Reader", "PN", "Somebody")
                      + tag("Visit", "DA", "20240120") + tag("Comment", "LO", "diff Fjellvik Quxo")
                      + tag("Number", "DS", "0.5 by Signe") + tag("Last", "FD", "-0.25"));

    const Scrubbed scrubbed{bytes};

    REQUIRE(scrubbed.result);
    CHECK(scrubbed.result->size() == bytes.size());
    CHECK(scrubbed.text("B_value") == "1000");
    CHECK(scrubbed.text("Last") == "-0.25");
    CHECK(scrubbed.text("Comment") == "diff");
    for (const auto* const gone : {"Somebody", "20240120", "Fjellvik", "Quxo", "Signe", "GG"}) {
        CHECK(scrubbed.result->find(gone) == std::string::npos);
    }
}

TEST_CASE("UIDs in a CSA header are mapped or go, in the protocol too")
{
    const std::string uid = "1.3.12.2.1107.5.2.32.35131.2014022817282751500000052.0.0.0";
    const Scrubbed scrubbed{
        header(2, tag("Image", "UI", uid)
                      + tag("MrPhoenixProtocol", "UN",
                            "### ASCCONV BEGIN ###\ntRef\t = \t\"\"" + uid
                                + "\"\"\ntName = \"\"\nlCount = 4\n### ASCCONV END ###\n"))};

    REQUIRE(scrubbed.result);
    CHECK(scrubbed.result->find("1.3.12") == std::string::npos);
    CHECK(scrubbed.text("Image").starts_with("2.25."));
    CHECK(scrubbed.text("MrPhoenixProtocol").find("lCount = 4") != std::string::npos);
}

TEST_CASE("what is no whole CSA header cannot be scrubbed")
{
    const auto whole = header(1, tag("B_value", "IS", "1000"));
    CHECK_FALSE(Scrubbed{"not a header"}.result);
    CHECK_FALSE(Scrubbed{""}.result);
    for (std::size_t size = 0; size + 4 < whole.size(); ++size) {
        CHECK_FALSE(Scrubbed{whole.substr(0, size)}.result);
    }
}
