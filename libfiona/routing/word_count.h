// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace fiona::routing {

/// How many words there are: an exact number below 2^448. Words have at most 64 characters out of at
/// most 66, so that no sum of counts comes near it (66^65 < 2^393).
class WordCount {
public:
    WordCount() = default;
    explicit WordCount(std::uint32_t value) { m_digits.back() = value; }

    WordCount& operator+=(const WordCount& other);
    /// `other` is not larger.
    WordCount& operator-=(const WordCount& other);
    friend WordCount operator-(WordCount one, const WordCount& other) { return one -= other; }
    friend auto operator<=>(const WordCount&, const WordCount&) = default;

    [[nodiscard]] bool is_zero() const { return *this == WordCount{}; }
    /// Decimal.
    [[nodiscard]] std::string str() const;

    /// Uniform below `bound`, which is not zero; by getrandom(2).
    [[nodiscard]] static WordCount random_below(const WordCount& bound);

private:
    std::array<std::uint32_t, 14> m_digits{}; ///< base 2^32, the most significant first
};

} // namespace fiona::routing
