// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

/// The first look at a stranger's bytes: an iterative walk over a Part 10 file that believes no
/// length. Only what passes it may be given to DCMTK (3.6.7 recurses without limit).
namespace fiona::dicom {

struct PrescanLimits {
    std::size_t max_depth = 64; ///< nested sequences
    std::size_t max_elements = 10'000'000;
    /// Steps of DCMTK's linear searches: for the place of an element out of order, and for the creator
    /// of a private one. Both grow with the square of what a small file can hold.
    std::uint64_t max_search_steps = 250'000'000;
    std::uint64_t max_meta_bytes = 1U << 20U; ///< group 0002
    std::uint64_t max_inflate_ratio = 100;    ///< deflated data sets
    std::uint64_t max_inflated_bytes = std::uint64_t{2} << 30U;
};

struct Prescan {
    std::string transfer_syntax; ///< (0002,0010)
    std::string sop_class;       ///< (0008,0016), (0008,0018), (0020,000D), (0020,000E) of the data
    std::string sop_instance; ///< set, top level, trailing pad removed; "" if absent. Not checked
    std::string study;        ///< to be legal UIDs: the caller decides what that means
    std::string series;
    std::string meta_sop_class; ///< (0002,0002), (0002,0003)
    std::string meta_sop_instance;
    std::uint64_t file_bytes = 0;
    std::uint64_t data_set_offset = 0; ///< first byte behind group 0002
    /// Byte offset of the top-level pixel data element (7FE0,0008/0009/0010); nothing if there is
    /// none, or if the data set is deflated.
    std::optional<std::uint64_t> pixel_data_offset;
    std::size_t deepest = 0; ///< deepest nesting seen
};

/// Throws Error{Fault::data} with the kind of fault and the byte offset (never a value) if the file
/// is no Part 10 file, is truncated, or its structure lies; Fault::io if it cannot be read.
/// A file without preamble and meta header is refused too: fiona stores none.
///
/// Tolerated, because scanners and archives send it: elements out of order or repeated (the first
/// one at top level counts, as for DCMTK), odd lengths, and in explicit VR value representations of
/// unknown but upper-case letters: all new ones have the four-byte length (PS3.5 §7.1.2).
[[nodiscard]] Prescan prescan_file(const std::filesystem::path& file,
                                   const PrescanLimits& limits = {});
/// The same for an open file (borrowed), from its first byte; its file offset is left alone.
[[nodiscard]] Prescan prescan(int fd, const PrescanLimits& limits = {});
/// The same for a file whose bytes are all in memory.
[[nodiscard]] Prescan prescan(std::span<const std::byte> file, const PrescanLimits& limits = {});

} // namespace fiona::dicom
