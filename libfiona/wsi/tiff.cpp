// SPDX-License-Identifier: MIT
#include "libfiona/wsi/tiff.h"

#include "libfiona/base/error.h"
#include "libfiona/wsi/tiff_tags.h"

#include <array>
#include <bit>
#include <deque>
#include <set>

namespace fiona::wsi {

namespace {

constexpr std::uint16_t type_byte = 1;
constexpr std::uint16_t type_short = 3;
constexpr std::uint16_t type_long = 4;
constexpr std::uint16_t type_rational = 5;
constexpr std::uint16_t type_signed_byte = 6;
constexpr std::uint16_t type_signed_short = 8;
constexpr std::uint16_t type_signed_long = 9;
constexpr std::uint16_t type_signed_rational = 10;
constexpr std::uint16_t type_float = 11;
constexpr std::uint16_t type_double = 12;
constexpr std::uint16_t type_directory = 13;
constexpr std::uint16_t type_long8 = 16;
constexpr std::uint16_t type_signed_long8 = 17;
constexpr std::uint16_t type_directory8 = 18;

bool is_unsigned(std::uint16_t type)
{
    return type == type_byte || type == type_short || type == type_long || type == type_directory
           || type == type_long8 || type == type_directory8;
}

std::optional<double> signed_number(std::uint16_t type, std::uint64_t bits)
{
    switch (type) {
    case type_signed_byte: return static_cast<std::int8_t>(bits);
    case type_signed_short: return static_cast<std::int16_t>(bits);
    case type_signed_long: return static_cast<std::int32_t>(bits);
    case type_signed_long8: return static_cast<double>(static_cast<std::int64_t>(bits));
    default: return std::nullopt;
    }
}

} // namespace

std::uint64_t element_bytes(std::uint16_t type)
{
    // TIFF 6.0 section 2; 13 of its first supplement; 16 to 18 of BigTIFF
    constexpr std::array<std::uint8_t, 19> sizes{0, 1, 1, 2, 4, 8, 1, 1, 2, 4,
                                                 8, 4, 8, 4, 0, 0, 8, 8, 8};
    return type < sizes.size() ? sizes.at(type) : 0;
}

const TiffEntry* TiffDirectory::find(std::uint16_t tag) const
{
    for (const auto& entry : entries) {
        if (entry.tag == tag) {
            return &entry;
        }
    }
    return nullptr;
}

struct Tiff::Shape {
    std::size_t count;  ///< bytes of the number of entries
    std::size_t entry;  ///< bytes of an entry
    std::size_t value;  ///< bytes of an entry's value
    std::size_t next;   ///< bytes of the offset of the next directory
    bool has_high_word; ///< four bytes for each entry, behind `next`
};

Tiff::Shape Tiff::shape() const
{
    switch (m_kind) {
    case TiffKind::big: return {8, 20, 8, 8, false};
    case TiffKind::ndpi:
        // Below 4 GiB they can only be zero, and some writers leave them out.
        return {2, 12, 4, 8, m_file->size() > 0xffffffff};
    case TiffKind::classic: break;
    }
    return {2, 12, 4, 4, false};
}

std::uint64_t Tiff::load(std::span<const std::byte> bytes) const
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        value = value << 8U
                | std::to_integer<std::uint64_t>(m_is_big_endian ? bytes[i]
                                                                 : bytes[bytes.size() - 1 - i]);
    }
    return value;
}

class Tiff::Reader {
public:
    explicit Reader(const Tiff& tiff) : m_tiff{&tiff}, m_shape{tiff.shape()} {}

