// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/routing/pattern_syntax.h"
#include "libfiona/routing/word_count.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// A deterministic automaton of finitely many words: each word is exactly one way through it, however
/// many ways the pattern has to spell it. Words that no participant id can be (empty, or beginning
/// with `.` or `-`) are left out.
///
/// Back references: what a referenced group can be is listed, and the pattern is taken once for each of
/// these texts; all of them together make the automaton.
class WordAutomaton {
public:
    enum class Case {
        kept,
        folded ///< words in lower case: REDCap takes two ids for one when they differ in case only
    };

    /// Throws Error{Fault::data} if the pattern is too intricate: over 200,000 states, or over 10,000
    /// texts for its referenced groups.
    WordAutomaton(const PatternNode& pattern, Case letters);

    using State = std::uint32_t;
    struct Step {
        char on;
        State next;
    };

    [[nodiscard]] static constexpr State start() { return 0; }
    [[nodiscard]] bool accepts(State state) const { return m_states[state].accepts; }
    /// In order of the characters.
    [[nodiscard]] const std::vector<Step>& steps(State state) const
    {
        return m_states[state].steps;
    }
    /// How many words begin here; of start(): how many there are.
    [[nodiscard]] const WordCount& words(State state) const { return m_states[state].words; }
    [[nodiscard]] bool contains(std::string_view word) const;

private:
    struct Place {
        std::vector<Step> steps;
        bool accepts = false;
        WordCount words;
    };

    void count_words();

    std::vector<Place> m_states;
};

} // namespace fiona::routing
