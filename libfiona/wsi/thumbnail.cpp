// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pixel/png.h"
#include "libfiona/wsi/inspect.h"
#include "libfiona/wsi/openslide_reader.h"
#include "libfiona/wsi/slide_contents.h"

#include <algorithm>
#include <cmath>

namespace fiona::wsi {

namespace {

/// Of a level that is worth decoding for a small picture.
constexpr std::uint64_t most_level_pixels = std::uint64_t{400} << 20U;

/// The smallest level that is large enough, with its number.
std::pair<SlideImage, std::size_t> level_for(const Slide& slide, std::uint32_t most_pixels)
{
    const auto levels = slide.levels();
    std::size_t number = 0;
    while (number + 1 < levels.size() && is_decoded_whole(slide, levels[number + 1])
           && std::max(levels[number + 1].width, levels[number + 1].height) >= most_pixels) {
        ++number;
    }
    while (number + 1 < levels.size() && is_decoded_whole(slide, levels[number + 1])
           && levels[number].width > most_level_pixels / levels[number].height) {
        ++number;
    }
    const auto& level = levels[number];
    if (!is_decoded_whole(slide, level)) {
        throw Error{Fault::data, "the slide is smaller than its tiles: it cannot be decoded"};
    }
    if (level.width > most_level_pixels / level.height) {
        throw Error{Fault::data, "the slide has no level small enough for a thumbnail"};
    }
    return {level, number};
}

/// Means of what falls into each pixel of a smaller picture, as rows come by.
class Shrinker {
public:
    Shrinker(const SlideImage& level, std::uint32_t width, std::uint32_t height)
        : m_level{level}, m_width{width}, m_height{height}, m_sums(std::size_t{3} * width * height),
          m_counts(std::size_t{width} * height)
    {
    }

    void add_row(std::uint64_t y, std::string_view rgb)
    {
        const auto row = y * m_height / m_level.height * m_width;
        for (std::uint64_t x = 0; x < m_level.width; ++x) {
            const auto place = row + x * m_width / m_level.width;
            for (std::size_t c = 0; c < 3; ++c) {
                m_sums[3 * place + c] += static_cast<unsigned char>(rgb[3 * x + c]);
            }
            ++m_counts[place];
        }
    }
    [[nodiscard]] std::string picture() const
    {
        std::string rgb;
        for (std::size_t i = 0; i < m_sums.size(); ++i) {
            const auto count = std::max<std::uint64_t>(1, m_counts[i / 3]);
            rgb.push_back(static_cast<char>(m_sums[i] / count));
        }
        return rgb;
    }

private:
    SlideImage m_level;
    std::uint64_t m_width;
    std::uint64_t m_height;
    std::vector<std::uint64_t> m_sums;
    std::vector<std::uint64_t> m_counts;
};

} // namespace

std::string thumbnail(const Slide& slide, std::uint32_t most_pixels)
{
    if (most_pixels < 16 || most_pixels > 4096) {
        throw Error{Fault::usage, "a thumbnail has 16 to 4096 pixels"};
    }
    const auto [level, number] = level_for(slide, most_pixels);
    const auto longest = std::max(level.width, level.height);
    const auto shrunk = [&, wanted =
                                std::min<std::uint64_t>(most_pixels, longest)](std::uint64_t side) {
        return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, side * wanted / longest));
    };
    Shrinker shrinker{level, shrunk(level.width), shrunk(level.height)};
    const auto rows = std::max<std::uint64_t>(1, most_region_bytes / (3 * level.width));
    for (std::uint64_t y = 0; y < level.height; y += rows) {
        const Region region{number, 0, y, static_cast<std::uint32_t>(level.width),
                            static_cast<std::uint32_t>(std::min(rows, level.height - y))};
        const auto band = decode_regions(slide.path(), {&region, 1}).front();
        for (std::uint32_t line = 0; line < region.height; ++line) {
            const auto bytes = std::size_t{3} * region.width;
            shrinker.add_row(y + line, std::string_view{band}.substr(line * bytes, bytes));
        }
    }
    return pixel::png(shrunk(level.width), shrunk(level.height), shrinker.picture());
}

} // namespace fiona::wsi
