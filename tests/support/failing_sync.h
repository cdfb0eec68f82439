// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <stdexcept>

/// Something in the place of a file that takes what is written, up to 64 kB, and cannot be synced: a pipe.
class FailingSync {
public:
    static constexpr int error_number = EINVAL; ///< of fsync(2) and fdatasync(2)

    FailingSync()
    {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            throw std::runtime_error{"no pipe"};
        }
        m_out = fiona::UniqueFd{ends[0]};
        m_in = fiona::UniqueFd{ends[1]};
    }
    /// From now on `fd` is this.
    void take_place_of(int fd) const
    {
        if (::dup3(m_in.get(), fd, O_CLOEXEC) != fd) {
            throw std::runtime_error{"the descriptor cannot be replaced"};
        }
    }

private:
    fiona::UniqueFd m_out{};
    fiona::UniqueFd m_in{};
};
