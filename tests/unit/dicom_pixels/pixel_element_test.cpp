// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/dicom/pixel_element.h"
#include "tests/support/code_streams.h"
#include "tests/support/phantom_file.h"

#include <catch2/catch.hpp>

#include <string>

using namespace fiona;
using namespace fiona::dicom;
using Catch::Contains;
using streams::little;
using streams::name;

namespace {

constexpr auto explicit_little = "1.2.840.10008.1.2.1";
constexpr auto jpeg_baseline = "1.2.840.10008.1.2.4.50";

StoredBytes stored(const std::string& bytes)
{
    return std::as_bytes(std::span{bytes});
}

PixelElement element_of(const std::string& bytes, Coding coding = Coding::explicit_little)
{
    return read_pixel_element(stored(bytes), 0, coding);
}

std::string native(const std::string& value, const std::string& vr = "OW", unsigned element = 0x10)
{
    return "\xe0\x7f" + little(element, 2) + vr + std::string(2, '\0') + little(value.size(), 4)
           + value;
}

std::string remarks_in(const std::string& bytes, const PixelShape& shape,
                       const char* syntax = explicit_little)
{
    std::string told;
    find_remarks(stored(bytes), element_of(bytes), syntax, shape,
                 [&](const ByteRange& range) { told += bytes.substr(range.offset, range.bytes); });
    return told;
}

} // namespace

TEST_CASE("only what can be pixel data in its transfer syntax is taken for it")
{
    const auto check = [](const std::string& bytes, const char* syntax) {
        require_legal(element_of(bytes), syntax);
    };
    CHECK_NOTHROW(check(native("1234"), explicit_little));
    CHECK_NOTHROW(check(native("1234", "OB"), explicit_little));
    CHECK_NOTHROW(check(native("1234", "UN"), explicit_little));
    CHECK_NOTHROW(check(native("1234", "OF", 8), explicit_little));
    CHECK_NOTHROW(check(native("1234", "OD", 9), explicit_little));
    CHECK_NOTHROW(check(phantom::encapsulated({"ab"}), jpeg_baseline));
    CHECK_NOTHROW(check(phantom::encapsulated({"ab"}, {}, "OW"), jpeg_baseline));

    const auto* const value_representation = "illegal value representation";
    CHECK_THROWS_WITH(check(native("1234", "SQ"), explicit_little), Contains(value_representation));
    CHECK_THROWS_WITH(check(native("1234", "LT"), explicit_little), Contains(value_representation));
    CHECK_THROWS_WITH(check(native("1234", "OB", 8), explicit_little),
                      Contains(value_representation));
    CHECK_THROWS_WITH(check(phantom::encapsulated({"ab"}, {}, "SQ"), jpeg_baseline),
                      Contains(value_representation));
    CHECK_THROWS_WITH(check(phantom::encapsulated({"ab"}, {}, "UN"), jpeg_baseline),
                      Contains(value_representation));

    const auto* const form = "does not fit the transfer syntax";
    CHECK_THROWS_WITH(check(phantom::encapsulated({"ab"}), explicit_little), Contains(form));
    CHECK_THROWS_WITH(check(phantom::encapsulated({"ab"}), "1.2.840.10008.1.2.1.99"),
                      Contains(form));
    CHECK_THROWS_WITH(check(native("1234", "OB"), jpeg_baseline), Contains(form));
}

TEST_CASE("an element that is cut off, or has no end, is refused")
{
    const auto native_bytes = native("1234");
    const auto bytes = phantom::encapsulated({"ab", "cd"});
    CHECK(end_of(stored(bytes), element_of(bytes)) == bytes.size());
    CHECK(end_of(stored(native_bytes), element_of(native_bytes)) == native_bytes.size());
    CHECK_THROWS_AS(element_of(native_bytes.substr(0, native_bytes.size() - 1)), Error);
    CHECK_THROWS_AS(element_of(native_bytes.substr(0, 10)), Error);
    for (std::size_t size = 12; size < bytes.size(); ++size) {
        const auto part = bytes.substr(0, size);
        CHECK_THROWS_AS(end_of(stored(part), element_of(part)), Error);
    }
}

