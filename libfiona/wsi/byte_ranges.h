// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/dicom/byte_range.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace fiona::wsi {

using dicom::ByteRange;

/// Parts of a file: sorted, without overlap, neighbours joined. A million tiles are 16 MB.
class ByteRanges {
public:
    ByteRanges() = default;
    /// In any order, overlapping or not; empty ones are left out.
    explicit ByteRanges(std::vector<ByteRange> ranges);

    [[nodiscard]] const std::vector<ByteRange>& ranges() const& { return m_ranges; }
    [[nodiscard]] std::vector<ByteRange> ranges() && { return std::move(m_ranges); }
    [[nodiscard]] bool touches(const ByteRange& range) const;
    [[nodiscard]] bool contains(const ByteRange& range) const;
    [[nodiscard]] bool touches(const ByteRanges& others) const;
    /// What of a file of `size` bytes is in none of them.
    [[nodiscard]] ByteRanges gaps(std::uint64_t size) const;
    /// Without gaps of `limit` bytes or less.
    [[nodiscard]] ByteRanges joined_over(std::uint64_t limit) const;

private:
    std::vector<ByteRange> m_ranges;
};

} // namespace fiona::wsi
