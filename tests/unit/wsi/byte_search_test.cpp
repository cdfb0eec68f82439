// SPDX-License-Identifier: MIT
#include "libfiona/wsi/byte_ranges.h"
#include "libfiona/wsi/byte_search.h"
#include "libfiona/wsi/code_stream.h"
#include "tests/support/tile_coder.h"

#include <catch2/catch.hpp>

#include <random>

using namespace fiona::wsi;

namespace {

std::vector<std::pair<std::uint64_t, std::size_t>>
found_in(const std::string& bytes, const std::vector<std::string>& texts, std::size_t piece)
{
    ByteSearch search{texts};
    std::vector<std::pair<std::uint64_t, std::size_t>> hits;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
        search.add(std::string_view{bytes}.substr(at, piece),
                   [&](ByteSearch::Hit hit) { hits.emplace_back(hit.offset, hit.text); });
    }
    std::ranges::sort(hits);
    return hits;
}

} // namespace

TEST_CASE("many texts are found wherever the pieces are cut, each once")
{
    std::mt19937 random{7};
    std::string bytes(5000, 'a');
    for (auto& c : bytes) {
        c = static_cast<char>('a' + random() % 3);
    }
    const std::vector<std::string> texts{"abca", "bbbbb", "cabcabca", "aaaa", "ccbaabcc"};
    std::vector<std::pair<std::uint64_t, std::size_t>> expected;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        for (auto at = bytes.find(texts[i]); at != std::string::npos;
             at = bytes.find(texts[i], at + 1)) {
            expected.emplace_back(at, i);
        }
    }
    std::ranges::sort(expected);
    REQUIRE(expected.size() > 100);

    for (const std::size_t piece : {1U, 2U, 3U, 7U, 64U, 1000U, 10'000U}) {
        CAPTURE(piece);
        CHECK(found_in(bytes, texts, piece) == expected);
    }
}

TEST_CASE("nothing to search for is found nowhere")
{
    CHECK(found_in("some bytes", {}, 4).empty());
}

TEST_CASE("ranges are joined, and what is between them is known")
{
    const ByteRanges ranges{{{50, 10}, {0, 10}, {10, 5}, {55, 20}, {90, 0}}};

    REQUIRE(ranges.ranges().size() == 2);
    CHECK(ranges.ranges()[0].end() == 15);
    CHECK(ranges.ranges()[1].end() == 75);
    CHECK(ranges.contains({52, 23}));
    CHECK_FALSE(ranges.contains({52, 24}));
    CHECK(ranges.touches(ByteRange{14, 1}));
    CHECK_FALSE(ranges.touches(ByteRange{15, 35}));
    const auto gaps = ranges.gaps(80);
    REQUIRE(gaps.ranges().size() == 2);
    CHECK(gaps.ranges()[0].offset == 15);
    CHECK(gaps.ranges()[1].end() == 80);
    CHECK(ranges.joined_over(35).ranges().size() == 1);
    CHECK(ranges.joined_over(34).ranges().size() == 2);
}

TEST_CASE("comments of a code stream are found, what decodes it is not")
{
    using namespace slide_maker;
    const auto picture = tissue(32, 32, 1);
    auto jpeg = jpeg_without_tables(picture, JpegColour::rgb);
    CHECK(jpeg_comments(jpeg).empty());
    const std::string comment{"\xff\xfe\x00\x08Prove", 9};
    const std::string exif{"\xff\xe1\x00\x06"
                           "Exif",
                           8};
    jpeg.insert(2, comment + "!" + exif);

    const auto found = jpeg_comments(jpeg);

    REQUIRE(found.size() == 2);
    CHECK(jpeg.substr(found[0].offset, found[0].bytes) == "Prove!");
    CHECK(jpeg.substr(found[1].offset, found[1].bytes) == "Exif");

    auto stream = jpeg_2000(picture, Wavelet::reversible, ComponentTransform::inside);
    CHECK(jpeg_2000_comments(stream).empty());
    const auto place = stream.find("\xff\x64");
    REQUIRE(place != std::string::npos);
    stream.insert(place, std::string{"\xff\x64\x00\x09\x00\x01Prove", 11});
    const auto words = jpeg_2000_comments(stream);
    REQUIRE(words.size() == 1);
    CHECK(stream.substr(words[0].offset, words[0].bytes) == "Prove");
}
