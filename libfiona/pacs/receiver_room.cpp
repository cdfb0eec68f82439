// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_room.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

namespace fiona::pacs {

namespace {

constexpr std::chrono::seconds cached_for{1};
constexpr std::chrono::minutes between_warnings{1};
constexpr int counting_share = 50; // one part counting, so many parts not

} // namespace

Room::Room(const Config& config, const store::Spool& spool) : m_config{config}, m_spool{spool} {}

void Room::warn(std::string_view event, Now now)
{
    if (now >= m_next_warning) {
        m_next_warning = now + between_warnings;
        log::warn(event, {{"disk", name_of(m_disk)}, {"spool", m_waiting}});
    }
}

void Room::look_at_disk()
{
    try {
        m_disk = store::disk_state(store::disk_space(m_config.paths.archive()), m_config.receiver);
    } catch (const Error&) {
        m_disk = store::DiskState::hard;
    }
}

void Room::look_at_spool(Now now)
{
    try {
        m_waiting = m_spool.count_waiting(m_config.receiver.spool_max);
    } catch (const Error&) {
        m_waiting = m_config.receiver.spool_max;
    }
    const auto took = std::chrono::steady_clock::now() - now;
    m_spool_valid_until = now + cached_for + counting_share * took;
}

std::string_view Room::refusal(Now now)
{
    if (now >= m_disk_valid_until) {
        look_at_disk();
        m_disk_valid_until = now + cached_for;
    }
    if (now >= m_spool_valid_until) {
        look_at_spool(now);
    }
    if (m_disk != store::DiskState::ok) {
        warn("disk_low", now);
    }
    if (m_waiting >= m_config.receiver.spool_warn) {
        warn("spool_long", now);
    }
    if (m_disk == store::DiskState::hard) {
        return "not enough space on the archive";
    }
    return m_waiting >= m_config.receiver.spool_max ? "too many objects wait to be processed" : "";
}

std::string_view name_of(store::DiskState state)
{
    switch (state) {
    case store::DiskState::ok: return "ok";
    case store::DiskState::low: return "low";
    case store::DiskState::hard: break;
    }
    return "hard";
}

} // namespace fiona::pacs
