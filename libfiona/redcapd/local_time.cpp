// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/local_time.h"

#include "libfiona/base/number.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <string_view>

namespace fiona::redcapd {

namespace {

/// `text` at `at` as a number of exactly `digits` digits.
std::optional<int> digits_at(std::string_view text, std::size_t at, std::size_t digits)
{
    const auto part = text.substr(std::min(at, text.size()), digits);
    const auto value = read_number<int>(part);
    return part.size() == digits && value >= 0 ? value : std::nullopt;
}

std::tm local_time(std::int64_t seconds)
{
    const std::time_t time = seconds;
    std::tm parts{};
    ::localtime_r(&time, &parts);
    return parts;
}

} // namespace

std::optional<std::int64_t> local_seconds(const std::string& text, Ambiguous meant)
{
    const std::string_view shape = "dddd-dd-dd dd:dd:dd";
    if (text.size() != shape.size() && text.size() != shape.size() - 3) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (shape[i] != 'd' && text[i] != shape[i]) {
            return std::nullopt;
        }
    }
    const auto year = digits_at(text, 0, 4);
    const auto month = digits_at(text, 5, 2);
    const auto day = digits_at(text, 8, 2);
    const auto hour = digits_at(text, 11, 2);
    const auto minute = digits_at(text, 14, 2);
    const auto second = text.size() == shape.size() ? digits_at(text, 17, 2) : 0;
    if (!year || !month || !day || !hour || !minute || !second || *hour > 23 || *minute > 59
        || *second > 59
        || !std::chrono::year_month_day{std::chrono::year{*year},
                                        std::chrono::month{static_cast<unsigned>(*month)},
                                        std::chrono::day{static_cast<unsigned>(*day)}}
                .ok()) {
        return std::nullopt;
    }
    std::optional<std::int64_t> found;
    for (const int summer_time : {1, 0}) { // the summer reading is the earlier one
        std::tm parts{};
        parts.tm_year = *year - 1900;
        parts.tm_mon = *month - 1;
        parts.tm_mday = *day;
        parts.tm_hour = *hour;
        parts.tm_min = *minute;
        parts.tm_sec = *second;
        parts.tm_isdst = summer_time;
        const auto time = std::mktime(&parts); // corrects tm_isdst where it does not apply
        if (parts.tm_isdst == summer_time && (!found || meant == Ambiguous::latest)) {
            found = time;
        }
    }
    return found;
}

std::string local_second_text(std::int64_t seconds)
{
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", local_time(seconds));
}

std::string local_minute_text(std::int64_t seconds)
{
    return fmt::format("{:%Y-%m-%d %H:%M}", local_time(seconds));
}

std::string local_date_text(std::int64_t seconds)
{
    return fmt::format("{:%Y-%m-%d}", local_time(seconds));
}

} // namespace fiona::redcapd
