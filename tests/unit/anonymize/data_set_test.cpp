// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/data_set.h"
#include "libfiona/base/error.h"
#include "tests/support/phantom_file.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::anonymize;

namespace {

Item nested_image()
{
    auto root = phantom::image();
    Item inner;
    phantom::put(inner, phantom::text({0x0008, 0x0100}, "SH", "123"));
    Item outer;
    phantom::put(outer, phantom::sequence({0x0008, 0x2112}, {inner, Item{}}));
    phantom::put(root, phantom::sequence({0x0008, 0x1140}, {outer}));
    phantom::put(root, phantom::sequence({0x0008, 0x1110}, {}));
    return root;
}

} // namespace

TEST_CASE("what is written is read back to the same bytes in every encoding")
{
    const auto encoding =
        GENERATE(Encoding::implicit_little, Encoding::explicit_little, Encoding::explicit_big);
    const auto bytes = write_data_set(nested_image(), encoding);

    const auto parsed = read_data_set(bytes, encoding);

    CHECK(parsed.end == bytes.size());
    CHECK(write_data_set(parsed.root, encoding) == bytes);
    CHECK(parsed.root.find({0x0010, 0x0010})->vr == Vr{"PN"});
    REQUIRE(parsed.root.find({0x0008, 0x1140})->items.size() == 1);
    CHECK(parsed.root.find({0x0008, 0x1140})->items[0].find({0x0008, 0x2112})->items.size() == 2);
}

TEST_CASE("a data set cut off anywhere is refused or read up to a whole element")
{
    const auto bytes = write_data_set(nested_image(), Encoding::explicit_little);
    std::size_t refused = 0;
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const auto part = bytes.substr(0, size); // a copy, so that a sanitizer sees every overrun
        try {
            const auto parsed = read_data_set(part, Encoding::explicit_little);
            CHECK(parsed.end == size);
        } catch (const Error& error) {
            CHECK(error.fault() == Fault::data);
            ++refused;
        }
    }

    CHECK(refused > bytes.size() / 2);
}

TEST_CASE("nesting without end is refused")
{
    std::string bytes;
    for (int i = 0; i < 200; ++i) {
        bytes += std::string{
            "\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff", 20};
    }

    CHECK_THROWS_AS(read_data_set(bytes, Encoding::explicit_little), Error);
}

TEST_CASE("a length that points beyond its surroundings is refused")
{
    const std::string bytes{"\x10\x00\x10\x00PN\xff\x7fHansen", 14};

    CHECK_THROWS_AS(read_data_set(bytes, Encoding::explicit_little), Error);
}

TEST_CASE("an element whose head goes over the end of its item or sequence is refused")
{
    const std::string sequence{"\x08\x00\x40\x11SQ\0\0\x0c\0\0\0", 12};
    const std::string item{"\xfe\xff\x00\xe0\x04\0\0\0", 8};
    const std::string open_item{"\xfe\xff\x00\xe0\xff\xff\xff\xff", 8};
    const std::string element{"\x10\x00\x10\x00PN\x02\0ab", 10};
    const std::string end_of_item{"\xfe\xff\x0d\xe0\0\0\0\0", 8};
    const auto inside = GENERATE_COPY(
        item + element, item + element.substr(0, 4) + std::string{"UN\0\0\xff\xff\xff\x7f", 8},
        open_item + element, open_item + end_of_item);

    CHECK_THROWS_AS(read_data_set(sequence + inside, Encoding::explicit_little), Error);
}

TEST_CASE("reading stops at the pixel data")
{
    auto bytes = write_data_set(phantom::image(), Encoding::explicit_little);
    const auto header = bytes.size();
    bytes += std::string{"\xe0\x7f\x10\x00OW\0\0\xff\xff\xff\x7f", 12};

    CHECK(read_data_set(bytes, Encoding::explicit_little).end == header);
}

TEST_CASE("a sequence hidden in unknown bytes is recognised, and nothing else is")
{
    Item item;
    phantom::put(item, phantom::text({0x0010, 0x0010}, "PN", "Hansen"));
    Item holder;
    phantom::put(holder, phantom::sequence({0x0008, 0x1140}, {item}));
    const auto bytes = write_data_set(holder, Encoding::implicit_little);
    const auto items = bytes.substr(8, bytes.size() - 16); // without head and sequence delimiter

    REQUIRE(read_unknown_sequence(items).has_value());
    CHECK(read_unknown_sequence(items)->front().find({0x0010, 0x0010}) != nullptr);
    CHECK_FALSE(read_unknown_sequence("Hansen").has_value());
    CHECK_FALSE(read_unknown_sequence(items.substr(0, items.size() - 2)).has_value());
}
