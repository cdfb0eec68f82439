// SPDX-License-Identifier: MIT
#include "libfiona/dicom/run_lengths.h"

#include <algorithm>

namespace fiona::dicom {

void RunLengths::make(std::uint64_t samples)
{
    m_missing -= std::min(samples, m_missing);
}

std::size_t RunLengths::pass(std::span<const std::byte> bytes)
{
    constexpr std::uint64_t nothing = 128;
    std::size_t at = 0;
    while (at < bytes.size() && !is_full()) {
        if (m_literal > 0) {
            const auto here = std::min({m_literal, m_missing, std::uint64_t{bytes.size() - at}});
            at += static_cast<std::size_t>(here);
            m_literal -= here;
            make(here);
        } else if (m_repeats > 0) {
            ++at;
            make(m_repeats);
            m_repeats = 0;
        } else {
            const auto control = std::to_integer<std::uint64_t>(bytes[at++]);
            m_literal = control < nothing ? control + 1 : 0;
            m_repeats = control > nothing ? 2 * nothing + 1 - control : 0;
        }
    }
    return at;
}

} // namespace fiona::dicom
