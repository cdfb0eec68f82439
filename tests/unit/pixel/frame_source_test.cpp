// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pixel/frame_source.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>

#include <optional>
#include <string>

using namespace fiona;
using namespace fiona::pixel;

namespace {

constexpr const char* jpeg_baseline = "1.2.840.10008.1.2.4.50";
constexpr const char* rle = "1.2.840.10008.1.2.5";

std::string number(std::uint32_t value)
{
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
        bytes.push_back(static_cast<char>(value >> (8 * i)));
    }
    return bytes;
}

std::string item(const std::string& value)
{
    return std::string{"\xfe\xff\x00\xe0", 4} + number(static_cast<std::uint32_t>(value.size()))
           + value;
}

/// The pixel data element alone, compressed.
std::string element(const std::string& table, const std::vector<std::string>& fragments)
{
    std::string bytes{"\xe0\x7f\x10\x00OB\x00\x00\xff\xff\xff\xff", 12};
    bytes += item(table);
    for (const auto& fragment : fragments) {
        bytes += item(fragment);
    }
    return bytes + std::string{"\xfe\xff\xdd\xe0\0\0\0\0", 8};
}

class Source {
public:
    Source(const std::string& bytes, std::uint32_t frames, const char* syntax)
    {
        const auto file = m_root / "f";
        store::write_file(file, bytes);
        m_fd = UniqueFd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
        PixelDescription description;
        description.layout.rows = 16;
        description.layout.columns = 16;
        description.frames = frames;
        source.emplace(m_fd.get(), 0, syntax, description);
    }

private:
    TempDir m_root;
    UniqueFd m_fd;

public:
    std::optional<FrameSource> source;
};

const std::string start{"\xff\xd8"};

} // namespace

TEST_CASE("frames are found by the offset table, one to a fragment, or by their first bytes")
{
    SECTION("one fragment each")
    {
        const Source made{element("", {"aa", "bb", "cc"}), 3, rle};
        CHECK(made.source->fragments(1) == std::vector<Bytes>{{'b', 'b'}});
    }
    SECTION("table")
    {
        const auto table = number(0) + number(20);
        const Source made{element(table, {"aa", "bb", "cc"}), 2, rle};
        CHECK(made.source->fragments(0).size() == 2);
        CHECK(made.source->fragments(1) == std::vector<Bytes>{{'c', 'c'}});
    }
    SECTION("start of image")
    {
        const Source made{element("", {start + "a1", "a2", start + "b1", "b2"}), 2, jpeg_baseline};
        CHECK(made.source->fragments(1).size() == 2);
    }
    SECTION("a table that lies is not believed")
    {
        const auto table = number(0) + number(11);
        const Source made{element(table, {start + "a1", start + "b1", "b2"}), 2, jpeg_baseline};
        CHECK(made.source->fragments(1).size() == 2);
    }
}

TEST_CASE("fragments that cannot be told apart are refused")
{
    const auto make = [](const std::string& bytes, std::uint32_t frames, const char* syntax) {
        const Source made{bytes, frames, syntax};
    };

    CHECK_THROWS_AS(make(element("", {"aa", "bb", "cc"}), 2, rle), Error);
    CHECK_THROWS_AS(make(element("", {}), 1, rle), Error);
    CHECK_THROWS_AS(make(element("", {start + "a1", "a2"}), 3, jpeg_baseline), Error);
    CHECK_THROWS_AS(make(element(number(0) + number(0), {"aa", "bb", "cc"}), 2, rle), Error);
    // longer than the samples could ever need
    CHECK_THROWS_AS(make(element("", {std::string(2U << 20U, 'x')}), 1, rle), Error);
    // an item that is none, an end that does not come
    CHECK_THROWS_AS(make(element("", {"aa"}).substr(0, 30) + "xxxxxxxxxxxx", 1, rle), Error);
    CHECK_THROWS_AS(make(element("", {"aa"}).substr(0, 28), 1, rle), Error);
    // compressed data in a syntax that has none, and the reverse
    CHECK_THROWS_AS(make(element("", {"aa"}), 1, "1.2.840.10008.1.2.1"), Error);
    CHECK_THROWS_AS(
        make(std::string{"\xe0\x7f\x10\x00OB\x00\x00\x00\x01\x00\x00", 12} + std::string(256, 'x'),
             1, rle),
        Error);
    // video, and what nobody here can decode
    CHECK_THROWS_AS(make(element("", {"aa"}), 1, "1.2.840.10008.1.2.4.102"), Error);
    CHECK_THROWS_AS(make(element("", {"aa"}), 1, "1.2.840.10008.1.2.4.201"), Error);
}
