// SPDX-License-Identifier: MIT
#include "libfiona/routing/word_count.h"

#include "libfiona/base/digest.h"

#include <algorithm>
#include <bit>
#include <cassert>

namespace fiona::routing {

namespace {

constexpr unsigned digit_bits = 32;

} // namespace

WordCount& WordCount::operator+=(const WordCount& other)
{
    std::uint64_t carry = 0;
    for (std::size_t i = m_digits.size(); i-- > 0;) {
        carry += std::uint64_t{m_digits[i]} + other.m_digits[i];
        m_digits[i] = static_cast<std::uint32_t>(carry);
        carry >>= digit_bits;
    }
    assert(carry == 0);
    return *this;
}

WordCount& WordCount::operator-=(const WordCount& other)
{
    assert(other <= *this);
    std::uint64_t borrow = 0;
    for (std::size_t i = m_digits.size(); i-- > 0;) {
        const auto taken = std::uint64_t{other.m_digits[i]} + borrow;
        borrow = taken > m_digits[i] ? 1 : 0;
        m_digits[i] = static_cast<std::uint32_t>(m_digits[i] - taken);
    }
    return *this;
}

std::string WordCount::str() const
{
    constexpr std::uint32_t base = 10;
    auto rest = *this;
    std::string text;
    do {
        std::uint64_t remainder = 0;
        for (auto& digit : rest.m_digits) {
            const auto value = (remainder << digit_bits) + digit;
            digit = static_cast<std::uint32_t>(value / base);
            remainder = value % base;
        }
        text += static_cast<char>('0' + remainder);
    } while (!rest.is_zero());
    std::ranges::reverse(text);
    return text;
}

WordCount WordCount::random_below(const WordCount& bound)
{
    assert(!bound.is_zero());
    std::size_t first = 0;
    while (bound.m_digits[first] == 0) {
        ++first;
    }
    const auto unused_bits = static_cast<unsigned>(std::countl_zero(bound.m_digits[first]));
    for (;;) { // with the bits above the bound's cut off, every second try succeeds or better
        WordCount drawn;
        const auto bytes = random_bytes((drawn.m_digits.size() - first) * sizeof(std::uint32_t));
        for (std::size_t i = 0; i < bytes.size(); ++i) {
            auto& digit = drawn.m_digits[first + i / sizeof(std::uint32_t)];
            digit = (digit << 8U) | std::to_integer<std::uint32_t>(bytes[i]);
        }
        drawn.m_digits[first] &= ~std::uint32_t{0} >> unused_bits;
        if (drawn < bound) {
            return drawn;
        }
    }
}

} // namespace fiona::routing
