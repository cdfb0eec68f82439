// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

/// Aho-Corasick: all places of all words in one pass over the bytes, however many words there are.
/// Built once, then read by any number of threads.
class Automaton {
public:
    Automaton() : Automaton{std::vector<std::string>{}} {}
    explicit Automaton(const std::vector<std::string>& words);

    struct Match {
        std::size_t begin = 0;
        std::size_t end = 0;
        std::size_t word = 0; ///< index into the words
    };

    /// Calls `found(Match)` for every occurrence, overlapping ones included.
    template <typename Found>
    void search(std::string_view text, Found&& found) const
    {
        std::uint32_t state = 0;
        for (std::size_t at = 0; at < text.size(); ++at) {
            state = m_next[state * m_classes + m_class_of[static_cast<unsigned char>(text[at])]];
            for (auto hit = m_first_hit[state]; hit != none; hit = m_first_hit[m_fallback[hit]]) {
                const auto word = m_word_at[hit];
                found(Match{at + 1 - m_lengths[word], at + 1, word});
            }
        }
    }

private:
    static constexpr std::uint32_t none = 0xffffffffU;

    void build_classes(const std::vector<std::string>& words);
    void add(std::string_view word, std::uint32_t index);
    void link();

    std::array<std::uint8_t, 256> m_class_of{}; ///< bytes that occur in no word share class 0
    std::size_t m_classes = 1;
    std::vector<std::uint32_t> m_next;      ///< [state * m_classes + class]
    std::vector<std::uint32_t> m_fallback;  ///< longest proper suffix that is a state
    std::vector<std::uint32_t> m_word_at;   ///< the word that ends in this state, or none
    std::vector<std::uint32_t> m_first_hit; ///< this state or its nearest suffix that ends a word
    std::vector<std::size_t> m_lengths;
};

} // namespace fiona::anonymize
