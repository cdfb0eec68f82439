// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/csa/header.h"
#include "tests/unit/csa/csa_bytes.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>

using namespace fiona;
using Format = CsaBytes::Format;
using Items = std::vector<std::string>;

namespace {

CsaBytes image_header(Format format)
{
    CsaBytes csa{format};
    csa.add("EchoLinePosition", "IS", {"64", "", "", ""})
        .add("UsedChannelMask", "UL", {})
        .add("B_value", "IS", {"1000", "", "", "", "", ""}, 205)
        .add("DiffusionGradientDirection", "FD", {"0.5", "-0.25", "0.82915620", "", "", ""})
        .add("PhaseEncodingDirectionPositive", "IS", {" 1 "})
        .add("ImaCoilString", "LO", {"HE1-4;NE1,2"})
        .add("ImageComments", "LT", {"H\xf8yre"});
    return csa;
}

Items items(const csa::Header& header, std::string_view name)
{
    const auto value = header.find(name);
    return value ? value->items : Items{};
}

} // namespace

TEST_CASE("both formats give the same values")
{
    const auto format = GENERATE(Format::csa1, Format::csa2);
    const auto bytes = image_header(format).bytes();

    const auto header = csa::Header::parse(bytes);

    CHECK(header.size() == 7);
    CHECK(header.is_complete());
    CHECK(items(header, "EchoLinePosition") == Items{"64"});
    CHECK(items(header, "B_value") == Items{"1000"});
    CHECK(header.find("B_value")->vr == "IS");
    CHECK(items(header, "DiffusionGradientDirection") == Items{"0.5", "-0.25", "0.82915620"});
    CHECK(items(header, "PhaseEncodingDirectionPositive") == Items{"1"});
    CHECK(items(header, "ImageComments") == Items{"Høyre"});
    CHECK(header.raw_text("ImageComments") == "H\xf8yre");
    CHECK_FALSE(header.find("UsedChannelMask").has_value());
    CHECK_FALSE(header.find("NoSuchTag").has_value());
    CHECK(header.raw_text("NoSuchTag").empty());
}

TEST_CASE("of two tags with one name the first counts")
{
    const auto bytes = CsaBytes{Format::csa2}.add("A", "LO", {"1"}).add("A", "LO", {"2"}).bytes();

    CHECK(items(csa::Header::parse(bytes), "A") == Items{"1"});
}

TEST_CASE("a header that is cut off gives what came before, at every byte")
{
    const auto format = GENERATE(Format::csa1, Format::csa2);
    const auto whole_bytes = image_header(format).bytes();
    const auto whole = csa::Header::parse(whole_bytes);
    const std::size_t first = format == Format::csa2 ? 16 : 8;

    for (std::size_t length = 0; length < whole_bytes.size(); ++length) {
        CAPTURE(length);
        // a copy of its own, so that a sanitizer sees every read behind its end
        const std::vector<std::byte> cut{whole_bytes.begin(),
                                         whole_bytes.begin() + static_cast<std::ptrdiff_t>(length)};
        if (length < first) {
            CHECK_THROWS_AS(csa::Header::parse(cut), Error);
            continue;
        }
        const auto header = csa::Header::parse(cut);
        for (const auto* const name :
             {"EchoLinePosition", "B_value", "DiffusionGradientDirection"}) {
            const auto found = items(header, name);
            const auto wanted = items(whole, name);
            REQUIRE(found.size() <= wanted.size());
            CHECK(std::equal(found.begin(), found.end(), wanted.begin()));
        }
    }
}

TEST_CASE("what does not begin like a CSA header is refused")
{
    const auto word = [](std::uint32_t count, std::uint32_t check) {
        CsaBytes csa{Format::csa1};
        csa.word(count);
        csa.word(check);
        return csa;
    };
    const auto content = GENERATE_COPY(values<std::pair<std::uint32_t, std::uint32_t>>(
        {{0, 77}, {1001, 77}, {0xffffffff, 77}, {1, 0}, {1, 78}}));
    CAPTURE(content.first, content.second);
    auto bytes = word(content.first, content.second).bytes();
    bytes.erase(bytes.begin(), bytes.begin() + 8); // the builder's own beginning

    try {
        static_cast<void>(csa::Header::parse(bytes));
        FAIL("it was read");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
    }
}

TEST_CASE("numbers of items and lengths that lie are survived")
{
    const auto format = GENERATE(Format::csa1, Format::csa2);
    const auto lie = GENERATE(0x7fffffffU, 0x80000000U, 0xffffffffU, 0x00ffffffU, 1U);
    CAPTURE(lie);

    SECTION("in a length")
    {
        CsaBytes csa{format};
        csa.add("Good", "LO", {"value"}).add("Bad", "IS", {});
        auto bytes = csa.bytes();
        const auto at_count = bytes.size() - 8; // number of items, check word
        bytes[at_count] = std::byte{1};
        CsaBytes item{Format::csa1};
        item.word(lie);
        item.word(lie);
        item.word(77);
        item.word(lie);
        item.raw("1234");
        const auto tail = item.bytes();
        bytes.insert(bytes.end(), tail.begin() + 8, tail.end());

        const auto header = csa::Header::parse(bytes);

        CHECK(items(header, "Good") == Items{"value"});
        // a number that is cut off would be another number
        CHECK((items(header, "Bad").empty() || lie == 1));
    }

    SECTION("in a number of items")
    {
        CsaBytes csa{format};
        csa.add("Good", "LO", {"value"}).add("Bad", "LO", {"x"});
        auto bytes = csa.bytes();
        const auto at_count = bytes.size() - 4 - 16 - 8;
        for (std::size_t i = 0; i < 4; ++i) {
            bytes[at_count + i] = static_cast<std::byte>((lie >> (8 * i)) & 0xffU);
        }

        const auto header = csa::Header::parse(bytes);

        CHECK(items(header, "Good") == Items{"value"});
        CHECK(items(header, "Bad") == Items{"x"});
        CHECK(header.is_complete() == (lie == 1));
    }
}

TEST_CASE("of a text that is cut off the beginning stays, and the header says so")
{
    CsaBytes csa{Format::csa2};
    csa.add("MrPhoenixProtocol", "UN", {std::string(1000, 'a')});
    auto bytes = csa.bytes();
    bytes.resize(bytes.size() - 500);

    const auto header = csa::Header::parse(bytes);

    CHECK_FALSE(header.is_complete());
    CHECK(header.raw_text("MrPhoenixProtocol").size() == 504);
}

TEST_CASE("a tag with another check word ends the header")
{
    const auto bytes = CsaBytes{Format::csa2}
                           .add("A", "LO", {"1"})
                           .add("B", "LO", {"2"}, 76)
                           .add("C", "LO", {"3"})
                           .bytes();

    const auto header = csa::Header::parse(bytes);

    CHECK(header.size() == 1);
    CHECK_FALSE(header.is_complete());
}

TEST_CASE("heads without meaning behind the last value of a CSA1 tag are passed over")
{
    CsaBytes csa{Format::csa1};
    csa.add("First", "LO", {"a", "b", "c"}).add("Second", "DS", {"1.5", "", ""});

    const auto bytes = csa.bytes();
    const auto header = csa::Header::parse(bytes);

    CHECK(items(header, "First") == Items{"a", "b", "c"});
    CHECK(items(header, "Second") == Items{"1.5"});
    CHECK(header.is_complete());
}