TEST_CASE("an offset table names fragments in rising order, or is none")
{
    const auto is_sound = [](const std::string& table) {
        const auto bytes = phantom::encapsulated({"abcd", "ef", "gh"}, table);
        return !behind_bad_offset_table(stored(bytes), element_of(bytes));
    };
    CHECK(is_sound(""));
    CHECK(is_sound(little(0, 4)));
    CHECK(is_sound(little(0, 4) + little(12, 4) + little(22, 4)));
    CHECK(is_sound(little(0, 4) + little(22, 4)));
    CHECK_FALSE(is_sound(name + "!"));
    CHECK_FALSE(is_sound(little(0, 4) + "Ola"));
    CHECK_FALSE(is_sound(little(0, 4) + little(11, 4)));
    CHECK_FALSE(is_sound(little(0, 4) + little(0, 4)));
    CHECK_FALSE(is_sound(little(22, 4) + little(12, 4)));
    CHECK_FALSE(is_sound(little(0, 4) + little(32, 4))); // the delimiter
    CHECK_FALSE(is_sound(little(0, 4) + little(0xfffffff0, 4)));

    const auto bytes = phantom::encapsulated({"ab"}, name + "!");
    CHECK(behind_bad_offset_table(stored(bytes), element_of(bytes)) == 20 + name.size() + 1);
}

TEST_CASE("native data end with the last frame")
{
    PixelShape shape{.rows = 30, .columns = 40, .bits_allocated = 8, .frames = 3};
    CHECK(remarks_in(native(std::string(3600, 'p')), shape).empty());
    CHECK(remarks_in(native(std::string(3600, 'p') + name), shape) == name);
    CHECK(remarks_in(native(std::string(3000, 'p')), shape).empty()); // less is no secret

    SECTION("or its padding, which in swapped words is a sample")
    {
        shape = {.rows = 3, .columns = 33, .bits_allocated = 8};
        CHECK(remarks_in(native(std::string(99, 'p') + "x"), shape).empty());
        CHECK(remarks_in(native(std::string(99, 'p') + "x" + name), shape) == name);
    }
    SECTION("in words, and as numbers with a fraction")
    {
        shape.bits_allocated = 16;
        CHECK(remarks_in(native(std::string(7200, 'p') + name), shape) == name);
        CHECK(remarks_in(native(std::string(14400, 'p') + name, "OF", 8), shape) == name);
        CHECK(remarks_in(native(std::string(28800, 'p') + name, "OD", 9), shape) == name);
    }
    SECTION("in bits, frames padded to bytes or not")
    {
        shape.bits_allocated = 1;
        CHECK(remarks_in(native(std::string(450, 'p')), shape).empty());
        CHECK(remarks_in(native(std::string(450, 'p') + name), shape) == name);
        shape.rows = 3;
        shape.columns = 67; // 201 bits: 603 together
        CHECK(remarks_in(native(std::string(76, 'p')), shape).empty());
        CHECK(remarks_in(native(std::string(78, 'p')), shape).empty());
        CHECK(remarks_in(native(std::string(76, 'p') + name), shape) == name);
    }
    SECTION("with chrominance for every other pixel, and where it is only said to be so")
    {
        shape = {.rows = 6, .columns = 4, .samples = 3, .bits_allocated = 8};
        shape.shares_chrominance = true;
        CHECK(remarks_in(native(std::string(48, 'p') + name), shape) == name);
        CHECK(remarks_in(native(std::string(72, 'p')), shape).empty());
    }
    SECTION("but where there is room for another frame behind the last one, it could be one")
    {
        const auto* const what = "behind the last of 3 frames, enough for another one";
        CHECK_THROWS_WITH(remarks_in(native(std::string(4800, 'p')), shape), Contains(what));
        CHECK_THROWS_WITH(remarks_in(native(std::string(6000, 'p')), shape), Contains(what));
        CHECK_THROWS_WITH(
            remarks_in(native(std::string(3600, 'p') + std::string(1199, '\0') + "!"), shape),
            Contains(what));
        CHECK(remarks_in(native(std::string(3600, 'p') + std::string(2400, '\0')), shape).empty());
        CHECK(remarks_in(native(std::string(4798, 'p')), shape) == std::string(1198, 'p'));
        shape.frames = 1; // as if the header had no number
        CHECK_THROWS_WITH(remarks_in(native(std::string(3600, 'p')), shape),
                          Contains("NumberOfFrames"));
        shape.columns = 41;
        shape.rows = 31; // of 1271 bytes: a second one without padding
        CHECK_THROWS_AS(remarks_in(native(std::string(2542, 'p')), shape), Error);
        shape = {.rows = 6, .columns = 4, .samples = 3, .bits_allocated = 8};
        shape.shares_chrominance = true;
        CHECK_THROWS_AS(remarks_in(native(std::string(96, 'p')), shape), Error);
    }
    SECTION("without a header that says how many there are")
    {
        shape.bits_allocated = 0;
        CHECK_THROWS_AS(remarks_in(native(name), shape), Error);
        CHECK(remarks_in(native(name), PixelShape{}) == name); // no image at all
        shape = {.rows = 3, .columns = 4, .bits_allocated = 8, .frames = 0};
        CHECK(remarks_in(native(std::string(12, 'p')), shape).empty());
        CHECK_THROWS_AS(remarks_in(native(std::string(24, 'p')), shape), Error);
    }
    SECTION("of a size that no file has")
    {
        shape = {.rows = 65535,
                 .columns = 65535,
                 .samples = 65535,
                 .bits_allocated = 65535,
                 .frames = 4294967295};
        CHECK_THROWS_AS(remarks_in(native(name), shape), Error);
    }
}

