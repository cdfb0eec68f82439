// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/automaton.h"

namespace fiona::anonymize {

Automaton::Automaton(const std::vector<std::string>& words)
{
    build_classes(words);
    m_next.assign(m_classes, none);
    m_word_at.assign(1, none);
    for (const auto& word : words) {
        m_lengths.push_back(word.size());
        if (!word.empty()) {
            add(word, static_cast<std::uint32_t>(m_lengths.size() - 1));
        }
    }
    link();
}

void Automaton::build_classes(const std::vector<std::string>& words)
{
    std::array<bool, 256> used{};
    for (const auto& word : words) {
        for (const char c : word) {
            used[static_cast<unsigned char>(c)] = true;
        }
    }
    // Class 0 must stand for "in no word"; with all 256 bytes in use there would be none left,
    // which folded text (no capitals, no controls) cannot do.
    for (std::size_t byte = 0; byte < used.size(); ++byte) {
        m_class_of[byte] = used[byte] ? static_cast<std::uint8_t>(m_classes++) : std::uint8_t{0};
    }
}

void Automaton::add(std::string_view word, std::uint32_t index)
{
    std::size_t state = 0;
    for (const char c : word) {
        const auto slot = state * m_classes + m_class_of[static_cast<unsigned char>(c)];
        if (m_next[slot] == none) {
            m_next[slot] = static_cast<std::uint32_t>(m_word_at.size());
            m_next.resize(m_next.size() + m_classes, none);
            m_word_at.push_back(none);
        }
        state = m_next[slot];
    }
    m_word_at[state] = index;
}

void Automaton::link()
{
    m_fallback.assign(m_word_at.size(), 0);
    m_first_hit.assign(m_word_at.size(), none);
    std::vector<std::uint32_t> queue{0};
    for (std::size_t head = 0; head < queue.size(); ++head) { // breadth first
        const auto state = queue[head];
        m_first_hit[state] =
            m_word_at[state] != none ? state : (state == 0 ? none : m_first_hit[m_fallback[state]]);
        for (std::size_t c = 0; c < m_classes; ++c) {
            auto& next = m_next[state * m_classes + c];
            const auto suffix = state == 0 ? 0 : m_next[m_fallback[state] * m_classes + c];
            if (next == none) {
                next = suffix;
            } else {
                m_fallback[next] = suffix;
                queue.push_back(next);
            }
        }
    }
}

} // namespace fiona::anonymize
