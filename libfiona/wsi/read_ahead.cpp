// SPDX-License-Identifier: MIT
#include "libfiona/wsi/read_ahead.h"

#include <algorithm>

namespace fiona::wsi {

ByteSpan ReadAhead::read(std::uint64_t offset, std::uint64_t bytes)
{
    constexpr std::uint64_t block = std::uint64_t{2} << 20U;
    constexpr std::uint64_t near = std::uint64_t{64} << 10U; // what others left between two pieces
    const bool is_here = offset >= m_begin && offset - m_begin <= m_block.size()
                         && bytes <= m_block.size() - (offset - m_begin);
    if (!is_here) {
        const bool is_behind = offset >= m_last_end && offset - m_last_end <= near;
        const auto size = m_file->size();
        auto wanted = bytes;
        if (is_behind && offset < size) {
            wanted = std::max(bytes, std::min(block, size - offset));
        }
        m_block.clear(); // nothing is here if reading fails
        m_block = m_file->read(offset, wanted);
        m_begin = offset;
    }
    m_last_end = offset + bytes;
    return ByteSpan{m_block}.subspan(offset - m_begin, bytes);
}

} // namespace fiona::wsi
