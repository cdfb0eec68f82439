// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace fiona::dicom {

/// One segment of an RLE frame (PS3.5 §G.3.1), its bytes given in pieces of any size: which of them make the
/// samples of a byte plane, and which come behind.
class RunLengths {
public:
    explicit RunLengths(std::uint64_t samples) : m_missing{samples} {}

    /// How many of the next bytes are run lengths and samples; fewer than all if the plane is full before.
    [[nodiscard]] std::size_t pass(std::span<const std::byte> bytes);
    /// Of the plane.
    [[nodiscard]] bool is_full() const { return m_missing == 0; }

private:
    void make(std::uint64_t samples);

    std::uint64_t m_missing;     ///< samples of the plane
    std::uint64_t m_literal = 0; ///< samples that follow as they are
    std::uint64_t m_repeats = 0; ///< of the sample that follows
};

} // namespace fiona::dicom
