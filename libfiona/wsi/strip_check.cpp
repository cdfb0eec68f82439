// SPDX-License-Identifier: MIT
#include "libfiona/wsi/strip_check.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/wsi/byte_search.h"
#include "libfiona/wsi/macro_label.h"
#include "libfiona/wsi/openslide_reader.h"
#include "libfiona/wsi/slide_contents.h"
#include "libfiona/wsi/tile_table.h"

#include <algorithm>
#include <array>

namespace fiona::wsi {

namespace {

constexpr std::size_t block_bytes = std::size_t{1} << 20U;

/// Nothing but what cleaning leaves: X, blanks, zeros and slashes of a date that is none.
bool is_clean(std::string_view value)
{
    const auto text = trimmed(value);
    return text == "01/01/00" || text == "01/01/1900" || text == "00:00:00"
           || std::ranges::all_of(text, [](char c) { return c == 'X' || c == ' '; });
}

void check_directories(const Slide& source, const Slide& copy, const StripPlan& plan)
{
    if (copy.format() != source.format()) {
        throw Error{Fault::data, "the copy has another format"};
    }
    std::size_t macros = 0;
    for (const auto& image : copy.images()) {
        const bool is_blanked = image.role == ImageRole::macro && plan.macro;
        macros += is_blanked ? 1 : 0;
        if (image.role != ImageRole::level && image.role != ImageRole::thumbnail && !is_blanked) {
            throw Error{Fault::data, "the copy holds a picture of the kind {}",
                        to_string(image.role)};
        }
    }
    if (copy.images().size() != plan.kept.size() || macros != (plan.macro ? 1 : 0)) {
        throw Error{Fault::data, "the copy has {} pictures instead of {}", copy.images().size(),
                    plan.kept.size()};
    }
    for (const auto& item : copy.identifying()) {
        const bool is_picture = item.name == "macro image" && plan.macro;
        if (!is_picture && (item.name.starts_with("tag ") || !is_clean(item.value.reveal()))) {
            throw Error{Fault::data, "the copy still has {}", item.name};
        }
    }
    const auto before = source.levels();
    const auto after = copy.levels();
    const bool is_same =
        std::ranges::equal(before, after, [](const SlideImage& one, const SlideImage& other) {
            return one.width == other.width && one.height == other.height
                   && one.tile_width == other.tile_width && one.tile_height == other.tile_height
                   && one.coding == other.coding && one.photometric == other.photometric;
        });
    if (!is_same) {
        throw Error{Fault::data, "the copy has other levels"};
    }
}

/// Every byte once: digest, forbidden texts, and zeros where something was.
class Reading {
public:
    Reading(const SlideFile& file, const StripPlan& plan, std::vector<std::string> forbidden)
        : m_file{&file}, m_plan{&plan}, m_search{std::move(forbidden)},
          m_next{plan.gone.ranges().begin()}
    {
    }

    std::string digest()
    {
        std::string block(std::min<std::uint64_t>(block_bytes, m_file->size()), '\0');
        for (std::uint64_t place = 0; place < m_file->size(); place += block.size()) {
            block.resize(std::min<std::uint64_t>(block.size(), m_file->size() - place));
            m_file->read(place, std::as_writable_bytes(std::span{block}));
            m_digest.add(block);
            check_zeros(block, place);
            m_search.add(block, [&](ByteSearch::Hit hit) { check(hit); });
        }
        return to_hex(m_digest.finish());
    }

private:
    void check_zeros(std::string_view block, std::uint64_t place)
    {
        const auto end = place + block.size();
        for (; m_next != m_plan->gone.ranges().end() && m_next->offset < end; ++m_next) {
            const auto from = std::max(m_next->offset, place) - place;
            const auto to = std::min(m_next->end(), end) - place;
            const auto part = block.substr(from, to - from);
            if (!std::ranges::all_of(part, [](char c) { return c == '\0'; })) {
                throw Error{Fault::data, "a removed picture or value is still in the copy"};
            }
            if (m_next->end() > end) {
                return; // goes on in the next block
            }
        }
    }