    /// The directory that the file names at `pointer_offset`.
    [[nodiscard]] TiffDirectory directory(std::uint64_t offset, std::uint64_t pointer_offset) const
    {
        const auto& file = *m_tiff->m_file;
        TiffDirectory directory;
        directory.offset = offset;
        directory.pointer_offset = pointer_offset;
        const auto count = m_tiff->load(file.read(offset, m_shape.count));
        if (count == 0 || count > max_entries) {
            throw Error{Fault::data, "a directory of {} entries", count};
        }
        const auto entries = offset + m_shape.count;
        directory.next_offset = entries + count * m_shape.entry;
        directory.bytes = m_shape.count + count * m_shape.entry + m_shape.next
                          + (m_shape.has_high_word ? 4 * count : 0);
        const auto all = file.read(offset, directory.bytes);
        const std::span bytes{all};
        directory.next = m_tiff->load(bytes.subspan(directory.next_offset - offset, m_shape.next));
        for (std::size_t i = 0; i < count; ++i) {
            std::uint32_t high = 0;
            if (m_shape.has_high_word) {
                const auto words = directory.next_offset - offset + m_shape.next;
                high = static_cast<std::uint32_t>(m_tiff->load(bytes.subspan(words + 4 * i, 4)));
            }
            const auto place = m_shape.count + i * m_shape.entry;
            directory.entries.push_back(
                entry(bytes.subspan(place, m_shape.entry), offset + place, high));
        }
        return directory;
    }

private:
    [[nodiscard]] TiffEntry entry(std::span<const std::byte> bytes, std::uint64_t place,
                                  std::uint32_t high) const
    {
        const auto value = m_shape.entry - m_shape.value;
        TiffEntry entry;
        entry.tag = static_cast<std::uint16_t>(m_tiff->load(bytes.subspan(0, 2)));
        entry.type = static_cast<std::uint16_t>(m_tiff->load(bytes.subspan(2, 2)));
        entry.count = m_tiff->load(bytes.subspan(4, value - 4));
        entry.entry_offset = place;
        entry.value_offset = place + value;
        const auto size = element_bytes(entry.type);
        const auto& file = *m_tiff->m_file;
        if (size == 0) {
            return entry;
        }
        if (entry.count > file.size() / size) {
            throw Error{Fault::data, "tag {} has {} values, more than the file", entry.tag,
                        entry.count};
        }
        entry.bytes = entry.count * size;
        if (entry.bytes <= m_shape.value) {
            entry.high = entry.type == type_long && entry.count == 1 ? high : 0;
            return entry;
        }
        entry.value_offset = std::uint64_t{high} << 32U | m_tiff->load(bytes.subspan(value));
        if (entry.value_offset > file.size() || entry.bytes > file.size() - entry.value_offset) {
            throw Error{Fault::data, "the value of tag {} lies outside the file", entry.tag};
        }
        return entry;
    }

    const Tiff* m_tiff;
    Shape m_shape;
};

namespace {

struct Named {
    std::uint64_t offset; ///< of a directory
    std::uint64_t pointer_offset;
    bool is_sub_directory;
};

} // namespace

/// Finds out what kind of file it is. Gives the place of its first directory.
std::uint64_t Tiff::read_header()
{
    const auto start = m_file->read(0, std::min<std::uint64_t>(m_file->size(), 16));
    if (start.size() < 8) {
        throw Error{Fault::data, "no TIFF file"};
    }
    const std::span head{start};
    m_is_big_endian = start[0] == std::byte{'M'};
    const auto letter = m_is_big_endian ? std::byte{'M'} : std::byte{'I'};
    const auto magic = load(head.subspan(2, 2));
    if (start[0] != letter || start[1] != letter || (magic != 42 && magic != 43)) {
        throw Error{Fault::data, "no TIFF file"};
    }
    if (magic == 43) {
        m_kind = TiffKind::big;
        if (start.size() < 16 || load(head.subspan(4, 2)) != 8 || load(head.subspan(6, 2)) != 0) {
            throw Error{Fault::data, "a BigTIFF file with offsets of a strange size"};
        }
        return load(head.subspan(8, 8));
    }
    const auto offset = load(head.subspan(4, 4));
    if (m_is_big_endian || start.size() < 16) {
        return offset;
    }
    // An NDPI file says what it is only in its first directory, laid out as NDPI's are.
    const auto long_offset = load(head.subspan(4, 8));
    m_kind = TiffKind::ndpi;
    try {
        if (Reader{*this}.directory(long_offset, 4).find(tag::ndpi_format) != nullptr) {
            return long_offset;
        }
    } catch (const Error&) { // then it is none
    }
    m_kind = TiffKind::classic;
    return offset;
}