TEST_CASE("more pictures than the header declares are refused")
{
    const PixelShape shape{.rows = 16, .columns = 16, .bits_allocated = 8, .frames = 2};
    const auto jpeg = streams::jpeg() + '\0';
    CHECK(remarks_in(phantom::encapsulated({jpeg, jpeg}), shape, jpeg_baseline).empty());
    CHECK(remarks_in(phantom::encapsulated({jpeg}), shape, jpeg_baseline).empty());
    CHECK_THROWS_WITH(remarks_in(phantom::encapsulated({jpeg, jpeg, jpeg}), shape, jpeg_baseline),
                      Contains("3 frames of compressed pixel data, the header declares 2"));
    // Two in one fragment: whoever clears what is behind the first loses the second.
    CHECK_THROWS_AS(remarks_in(phantom::encapsulated({jpeg + jpeg}), shape, jpeg_baseline), Error);
}

TEST_CASE("an extended offset table names every fragment and its length, or is none")
{
    const auto bytes = phantom::encapsulated({"abcd", "ef", "gh"});
    const auto fits = [&](const std::string& offsets, const std::string& lengths) {
        return fit_fragments(stored(bytes), element_of(bytes), std::as_bytes(std::span{offsets}),
                             std::as_bytes(std::span{lengths}));
    };
    const auto offsets = little(0, 8) + little(12, 8) + little(22, 8);
    const auto lengths = little(4, 8) + little(2, 8) + little(2, 8);
    CHECK(fits(offsets, lengths));
    CHECK(fits(offsets, little(3, 8) + little(2, 8) + little(1, 8))); // without the padding

    CHECK_FALSE(fits(offsets, little(4, 8) + little(2, 8) + little(4, 8)));
    CHECK_FALSE(fits(offsets, lengths.substr(8)));
    CHECK_FALSE(fits(offsets.substr(0, 16), lengths.substr(0, 16)));
    CHECK_FALSE(fits(offsets + name + "123456", lengths + name + "123456"));
    CHECK_FALSE(fits(little(0, 8) + "NORDMANN" + little(22, 8), lengths));
    CHECK_FALSE(fits(offsets, "NORDMANN" + lengths.substr(8)));
    CHECK_FALSE(fits("", ""));
    const auto plain = native("1234");
    CHECK_FALSE(fit_fragments(stored(plain), element_of(plain), {}, {}));
}

TEST_CASE("an overlay can be in bits that no sample uses")
{
    struct Header {
        unsigned position;
        unsigned allocated, stored, high;
        bool has_data = false;
    };
    const auto is_in = [](const Header& header, std::uint16_t group = 0x6000) {
        return has_overlay_in_samples(
            {[&](Tag tag) -> std::optional<unsigned> {
                 if (tag.group == 0x0028) {
                     return tag.element == 0x0100   ? header.allocated
                            : tag.element == 0x0101 ? header.stored
                                                    : header.high;
                 }
                 return tag == Tag{group, 0x0102} ? std::optional{header.position} : std::nullopt;
             },
             [&](Tag tag) {
                 return tag == Tag{group, 0x0102} || (header.has_data && tag == Tag{group, 0x3000});
             }});
    };
    CHECK(is_in({12, 16, 12, 11}));
    CHECK(is_in({12, 16, 12, 11}, 0x601e));
    CHECK_FALSE(is_in({12, 16, 12, 11}, 0x6020));
    CHECK(is_in({15, 16, 12, 11}));
    CHECK_FALSE(is_in({16, 16, 12, 11}));
    CHECK_FALSE(is_in({11, 16, 12, 11}));
    CHECK_FALSE(is_in({0, 16, 12, 11}));
    CHECK(is_in({3, 16, 12, 15}));
    CHECK_FALSE(is_in({4, 16, 12, 15}));
    CHECK_FALSE(is_in({7, 8, 8, 7}));
    SECTION("data of its own are no proof of the contrary, but where they begin is")
    {
        CHECK(is_in({12, 16, 12, 11, true}));
        CHECK_FALSE(is_in({0, 16, 12, 15, true}));
        CHECK(is_in({0, 16, 12, 15}));
    }
    SECTION("what nobody can tell is taken for one")
    {
        const auto nothing = [](Tag) { return std::optional<unsigned>{}; };
        CHECK(has_overlay_in_samples({nothing, [](Tag tag) {
                                          return tag == Tag{0x6000, 0x0102};
                                      }}));
        CHECK_FALSE(has_overlay_in_samples({nothing, [](Tag) { return false; }}));
    }
}
