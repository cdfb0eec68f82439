// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>

namespace fiona::dicom {

/// A stretch of a file, or of bytes in memory.
struct ByteRange {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;

    [[nodiscard]] std::uint64_t end() const { return offset + bytes; }
};

/// Gets what was found, piece by piece in the order of the bytes: nothing has to be held.
using RangeSink = std::function<void(const ByteRange&)>;

} // namespace fiona::dicom
