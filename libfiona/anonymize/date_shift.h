// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/settings.h"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace fiona::anonymize {

/// Moves dates by one number of days per participant: intervals stay, dates do not. The number of
/// days is identifying: it is never logged nor reported.
class DateMover {
public:
    /// Kind::subject takes -(1 + HMAC(key, project NUL participant) mod 1460) days: one to four
    /// years back. Throws Error{Fault::config} if it has no key.
    DateMover(const DateShift& shift, const ProjectName& project, const ParticipantId& participant,
              std::span<const std::byte> key);

    [[nodiscard]] std::chrono::year_month_day move(std::chrono::year_month_day day) const;
    /// A DA value: several, ranges, the old form with dots. What is no date vanishes; nothing is
    /// repaired (PS3.5 §6.2).
    [[nodiscard]] std::string move_dates(std::string_view value) const;
    /// A DT value: several, ranges, shortened forms keep their precision, times and zones stay.
    [[nodiscard]] std::string move_datetimes(std::string_view value) const;
    [[nodiscard]] bool is_identity() const { return m_days == std::chrono::days{0}; }

private:
    [[nodiscard]] std::optional<std::string> move_datetime(std::string_view text) const;

    std::chrono::days m_days;
};

/// The calendar day at the start of a DA or DT value, of full precision.
[[nodiscard]] std::optional<std::chrono::year_month_day> day_of(std::string_view value);

} // namespace fiona::anonymize
