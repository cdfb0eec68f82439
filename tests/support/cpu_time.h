// SPDX-License-Identifier: MIT
#pragma once

#include <ctime>

/// The work of this process alone, in seconds: how busy the machine is does not count.
class CpuTime {
public:
    [[nodiscard]] double seconds() const
    {
        return static_cast<double>(std::clock() - m_start) / CLOCKS_PER_SEC;
    }

private:
    std::clock_t m_start = std::clock();
};
