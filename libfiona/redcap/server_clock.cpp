// SPDX-License-Identifier: MIT
#include "libfiona/redcap/server_clock.h"

#include <array>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string_view>

namespace fiona::redcap {

namespace {

constexpr std::chrono::seconds usual_overlap{120};
constexpr std::chrono::seconds overlap_at_change{3900};
constexpr std::chrono::hours change_distance{2};

/// TZ is another one while the object lives.
// NOLINTBEGIN(concurrency-mt-unsafe) for programs with one thread, see the header
class ZoneScope {
public:
    explicit ZoneScope(const std::string& zone) : m_is_other{!zone.empty()}
    {
        if (m_is_other) {
            const auto* const before = std::getenv("TZ");
            m_before = before == nullptr ? std::nullopt : std::optional<std::string>{before};
            ::setenv("TZ", zone.c_str(), 1);
            ::tzset();
        }
    }
    ZoneScope(const ZoneScope&) = delete;
    ZoneScope& operator=(const ZoneScope&) = delete;
    ~ZoneScope()
    {
        if (m_is_other) {
            m_before ? ::setenv("TZ", m_before->c_str(), 1) : ::unsetenv("TZ");
            ::tzset();
        }
    }

private:
    bool m_is_other;
    std::optional<std::string> m_before;
};
// NOLINTEND(concurrency-mt-unsafe)

std::tm local_parts(TimePoint when)
{
    const auto seconds = Clock::to_time_t(when);
    std::tm parts{};
    ::localtime_r(&seconds, &parts);
    return parts;
}

} // namespace

std::string server_second(TimePoint when, const std::string& zone)
{
    const ZoneScope scope{zone};
    const auto parts = local_parts(when);
    std::array<char, 32> text{};
    const auto length = std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts);
    return {text.data(), length};
}

std::string server_minute(TimePoint when, const std::string& zone)
{
    constexpr std::string_view shape = "YYYY-MM-DD HH:MM";
    return server_second(when, zone).substr(0, shape.size());
}

std::chrono::seconds overlap(TimePoint since, const std::string& zone)
{
    const ZoneScope scope{zone};
    const auto before = local_parts(since - change_distance).tm_gmtoff;
    const auto after = local_parts(since + change_distance).tm_gmtoff;
    return before == after ? usual_overlap : overlap_at_change;
}

} // namespace fiona::redcap
