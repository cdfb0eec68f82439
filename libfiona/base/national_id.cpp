// SPDX-License-Identifier: MIT
#include "libfiona/base/national_id.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

namespace fiona {

namespace {

constexpr std::size_t length = 11;
constexpr std::size_t date_digits = 6;

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int two_digits(std::string_view text)
{
    return (text[0] - '0') * 10 + (text[1] - '0');
}

/// Only what no year can make legal is refused: 29 February is legal in some.
bool is_date(std::string_view digits)
{
    const int raw_day = two_digits(digits);
    const int day = raw_day > 40 ? raw_day - 40 : raw_day;
    int month = two_digits(digits.substr(2));
    for (const int offset : {80, 40}) {
        if (month > offset) {
            month -= offset;
            break;
        }
    }
    constexpr std::array<int, 13> days{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month >= 1 && month <= 12 && day >= 1 && day <= days.at(static_cast<std::size_t>(month));
}

template <std::size_t N>
bool check_digit_fits(std::string_view digits, const std::array<int, N>& weights)
{
    const int sum = std::inner_product(
        weights.begin(), weights.end(), digits.begin(), 0, [](int a, int b) { return a + b; },
        [](int weight, char c) { return weight * (c - '0'); });
    return (11 - sum % 11) % 11
           == digits[N] - '0'; // 10 is no digit: such numbers are not given out
}

} // namespace

bool is_norwegian_id(std::string_view eleven_digits)
{
    if (eleven_digits.size() != length || !std::ranges::all_of(eleven_digits, is_digit)) {
        return false;
    }
    const bool without_date = eleven_digits[0] >= '8';
    return (without_date || is_date(eleven_digits))
           && check_digit_fits(eleven_digits, std::array{3, 7, 6, 1, 8, 9, 4, 5, 2})
           && check_digit_fits(eleven_digits, std::array{5, 4, 3, 2, 7, 6, 5, 4, 3, 2});
}

bool contains_norwegian_id(std::string_view text)
{
    constexpr std::string_view separators = "-._ ";
    for (std::size_t at = 0; at + length <= text.size(); ++at) {
        if (at > 0 && is_digit(text[at - 1])) {
            continue;
        }
        const bool separated = separators.find(text[at + date_digits]) != std::string_view::npos;
        const auto end = at + length + (separated ? 1U : 0U);
        if (end > text.size() || (end < text.size() && is_digit(text[end]))) {
            continue;
        }
        auto candidate = std::string{text.substr(at, end - at)};
        if (separated) {
            candidate.erase(date_digits, 1);
        }
        if (is_norwegian_id(candidate)) {
            return true;
        }
    }
    return false;
}

} // namespace fiona
