// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/slide_file.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The directories of a TIFF, BigTIFF or NDPI file, of strangers: every offset and count is checked, a
/// loop ends the reading, at most `max_directories` are followed.
namespace fiona::wsi {

inline constexpr std::size_t max_directories = 1000;
/// Of one directory; scanners write some twenty to fifty.
inline constexpr std::uint64_t max_entries = 4096;
inline constexpr std::size_t max_entries_of_all = 65'536;

/// Bytes of one element of a TIFF 6.0 or BigTIFF field type, 0 if there is no such type.
[[nodiscard]] std::uint64_t element_bytes(std::uint16_t type);

enum class TiffKind {
    classic, ///< TIFF 6.0: magic 42, offsets of 32 bits
    big,     ///< magic 43, offsets of 64 bits
    ndpi,    ///< Hamamatsu: magic 42 and tag 65420, offsets of 64 bits in a layout of its own
};

/// Where a value lies; it is read only when asked for.
struct TiffEntry {
    std::uint16_t tag = 0;
    std::uint16_t type = 0;         ///< TIFF 6.0 field type, 16 to 18 of BigTIFF
    std::uint64_t count = 0;        ///< of elements
    std::uint64_t entry_offset = 0; ///< of the entry itself, in the file
    std::uint64_t value_offset =
        0;                   ///< of the first byte of the value: inside the entry if it is short
    std::uint64_t bytes = 0; ///< length of the value; 0 if the type is none we know
    std::uint32_t high = 0;  ///< NDPI above 4 GiB: the upper half of a single LONG
};

struct TiffDirectory {
    std::uint64_t offset = 0; ///< where it begins
    std::uint64_t pointer_offset =
        0; ///< where the file names `offset`: header, directory before, SubIFDs
    std::uint64_t next_offset = 0; ///< where it names the next one: what unlinking patches
    std::uint64_t next = 0;        ///< the next one; 0: the last
    bool is_sub_directory = false; ///< reached by SubIFDs (tag 330)
    std::uint64_t bytes = 0; ///< from its count to the end of `next`, NDPI's high words included
    std::vector<TiffEntry> entries;

    [[nodiscard]] const TiffEntry* find(std::uint16_t tag) const;
};

class Tiff {
public:
    /// `file` outlives it. Throws Error{Fault::data}: no TIFF, or damaged.
    explicit Tiff(const SlideFile& file);

    [[nodiscard]] TiffKind kind() const { return m_kind; }
    [[nodiscard]] bool is_big_endian() const { return m_is_big_endian; }
    /// Bytes of an offset where the file names one: 4 or 8.
    [[nodiscard]] std::size_t offset_bytes() const { return m_kind == TiffKind::classic ? 4 : 8; }
    /// The chain in its order, then what is reached by SubIFDs.
    [[nodiscard]] const std::vector<TiffDirectory>& directories() const { return m_directories; }
    [[nodiscard]] const SlideFile& file() const { return *m_file; }

    /// The only or first number of an integer field; nothing if it is absent or no integer.
    [[nodiscard]] std::optional<std::uint64_t> number(const TiffDirectory& directory,
                                                      std::uint16_t tag) const;
    /// All of an integer field. Throws Error{Fault::data} above `limit` elements.
    [[nodiscard]] std::vector<std::uint64_t> numbers(const TiffDirectory& directory,
                                                     std::uint16_t tag, std::uint64_t limit) const;
    /// `count` of them from `first` on: tables of tiles are read piece by piece. Throws Error{Fault::data}
    /// if the field has fewer, or holds no integers without sign.
    [[nodiscard]] std::vector<std::uint64_t> numbers(const TiffEntry& entry, std::uint64_t first,
                                                     std::uint64_t count) const;
    /// FLOAT, DOUBLE, RATIONAL and integers.
    [[nodiscard]] std::optional<double> real(const TiffDirectory& directory,
                                             std::uint16_t tag) const;
    /// The bytes of a value, "" if it is absent. Throws Error{Fault::data} above `limit` bytes.
    [[nodiscard]] std::string bytes(const TiffDirectory& directory, std::uint16_t tag,
                                    std::uint64_t limit) const;

private:
    struct Shape; ///< of a directory in this kind of file
    class Reader;
    [[nodiscard]] std::uint64_t load(std::span<const std::byte> bytes) const;
    [[nodiscard]] Shape shape() const;
    std::uint64_t read_header();

    const SlideFile* m_file;
    TiffKind m_kind = TiffKind::classic;
    bool m_is_big_endian = false;
    std::vector<TiffDirectory> m_directories;
};

} // namespace fiona::wsi
