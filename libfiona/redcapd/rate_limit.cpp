// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/rate_limit.h"

#include <algorithm>
#include <cmath>

namespace fiona::redcapd {

namespace {

constexpr std::size_t max_addresses = 10'000;
using Minutes = std::chrono::duration<double, std::ratio<60>>;

} // namespace

std::optional<std::chrono::seconds> RateLimit::refuse(const std::string& address, Time now)
{
    if (m_per_minute == 0) {
        return std::nullopt;
    }
    const auto most = static_cast<double>(m_per_minute);
    const std::scoped_lock lock{m_mutex};
    forget_full_ones(now);
    auto& bucket = m_buckets.try_emplace(address, Bucket{most, now}).first->second;
    bucket.tokens = std::min(most, bucket.tokens + Minutes{now - bucket.filled}.count() * most);
    bucket.filled = now;
    if (bucket.tokens >= 1) {
        bucket.tokens -= 1;
        return std::nullopt;
    }
    const Minutes missing{(1 - bucket.tokens) / most};
    return std::chrono::ceil<std::chrono::seconds>(missing);
}

void RateLimit::forget_full_ones(Time now)
{
    if (m_buckets.size() < max_addresses) {
        return;
    }
    std::erase_if(m_buckets, [&](const auto& item) {
        return now - item.second.filled > std::chrono::minutes{1};
    });
    if (m_buckets.size() >= max_addresses) {
        m_buckets.clear(); // kinder to clients than to refuse them all
    }
}

} // namespace fiona::redcapd
