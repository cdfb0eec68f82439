// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/byte_range.h"
#include "libfiona/dicom/coding.h"
#include "libfiona/dicom/prescan_source.h"

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string_view>

/// The pixel data element of a data set where it lies, and what in it is no picture.
namespace fiona::dicom {

/// (7FE0,0008), (7FE0,0009) or (7FE0,0010).
struct PixelElement {
    Tag tag;
    std::array<char, 2> vr{}; ///< NULs in implicit VR
    bool is_encapsulated = false;
    std::uint64_t offset = 0; ///< of the element in the file
    std::uint64_t value_offset = 0;
    std::uint64_t value_length = 0; ///< of native data
};

/// Reads its head. Throws Error{Fault::data} if it or a native value reaches beyond the end.
[[nodiscard]] PixelElement read_pixel_element(const StoredBytes& bytes, std::uint64_t offset,
                                              Coding coding);

/// Throws Error{Fault::data} if it cannot be pixel data in this transfer syntax (PS3.5 §8.2, §A.4): a
/// sequence, a length that must not be undefined, or must be.
void require_legal(const PixelElement& element, std::string_view transfer_syntax);

/// Behind its value, or its delimiter. Throws Error{Fault::data} if it has none.
[[nodiscard]] std::uint64_t end_of(const StoredBytes& bytes, const PixelElement& element);

/// Where the first fragment's item begins if the Basic Offset Table before it says anything but the places of
/// items in rising order (PS3.5 §A.4); nothing if it is sound, or empty.
[[nodiscard]] std::optional<std::uint64_t> behind_bad_offset_table(const StoredBytes& bytes,
                                                                   const PixelElement& element);

/// What the header says of the samples, as far as their bytes can be counted (PS3.3 §C.7.6.3).
struct PixelShape {
    std::uint64_t rows = 0; ///< 0: it does not say
    std::uint64_t columns = 0;
    std::uint64_t samples = 1;
    std::uint64_t bits_allocated = 0; ///< 0: it does not say
    std::uint64_t frames = 1;         ///< 0: what it says is no number
    bool shares_chrominance = false;  ///< one pair for two pixels, in native data

    /// Two samples a pixel, not three; in native data, unless their length says otherwise.
    [[nodiscard]] bool is_halved() const { return shares_chrominance && samples == 3; }
    /// Of one frame, rounded up. Nothing if the header does not say, or if it is too much.
    [[nodiscard]] std::optional<std::uint64_t> frame_bytes(const PixelElement& element) const;
    /// Of all frames in native data, padded to an even length. Of the ways in which frames are known to be laid out
    /// the one that fits the length, if one does.
    [[nodiscard]] std::optional<std::uint64_t> value_bytes(const PixelElement& element) const;
};

/// Tells of every byte of the element that is neither zero nor picture: in the code streams (code_stream.h),
/// in native data what is behind the last frame. Throws Error{Fault::data} if that cannot be told: code
/// streams that cannot be walked, or are not as many as the frames, a native value of a header that says
/// too little, or with room for one more frame behind the last one that is not all zeros.
void find_remarks(const StoredBytes& bytes, const PixelElement& element,
                  std::string_view transfer_syntax, const PixelShape& shape, const RangeSink& sink);

/// Whether the values of (7FE0,0001) and (7FE0,0002) in little endian say where the item of each fragment
/// begins and how long it is, padded or not, and nothing else (PS3.3 §C.7.6.3.1.8: a fragment for each frame).
/// Never for native data. Throws Error{Fault::data} if the fragments have no end.
[[nodiscard]] bool fit_fragments(const StoredBytes& bytes, const PixelElement& element,
                                 std::span<const std::byte> offsets,
                                 std::span<const std::byte> lengths);

/// How to ask for what stands at the top level of a header.
struct HeaderFacts {
    /// The first value of a US; nothing if there is none.
    std::function<std::optional<unsigned>(Tag)> number;
    std::function<bool(Tag)> has_value; ///< not empty
};

/// Whether an overlay can be in bits of the words that hold samples which are none of theirs (PS3.5 §8.1.2,
/// retired): a group 60xx names such a bit, or nobody can tell. Not if the bit is 0 and the group has data of
/// its own, in which they begin with that; with any other bit it may have both.
[[nodiscard]] bool has_overlay_in_samples(const HeaderFacts& header);

} // namespace fiona::dicom