    void check(ByteSearch::Hit hit) const
    {
        // Among the billions of bytes of code streams every word of four or five letters stands somewhere by
        // chance; their headers, where a text could stand, hold none (code_stream.h).
        constexpr std::size_t no_chance = 6;
        const auto& text = m_search.texts()[hit.text];
        if (text.size() < no_chance && m_plan->pixels.contains({hit.offset, text.size()})) {
            return;
        }
        const auto first = hit.offset == 0 ? 0 : hit.offset - 1;
        const auto last = std::min(hit.offset + text.size() + 1, m_file->size());
        std::string around(last - first, '\0');
        m_file->read(first, std::as_writable_bytes(std::span{around}));
        if (is_whole(around, hit.offset - first, text)) {
            throw Error{Fault::data, "an identifying text is still in the copy, at byte {}",
                        hit.offset};
        }
    }

    const SlideFile* m_file;
    const StripPlan* m_plan;
    ByteSearch m_search;
    Sha256 m_digest;
    std::vector<ByteRange>::const_iterator m_next;
};

/// A tile that is there: the middle one, or the next.
std::uint64_t sample_of(TileTable& table)
{
    const auto middle = table.size() / 2;
    for (std::uint64_t i = 0; i < table.size(); ++i) {
        const auto index = (middle + i) % table.size();
        if (table.at(index).bytes != 0) {
            return index;
        }
    }
    return middle;
}

Region region_of(const SlideImage& level, std::size_t number, std::uint64_t tile,
                 std::uint64_t across)
{
    constexpr std::uint64_t largest = 512; // NDPI's one strip is no tile
    const auto width = level.tile_width == 0 ? largest : level.tile_width;
    const auto height = level.tile_height == 0 ? largest : level.tile_height;
    const auto x = level.tile_width == 0 ? 0 : tile % across * width;
    const auto y = level.tile_width == 0 ? 0 : tile / across * height;
    return {number, x, y, static_cast<std::uint32_t>(std::min({width, level.width - x, largest})),
            static_cast<std::uint32_t>(std::min({height, level.height - y, largest}))};
}

/// One tile of each level: its bytes, and what OpenSlide makes of them.
void check_pixels(const Slide& source, const Slide& copy)
{
    constexpr std::uint64_t most_bytes = std::uint64_t{4} << 20U;
    std::vector<Region> regions;
    const auto before = source.levels();
    const auto after = copy.levels();
    for (std::size_t i = 0; i < before.size(); ++i) {
        TileTable old_table{source.tiff(), source.tiff().directories()[before[i].directory]};
        TileTable new_table{copy.tiff(), copy.tiff().directories()[after[i].directory]};
        const auto tile = sample_of(old_table);
        const auto old_place = old_table.at(tile);
        const auto new_place = new_table.at(tile);
        // From its middle: words in its header and behind its end may have become zeros.
        const auto middle = old_place.bytes / 2;
        const auto bytes = std::min(old_place.bytes / 4, most_bytes);
        if (old_place.bytes != new_place.bytes
            || source.file().read(old_place.offset + middle, bytes)
                   != copy.file().read(new_place.offset + middle, bytes)) {
            throw Error{Fault::data, "level {} of the copy has other tiles", i};
        }
        if (is_decoded_whole(source, before[i])) {
            regions.push_back(region_of(before[i], i, tile, old_table.across()));
        }
    }
    std::vector<std::string> pixels;
    try {
        pixels = decode_regions(source.path(), regions);
    } catch (const Error&) {
        return; // no OpenSlide, or a slide it cannot read: then it says nothing about the copy either
    }
    if (decode_regions(copy.path(), regions) != pixels) {
        throw Error{Fault::data, "the copy has other pixels"};
    }
}

} // namespace

std::string verified_digest(const Slide& source, const std::filesystem::path& copy,
                            const StripPlan& plan, const StripOptions& options)
{
    const auto written = Slide::open(copy);
    check_directories(source, written, plan);
    if (plan.macro) {
        check_blanked(written, options.label_fraction);
    }
    auto digest =
        Reading{written.file(), plan, forbidden_texts(source, options.original_name)}.digest();
    check_pixels(source, written);
    return digest;
}

} // namespace fiona::wsi
