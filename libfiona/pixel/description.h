// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

class DcmItem;

namespace fiona::pixel {

/// PS3.3 §C.7.6.3.1.2, as far as we can look at them.
enum class Photometric {
    monochrome1,
    monochrome2,
    palette,
    rgb,
    ybr_full,
    ybr_full_422,
    ybr_partial_422,
    ybr_ict, ///< inside JPEG 2000 only
    ybr_rct, ///< the same
};
[[nodiscard]] std::string_view word_of(Photometric photometric);

/// How the samples of one frame lie in memory: little endian, rows from the top.
struct PixelLayout {
    std::uint32_t rows = 0;
    std::uint32_t columns = 0;
    unsigned samples = 1; ///< 1 or 3
    unsigned bits_allocated = 8;
    unsigned bits_stored = 8;
    unsigned high_bit = 7;
    bool is_signed = false;
    bool is_planar = false;
    Photometric photometric = Photometric::monochrome2;

    [[nodiscard]] std::uint64_t pixels() const { return std::uint64_t{rows} * columns; }
    [[nodiscard]] unsigned bytes_per_sample() const { return bits_allocated / 8; }
    [[nodiscard]] bool is_gray() const { return samples == 1; }
    /// Cb and Cr of two neighbours are stored once.
    [[nodiscard]] bool is_subsampled() const
    {
        return photometric == Photometric::ybr_full_422
               || photometric == Photometric::ybr_partial_422;
    }
    [[nodiscard]] std::uint64_t frame_bytes() const;
};

/// What the header says about the pixels, checked in 64 bits before anything is decoded.
struct PixelDescription {
    PixelLayout layout;
    std::uint32_t frames = 1;

    /// Throws Error{Fault::data} that says what is wrong or what is not supported: no pixel module,
    /// an illegal combination, 1-bit, 32-bit or floating point pixels, frames of more than
    /// `max_frame_bytes`.
    [[nodiscard]] static PixelDescription read(DcmItem& data_set);

    static constexpr std::uint64_t max_frame_bytes = std::uint64_t{256} << 20U;
    static constexpr std::uint64_t max_total_bytes = std::uint64_t{1} << 40U;
};

/// Reads US values strictly (one value, this VR); throws Error{Fault::data} naming `what`.
[[nodiscard]] std::uint16_t required_us(DcmItem& item, std::uint16_t group, std::uint16_t element,
                                        std::string_view what);

} // namespace fiona::pixel
