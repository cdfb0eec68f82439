// SPDX-License-Identifier: MIT
#include "libfiona/wsi/tile_table.h"

#include "libfiona/base/error.h"
#include "libfiona/wsi/tiff_tags.h"

#include <algorithm>

namespace fiona::wsi {

namespace {

constexpr std::uint64_t block = 8192;
constexpr std::uint64_t low_word = 0xffffffff;

std::uint64_t parts(std::uint64_t length, std::uint64_t of)
{
    return length / of + (length % of == 0 ? 0 : 1);
}

std::uint64_t at_least_one(std::optional<std::uint64_t> value, std::string_view what)
{
    if (value.value_or(0) == 0 || *value > low_word) {
        throw Error{Fault::data, "a picture without {}", what};
    }
    return *value;
}

} // namespace

TileTable::TileTable(const Tiff& tiff, const TiffDirectory& directory)
    : m_tiff{&tiff}, m_is_tiled{directory.find(tag::tile_width) != nullptr}
{
    const auto width = at_least_one(tiff.number(directory, tag::image_width), "width");
    const auto height = at_least_one(tiff.number(directory, tag::image_length), "height");
    if (m_is_tiled) {
        m_across = parts(width, at_least_one(tiff.number(directory, tag::tile_width), "tiles"));
        // Both are below 2^32.
        m_size = m_across
                 * parts(height, at_least_one(tiff.number(directory, tag::tile_length), "tiles"));
    } else {
        const auto rows = tiff.number(directory, tag::rows_per_strip).value_or(low_word);
        m_size = parts(height, at_least_one(rows, "rows in its strips"));
    }
    constexpr std::uint64_t separate = 2; // PlanarConfiguration: a table for each component
    if (tiff.number(directory, tag::planar_configuration) == separate) {
        const auto samples = tiff.number(directory, tag::samples_per_pixel).value_or(1);
        if (samples == 0 || samples > 64 || m_size > low_word) {
            throw Error{Fault::data, "a picture of {} components", samples};
        }
        m_size *= samples;
    }
    m_offsets = directory.find(m_is_tiled ? tag::tile_offsets : tag::strip_offsets);
    m_byte_counts = directory.find(m_is_tiled ? tag::tile_byte_counts : tag::strip_byte_counts);
    if (m_offsets == nullptr || m_byte_counts == nullptr) {
        throw Error{Fault::data, "a picture without the places of its {}",
                    m_is_tiled ? "tiles" : "strips"};
    }
    if (m_offsets->count != m_size || m_byte_counts->count != m_size) {
        throw Error{Fault::data,      "{} places and {} lengths for {} {}",
                    m_offsets->count, m_byte_counts->count,
                    m_size,           m_is_tiled ? "tiles" : "strips"};
    }
    if (tiff.kind() == TiffKind::ndpi && !m_is_tiled) {
        const auto high = [&](std::uint16_t number) {
            const auto* const entry = directory.find(number);
            return entry != nullptr && entry->count == m_size ? entry : nullptr;
        };
        m_offsets_high = high(tag::ndpi_strip_offsets_high);
        m_byte_counts_high = high(tag::ndpi_strip_byte_counts_high);
    }
}

void TileTable::load(std::uint64_t first)
{
    m_first = first;
    const auto count = std::min(block, m_size - first);
    const auto read = [&](const TiffEntry& low, const TiffEntry* high) {
        auto numbers = m_tiff->numbers(low, first, count);
        if (high != nullptr) {
            const auto words = m_tiff->numbers(*high, first, count);
            for (std::size_t i = 0; i < numbers.size(); ++i) {
                numbers[i] = (numbers[i] & low_word) | words[i] << 32U;
            }
        }
        return numbers;
    };
    const auto offsets = read(*m_offsets, m_offsets_high);
    const auto lengths = read(*m_byte_counts, m_byte_counts_high);
    m_block.resize(count);
    for (std::size_t i = 0; i < count; ++i) {
        m_block[i] = {offsets[i], lengths[i]};
    }
}

TileExtent TileTable::at(std::uint64_t index)
{
    if (index >= m_size) {
        throw Error{Fault::internal, "tile {} of {}", index, m_size};
    }
    if (m_block.empty() || index < m_first || index - m_first >= m_block.size()) {
        load(index - index % block);
    }
    const auto extent = m_block[index - m_first];
    const auto end = m_tiff->file().size();
    if (extent.bytes != 0 && (extent.offset > end || extent.bytes > end - extent.offset)) {
        throw Error{Fault::data, "{} {} lies outside the file", m_is_tiled ? "tile" : "strip",
                    index};
    }
    return extent;
}

void TileTable::check()
{
    for (std::uint64_t i = 0; i < m_size; ++i) {
        static_cast<void>(at(i));
    }
}

} // namespace fiona::wsi
