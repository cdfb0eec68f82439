// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>
#include <utility>

namespace fiona {

/// The words that files and configurations have for the values of an enumeration: one table, read both ways.
template <typename Value, std::size_t Size>
using WordTable = std::array<std::pair<Value, std::string_view>, Size>;

/// "" for a value that the table lacks.
template <typename Value, std::size_t Size>
[[nodiscard]] constexpr std::string_view word_of(const WordTable<Value, Size>& words, Value value)
{
    for (const auto& [known, word] : words) {
        if (known == value) {
            return word;
        }
    }
    return {};
}

/// Nothing for a word that the table lacks.
template <typename Value, std::size_t Size>
[[nodiscard]] constexpr std::optional<Value> meaning_of(const WordTable<Value, Size>& words,
                                                        std::string_view word)
{
    for (const auto& [value, known] : words) {
        if (known == word) {
            return value;
        }
    }
    return std::nullopt;
}

} // namespace fiona
