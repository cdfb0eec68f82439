// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <bitset>
#include <ctime>
#include <optional>
#include <string_view>

namespace fiona::status {

/// The five fields of crontab(5), in local time: minute, hour, day of the month, month, day of the week.
class Schedule {
public:
    /// Nothing if it is no schedule that cron::Fields reads.
    [[nodiscard]] static std::optional<Schedule> parse(std::string_view text);

    /// The first minute after `when` that fits; nothing within 400 days.
    [[nodiscard]] std::optional<TimePoint> next(TimePoint when) const;

private:
    [[nodiscard]] bool fits_day(const std::tm& day) const;

    std::bitset<60> m_minutes;
    std::bitset<24> m_hours;
    std::bitset<32> m_days;
    std::bitset<13> m_months;
    std::bitset<7> m_weekdays;
    /// crontab(5): if both days are restricted, one of them is enough.
    bool m_any_day = true, m_any_weekday = true;
};

} // namespace fiona::status
