// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/jpeg_stream.h"

#include <cstdint>
#include <filesystem>
#include <memory>

namespace fiona::wsi {

/// Pixels by OpenSlide, which is loaded when it is needed (it brings two dozen libraries along) and
/// only in a limited child: the bytes are a stranger's.
class SlideDecoder {
public:
    /// Throws Error{Fault::data} if OpenSlide cannot read the slide or has no level of that size;
    /// Fault::config if OpenSlide is not installed.
    SlideDecoder(const std::filesystem::path& slide, std::uint64_t level_width,
                 std::uint64_t level_height);
    SlideDecoder(const SlideDecoder&) = delete;
    SlideDecoder& operator=(const SlideDecoder&) = delete;
    ~SlideDecoder();

    /// Three bytes for each pixel, white where there is nothing. `x` and `y` are pixels of the
    /// level. Throws Error{Fault::data} if it cannot be decoded.
    [[nodiscard]] ByteBuffer read(std::uint64_t x, std::uint64_t y, std::uint32_t width,
                                  std::uint32_t height) const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace fiona::wsi