Tiff::Tiff(const SlideFile& file) : m_file{&file}
{
    const auto first = read_header();
    const Reader reader{*this};
    std::set<std::uint64_t> seen;
    std::size_t entries = 0;
    std::deque<Named> chains{{first, m_kind == TiffKind::big ? 8U : 4U, false}};
    while (!chains.empty()) {
        auto named = chains.front();
        chains.pop_front();
        while (named.offset != 0) {
            if (!seen.insert(named.offset).second) {
                throw Error{Fault::data, "the directories form a loop"};
            }
            if (m_directories.size() == max_directories) {
                throw Error{Fault::data, "more than {} directories", max_directories};
            }
            m_directories.push_back(reader.directory(named.offset, named.pointer_offset));
            auto& directory = m_directories.back();
            directory.is_sub_directory = named.is_sub_directory;
            entries += directory.entries.size();
            if (entries > max_entries_of_all) {
                throw Error{Fault::data, "more than {} entries in its directories",
                            max_entries_of_all};
            }
            std::uint64_t place = 0;
            for (const auto offset : numbers(directory, tag::sub_directories, max_directories)) {
                const auto& entry = *directory.find(tag::sub_directories);
                chains.push_back(
                    {offset, entry.value_offset + place++ * element_bytes(entry.type), true});
            }
            named = {directory.next, directory.next_offset, named.is_sub_directory};
        }
    }
    if (m_directories.empty()) {
        throw Error{Fault::data, "a TIFF file without directories"};
    }
}

std::vector<std::uint64_t> Tiff::numbers(const TiffEntry& entry, std::uint64_t first,
                                         std::uint64_t count) const
{
    if (!is_unsigned(entry.type)) {
        throw Error{Fault::data, "tag {} holds no whole numbers", entry.tag};
    }
    if (first > entry.count || count > entry.count - first) {
        throw Error{Fault::data, "tag {} has only {} values", entry.tag, entry.count};
    }
    const auto size = element_bytes(entry.type);
    const auto bytes = m_file->read(entry.value_offset + first * size, count * size);
    std::vector<std::uint64_t> numbers(count);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        numbers[i] =
            load(std::span{bytes}.subspan(i * size, size)) | std::uint64_t{entry.high} << 32U;
    }
    return numbers;
}

std::vector<std::uint64_t> Tiff::numbers(const TiffDirectory& directory, std::uint16_t tag,
                                         std::uint64_t limit) const
{
    const auto* const entry = directory.find(tag);
    if (entry == nullptr) {
        return {};
    }
    if (entry->count > limit) {
        throw Error{Fault::data, "tag {} has {} values, {} are allowed", tag, entry->count, limit};
    }
    return numbers(*entry, 0, entry->count);
}

std::optional<std::uint64_t> Tiff::number(const TiffDirectory& directory, std::uint16_t tag) const
{
    const auto* const entry = directory.find(tag);
    if (entry == nullptr || entry->count == 0 || !is_unsigned(entry->type)) {
        return std::nullopt;
    }
    return numbers(*entry, 0, 1).front();
}

std::optional<double> Tiff::real(const TiffDirectory& directory, std::uint16_t tag) const
{
    const auto* const entry = directory.find(tag);
    if (entry == nullptr || entry->count == 0 || entry->bytes == 0) {
        return std::nullopt;
    }
    if (is_unsigned(entry->type)) {
        return static_cast<double>(numbers(*entry, 0, 1).front());
    }
    const auto bytes = m_file->read(entry->value_offset, element_bytes(entry->type));
    const std::span value{bytes};
    switch (entry->type) {
    case type_float: return std::bit_cast<float>(static_cast<std::uint32_t>(load(value)));
    case type_double: return std::bit_cast<double>(load(value));
    case type_rational:
    case type_signed_rational: {
        const auto part = [&](std::size_t place) {
            const auto bits = load(value.subspan(place, 4));
            return entry->type == type_rational ? static_cast<double>(bits)
                                                : static_cast<double>(static_cast<std::int32_t>(
                                                    static_cast<std::uint32_t>(bits)));
        };
        return part(4) == 0.0 ? std::nullopt : std::optional{part(0) / part(4)};
    }
    default: return signed_number(entry->type, load(value));
    }
}

std::string Tiff::bytes(const TiffDirectory& directory, std::uint16_t tag,
                        std::uint64_t limit) const
{
    const auto* const entry = directory.find(tag);
    if (entry == nullptr) {
        return {};
    }
    if (entry->bytes > limit) {
        throw Error{Fault::data, "tag {} has {} bytes, {} are allowed", tag, entry->bytes, limit};
    }
    std::string value(entry->bytes, '\0');
    m_file->read(entry->value_offset, std::as_writable_bytes(std::span{value}));
    return value;
}

} // namespace fiona::wsi
