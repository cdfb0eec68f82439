// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/date_shift.h"

#include "libfiona/base/dates.h"
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::anonymize {

namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::uint64_t longest_shift = 1460; // days, four years

bool all_digits(std::string_view text)
{
    return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

days days_of(const DateShift& shift, const ProjectName& project, const ParticipantId& participant,
             std::span<const std::byte> key)
{
    if (shift.kind == DateShift::Kind::fixed) {
        return days{shift.days};
    }
    if (key.empty()) {
        throw Error{Fault::config, "project {}: a date shift per participant needs a key file",
                    project};
    }
    std::string text{project.str()};
    text += '\0';
    text += "date shift ";
    text += participant.str();
    const auto digest = hmac_sha256(key, text);
    std::uint64_t number = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        number = number << 8U | std::to_integer<std::uint64_t>(digest.at(i));
    }
    return -days{1 + static_cast<int>(number % longest_shift)};
}

/// Where the second date of a range begins: behind a dash that is no zone (`-ZZXX` ends the value).
std::size_t range_dash(std::string_view text)
{
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) {
        return dash;
    }
    const auto behind = text.substr(dash + 1);
    const bool zone = behind.size() == 4 && all_digits(behind) && dash >= 4;
    // 2019-2021 is a range of years, 2019-0500 a zone: a zone is at most -1200 (PS3.5 §6.2).
    return zone && behind <= "1400" ? std::string_view::npos : dash;
}

} // namespace

DateMover::DateMover(const DateShift& shift, const ProjectName& project,
                     const ParticipantId& participant, std::span<const std::byte> key)
    : m_days{days_of(shift, project, participant, key)}
{
}

year_month_day DateMover::move(year_month_day day) const
{
    return year_month_day{sys_days{day} + m_days};
}

std::optional<year_month_day> day_of(std::string_view value)
{
    const auto text = trimmed(value);
    if (text.size() >= 10 && text[4] == '.') {
        return parse_da(text.substr(0, 10));
    }
    return text.size() < 8 ? std::nullopt : parse_da(text.substr(0, 8));
}

std::string DateMover::move_dates(std::string_view value) const
{
    const auto move_one = [&](std::string_view text) -> std::optional<std::string> {
        const auto day = parse_da(trimmed(text));
        return day ? std::optional{format_da(move(*day))} : std::nullopt;
    };
    std::string result;
    for (const auto part : split(value, '\\')) {
        const auto text = trimmed(part);
        const auto dash = text.find('-');
        std::optional<std::string> moved;
        if (dash == std::string_view::npos) {
            moved = move_one(text);
        } else {
            const auto first = text.substr(0, dash);
            const auto second = text.substr(dash + 1);
            const auto from = move_one(first);
            const auto to = move_one(second);
            const bool legal = (from || first.empty()) && (to || second.empty()) && (from || to);
            if (legal) {
                moved = from.value_or("") + "-" + to.value_or("");
            }
        }
        if (moved) {
            result += (result.empty() ? "" : "\\") + *moved;
        }
    }
    return result;
}

std::optional<std::string> DateMover::move_datetime(std::string_view text) const
{
    const auto end_of_digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto rest_at = end_of_digits < 8 ? end_of_digits : std::size_t{8};
    const auto rest = text.substr(rest_at);
    // Behind the date: time digits, a fraction, a zone. Anything else is no DT.
    if (rest.find_first_not_of("0123456789.+-") != std::string_view::npos || rest.size() > 18) {
        return std::nullopt;
    }
    std::string whole{text.substr(0, rest_at)};
    const auto precision = whole.size();
    if (precision == 4) {
        whole += "0101";
    } else if (precision == 6) {
        whole += "01";
    }
    const auto day = parse_da(whole);
    if (!day) {
        return std::nullopt;
    }
    return format_da(move(*day)).substr(0, precision) + std::string{rest};
}

std::string DateMover::move_datetimes(std::string_view value) const
{
    std::string result;
    for (const auto part : split(value, '\\')) {
        const auto text = trimmed(part);
        const auto dash = range_dash(text);
        std::optional<std::string> moved;
        if (dash == std::string_view::npos) {
            moved = move_datetime(text);
        } else {
            const auto from = move_datetime(text.substr(0, dash));
            const auto to = move_datetime(text.substr(dash + 1));
            const bool open_start = dash == 0;
            const bool open_end = dash + 1 == text.size();
            if ((from || open_start) && (to || open_end) && (from || to)) {
                moved = from.value_or("") + "-" + to.value_or("");
            }
        }
        if (moved) {
            result += (result.empty() ? "" : "\\") + *moved;
        }
    }
    return result;
}

} // namespace fiona::anonymize
