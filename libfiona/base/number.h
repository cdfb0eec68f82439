// SPDX-License-Identifier: MIT
#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

namespace fiona {

/// All of `text` as a number, as std::from_chars reads it: digits of the base ("1f" for 16), a minus sign if
/// the type has one, no plus sign, no blanks. Nothing if it is empty, or too large for the type.
template <std::integral Number>
[[nodiscard]] std::optional<Number> read_number(std::string_view text, int base = 10)
{
    Number number{};
    const auto* const last = text.data() + text.size();
    const auto [end, problem] = std::from_chars(text.data(), last, number, base);
    return problem == std::errc{} && end == last ? std::optional{number} : std::nullopt;
}

/// The same with a fraction and an exponent; "inf" and "nan" are numbers too.
template <std::floating_point Number>
[[nodiscard]] std::optional<Number> read_number(std::string_view text)
{
    Number number{};
    const auto* const last = text.data() + text.size();
    const auto [end, problem] = std::from_chars(text.data(), last, number);
    return problem == std::errc{} && end == last ? std::optional{number} : std::nullopt;
}

} // namespace fiona
