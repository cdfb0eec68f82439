// SPDX-License-Identifier: MIT
#include "libfiona/status/schedule.h"

#include "libfiona/base/crontab.h"
#include "libfiona/base/error.h"

#include <algorithm>

namespace fiona::status {

namespace {

template <std::size_t Size>
std::bitset<Size> bits_of(const cron::Items& items)
{
    std::bitset<Size> bits;
    for (const auto& item : items) {
        for (auto value = item.first; value <= item.last; value += item.step) {
            bits.set(value % Size); // the 7th weekday is Sunday again
        }
    }
    return bits;
}

} // namespace

std::optional<Schedule> Schedule::parse(std::string_view text)
{
    try {
        const auto fields = cron::Fields::parse(text);
        Schedule schedule;
        schedule.m_minutes = bits_of<60>(fields.at(cron::Field::minute));
        schedule.m_hours = bits_of<24>(fields.at(cron::Field::hour));
        schedule.m_days = bits_of<32>(fields.at(cron::Field::day));
        schedule.m_months = bits_of<13>(fields.at(cron::Field::month));
        schedule.m_weekdays = bits_of<7>(fields.at(cron::Field::weekday));
        schedule.m_any_day = fields.at(cron::Field::day).front().is_all;
        schedule.m_any_weekday = fields.at(cron::Field::weekday).front().is_all;
        return schedule;
    } catch (const Error&) {
        return std::nullopt;
    }
}

bool Schedule::fits_day(const std::tm& day) const
{
    const bool day_fits = m_days[static_cast<std::size_t>(day.tm_mday)];
    const bool weekday_fits = m_weekdays[static_cast<std::size_t>(day.tm_wday)];
    if (!m_months[static_cast<std::size_t>(day.tm_mon) + 1]) {
        return false;
    }
    return m_any_day || m_any_weekday ? day_fits && weekday_fits : day_fits || weekday_fits;
}

std::optional<TimePoint> Schedule::next(TimePoint when) const
{
    constexpr int most_days = 400;
    constexpr std::time_t minute = 60;
    auto seconds = Clock::to_time_t(when);
    seconds += minute - seconds % minute;
    for (int days = 0; days < most_days;) {
        std::tm local{};
        if (::localtime_r(&seconds, &local) == nullptr) {
            return std::nullopt;
        }
        if (!fits_day(local)) {
            ++days;
            std::tm tomorrow{};
            tomorrow.tm_year = local.tm_year;
            tomorrow.tm_mon = local.tm_mon;
            tomorrow.tm_mday = local.tm_mday + 1;
            tomorrow.tm_isdst = -1;
            seconds = std::max(::mktime(&tomorrow), seconds + minute);
        } else if (!m_hours[static_cast<std::size_t>(local.tm_hour)]) {
            days += local.tm_hour == 23 ? 1 : 0;
            seconds += minute * (60 - local.tm_min);
        } else if (!m_minutes[static_cast<std::size_t>(local.tm_min)]) {
            days += local.tm_hour == 23 && local.tm_min == 59 ? 1 : 0;
            seconds += minute;
        } else {
            return Clock::from_time_t(seconds);
        }
    }
    return std::nullopt;
}

} // namespace fiona::status
