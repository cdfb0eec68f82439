// SPDX-License-Identifier: MIT
#include "libfiona/wsi/byte_ranges.h"

#include <algorithm>

namespace fiona::wsi {

ByteRanges::ByteRanges(std::vector<ByteRange> ranges) : m_ranges{std::move(ranges)}
{
    std::erase_if(m_ranges, [](const ByteRange& range) { return range.bytes == 0; });
    if (!std::ranges::is_sorted(m_ranges, {}, &ByteRange::offset)) {
        std::ranges::sort(m_ranges, {}, &ByteRange::offset);
    }
    std::size_t last = 0;
    for (std::size_t i = 1; i < m_ranges.size(); ++i) {
        if (m_ranges[i].offset <= m_ranges[last].end()) {
            const auto end = std::max(m_ranges[last].end(), m_ranges[i].end());
            m_ranges[last].bytes = end - m_ranges[last].offset;
        } else {
            m_ranges[++last] = m_ranges[i];
        }
    }
    m_ranges.resize(m_ranges.empty() ? 0 : last + 1);
}

bool ByteRanges::touches(const ByteRange& range) const
{
    const auto after = std::ranges::upper_bound(m_ranges, range.offset, {}, &ByteRange::offset);
    const bool by_next = after != m_ranges.end() && after->offset < range.end();
    const bool by_last = after != m_ranges.begin() && std::prev(after)->end() > range.offset;
    return range.bytes != 0 && (by_next || by_last);
}

bool ByteRanges::contains(const ByteRange& range) const
{
    const auto after = std::ranges::upper_bound(m_ranges, range.offset, {}, &ByteRange::offset);
    return after != m_ranges.begin() && std::prev(after)->end() >= range.end();
}

bool ByteRanges::touches(const ByteRanges& others) const
{
    return std::ranges::any_of(others.ranges(),
                               [&](const ByteRange& range) { return touches(range); });
}

ByteRanges ByteRanges::gaps(std::uint64_t size) const
{
    ByteRanges found;
    std::uint64_t place = 0;
    for (const auto& range : m_ranges) {
        if (range.offset > place) {
            found.m_ranges.push_back({place, range.offset - place});
        }
        place = range.end();
    }
    if (place < size) {
        found.m_ranges.push_back({place, size - place});
    }
    return found;
}

ByteRanges ByteRanges::joined_over(std::uint64_t limit) const
{
    ByteRanges joined;
    for (const auto& range : m_ranges) {
        if (!joined.m_ranges.empty() && range.offset - joined.m_ranges.back().end() <= limit) {
            joined.m_ranges.back().bytes = range.end() - joined.m_ranges.back().offset;
        } else {
            joined.m_ranges.push_back(range);
        }
    }
    return joined;
}

} // namespace fiona::wsi
