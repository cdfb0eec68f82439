// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/routing/word_automaton.h"
#include "libfiona/routing/word_count.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// All participant ids that a project's pattern allows (pattern_syntax.h says which patterns there are),
/// the whole of each id matching.
class PatternLanguage {
public:
    /// Throws Error{Fault::data} with the reason and the place if the pattern cannot be used.
    explicit PatternLanguage(std::string_view pattern);

    [[nodiscard]] bool contains(std::string_view id) const { return m_spelled.contains(id); }
    /// How many ids there are, each counted once however many ways the pattern has to it. Ids that differ
    /// in case only are one: REDCap would take them for the same record.
    [[nodiscard]] const WordCount& size() const { return m_folded.words(WordAutomaton::start()); }

    /// The ids in lower case.
    [[nodiscard]] const WordAutomaton& folded() const { return m_folded; }
    /// One of the spellings that the pattern has for an id of folded(), uniformly drawn.
    [[nodiscard]] std::string spelling(std::string_view folded_id) const;

private:
    explicit PatternLanguage(const PatternNode& pattern)
        : m_spelled{pattern, WordAutomaton::Case::kept}, m_folded{pattern,
                                                                  WordAutomaton::Case::folded}
    {
    }

    WordAutomaton m_spelled;
    WordAutomaton m_folded;
};

/// The ids of a pattern that are still free.
class IdPool {
public:
    /// `language` is borrowed and outlives this object.
    explicit IdPool(const PatternLanguage& language) : m_language{language}, m_used(1) {}

    /// From now on this id, in any case, is not drawn. One that the pattern does not have, or that was
    /// taken before, changes nothing.
    void take(std::string_view id);
    [[nodiscard]] WordCount left() const { return m_language.size() - m_used.front().count; }
    /// One of those left, all with the same probability (getrandom(2)), and taken; nothing if none is
    /// left. No id is drawn in vain: the last one costs no more than the first.
    [[nodiscard]] std::optional<std::string> draw();

private:
    /// The ids taken, as a tree of their letters.
    struct Node {
        WordCount count; ///< ids taken that go through here
        bool is_taken = false;
        std::map<char, std::size_t> children;
    };

    [[nodiscard]] WordCount taken_below(std::size_t node, char c) const;

    const PatternLanguage& m_language;
    std::vector<Node> m_used;
};

} // namespace fiona::routing
