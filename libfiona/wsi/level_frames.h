// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/jpeg_stream.h"
#include "libfiona/wsi/slide.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace fiona::wsi {

/// How the frames of a level are coded, in DICOM's words.
struct FrameCoding {
    std::string transfer_syntax;
    std::string photometric;
    bool is_lossless = false;
    std::uint32_t tile_width = 0; ///< pixels, of every frame
    std::uint32_t tile_height = 0;
};

/// The frames of one level, left to right, then down: what TILED_FULL means (PS3.3 C.7.6.17.3). One is in
/// memory. The slide outlives it.
class LevelFrames {
public:
    LevelFrames(const LevelFrames&) = delete;
    LevelFrames& operator=(const LevelFrames&) = delete;
    virtual ~LevelFrames() = default;

    [[nodiscard]] const FrameCoding& coding() const { return m_coding; }
    [[nodiscard]] std::uint64_t frames() const { return m_frames; }
    /// Of all frames together; never less than they have in the end.
    [[nodiscard]] std::uint64_t most_bytes() const { return m_most_bytes; }
    /// Frames so far whose code stream is the slide's own.
    [[nodiscard]] std::uint64_t passed_through() const { return m_passed_through; }

    /// The next frame, which lives until the next call. Nothing if it cannot be passed through after
    /// all: then the whole level has to be encoded anew, and why_not() says why.
    /// Throws Error{Fault::data} if it is damaged.
    [[nodiscard]] virtual std::optional<ByteSpan> next() = 0;
    [[nodiscard]] virtual const std::string& why_not() const = 0;

protected:
    LevelFrames() = default;

    FrameCoding m_coding{};             // NOLINT(*-non-private-*) filled by who opens the level
    std::uint64_t m_frames = 0;         // NOLINT(*-non-private-*) the same
    std::uint64_t m_most_bytes = 0;     // NOLINT(*-non-private-*) the same
    std::uint64_t m_passed_through = 0; // NOLINT(*-non-private-*) the same
};

/// A level whose code streams are used as they are, or why that cannot be.
struct Passage {
    std::unique_ptr<LevelFrames> frames; ///< or null
    std::string why_not{};
};

/// Tiles of JPEG or JPEG 2000 of Aperio's and other TIFFs. Throws Error{Fault::data} if it is damaged.
[[nodiscard]] Passage pass_tiles(const Slide& slide, const SlideImage& level);
/// Hamamatsu's JPEG of restart intervals, cut.
[[nodiscard]] Passage pass_intervals(const Slide& slide, const SlideImage& level);
/// Whichever of the two fits.
[[nodiscard]] Passage pass_through(const Slide& slide, const SlideImage& level);

/// Any level, decoded by OpenSlide in limited children, several at a time, and encoded by JPEG.
[[nodiscard]] std::unique_ptr<LevelFrames> encode_anew(const Slide& slide, const SlideImage& level);

} // namespace fiona::wsi
