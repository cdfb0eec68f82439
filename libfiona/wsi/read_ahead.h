// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/jpeg_stream.h"
#include "libfiona/wsi/slide_file.h"

#include <cstdint>

namespace fiona::wsi {

/// Pieces of a slide that mostly lie one behind the other, read in large blocks while they do.
class ReadAhead {
public:
    explicit ReadAhead(const SlideFile& file) : m_file{&file} {}

    /// Lives until the next call. Throws Error{Fault::data} if it lies outside the file.
    [[nodiscard]] ByteSpan read(std::uint64_t offset, std::uint64_t bytes);

private:
    const SlideFile* m_file;
    std::uint64_t m_begin = 0; ///< of the block in memory
    std::uint64_t m_last_end = 0;
    ByteBuffer m_block;
};

} // namespace fiona::wsi
