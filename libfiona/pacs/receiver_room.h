// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/store/disk_space.h"
#include "libfiona/store/spool.h"

#include <chrono>
#include <filesystem>

namespace fiona::pacs {

/// Whether another object may be taken: free space and inodes of the archive, length of the spool.
/// Answers are cached for a second; a long spool is counted so rarely that counting costs
/// at most 2 % of the time. Logs `disk_low` and `spool_long` once a minute.
class Room {
public:
    using Now = std::chrono::steady_clock::time_point;

    /// Both are borrowed.
    Room(const Config& config, const store::Spool& spool);

    /// Nothing, or why no object may be taken now (at most 64 characters, for an ErrorComment).
    /// A disk that cannot be asked has no room.
    [[nodiscard]] std::string_view refusal(Now now);
    /// As seen by the last refusal().
    [[nodiscard]] store::DiskState disk() const { return m_disk; }

private:
    void look_at_disk();
    void look_at_spool(Now now);
    void warn(std::string_view event, Now now);

    const Config& m_config;
    const store::Spool& m_spool;
    store::DiskState m_disk = store::DiskState::ok;
    std::size_t m_waiting = 0;
    Now m_disk_valid_until;
    Now m_spool_valid_until;
    Now m_next_warning;
};

[[nodiscard]] std::string_view name_of(store::DiskState state);

} // namespace fiona::pacs
