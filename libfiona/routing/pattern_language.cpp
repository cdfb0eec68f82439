// SPDX-License-Identifier: MIT
#include "libfiona/routing/pattern_language.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::routing {

namespace {

/// Counts the spellings of the rest of a word, each place and state once.
class Spellings {
public:
    using State = WordAutomaton::State;

    Spellings(const WordAutomaton& automaton, std::string_view folded_id)
        : m_automaton{automaton}, m_id{folded_id}
    {
    }

    // NOLINTNEXTLINE(misc-no-recursion) at most 64 deep, the length of an id
    const WordCount& count(State state, std::size_t at)
    {
        const auto known = m_counts.find({state, at});
        if (known != m_counts.end()) {
            return known->second;
        }
        WordCount sum{at == m_id.size() && m_automaton.accepts(state) ? 1U : 0U};
        for (const auto& step : steps(state, at)) {
            sum += count(step.next, at + 1);
        }
        return m_counts.emplace(std::pair{state, at}, sum).first->second;
    }

    /// Those that spell the next character.
    [[nodiscard]] std::vector<WordAutomaton::Step> steps(State state, std::size_t at) const
    {
        std::vector<WordAutomaton::Step> fitting;
        if (at < m_id.size()) {
            for (const auto& step : m_automaton.steps(state)) {
                if (lower_case(std::string_view{&step.on, 1}).front() == m_id[at]) {
                    fitting.push_back(step);
                }
            }
        }
        return fitting;
    }

private:
    const WordAutomaton& m_automaton;
    std::string_view m_id;
    std::map<std::pair<State, std::size_t>, WordCount> m_counts;
};

} // namespace

PatternLanguage::PatternLanguage(std::string_view pattern) : PatternLanguage{parse_pattern(pattern)}
{
}

std::string PatternLanguage::spelling(std::string_view folded_id) const
{
    Spellings spellings{m_spelled, folded_id};
    auto state = WordAutomaton::start();
    if (spellings.count(state, 0).is_zero()) {
        throw Error{Fault::internal, "no spelling of an id of the pattern"};
    }
    auto rank = WordCount::random_below(spellings.count(state, 0));
    std::string id;
    while (id.size() < folded_id.size()) {
        for (const auto& step : spellings.steps(state, id.size())) {
            const auto& behind = spellings.count(step.next, id.size() + 1);
            if (rank < behind) {
                id += step.on;
                state = step.next;
                break;
            }
            rank -= behind;
        }
    }
    return id;
}

void IdPool::take(std::string_view id)
{
    const auto word = lower_case(id);
    if (!m_language.folded().contains(word)) {
        return;
    }
    std::vector<std::size_t> way{0};
    for (const char c : word) {
        const auto found = m_used[way.back()].children.find(c);
        if (found != m_used[way.back()].children.end()) {
            way.push_back(found->second);
            continue;
        }
        m_used.emplace_back();
        m_used[way.back()].children.emplace(c, m_used.size() - 1);
        way.push_back(m_used.size() - 1);
    }
    if (!m_used[way.back()].is_taken) {
        m_used[way.back()].is_taken = true;
        for (const auto node : way) {
            m_used[node].count += WordCount{1};
        }
    }
}

WordCount IdPool::taken_below(std::size_t node, char c) const
{
    const auto& children = m_used[node].children;
    const auto child = children.find(c);
    return child == children.end() ? WordCount{} : m_used[child->second].count;
}

std::optional<std::string> IdPool::draw()
{
    if (left().is_zero()) {
        return std::nullopt;
    }
    constexpr auto outside = static_cast<std::size_t>(-1); // no id taken goes on from here
    const auto& words = m_language.folded();
    auto rank = WordCount::random_below(left());
    auto state = WordAutomaton::start();
    std::size_t node = 0;
    std::string id;
    for (;;) {
        if (words.accepts(state) && (node == outside || !m_used[node].is_taken)) {
            if (rank.is_zero()) {
                break;
            }
            rank -= WordCount{1};
        }
        for (const auto& step : words.steps(state)) {
            const auto taken = node == outside ? WordCount{} : taken_below(node, step.on);
            const auto free = words.words(step.next) - taken;
            if (rank < free) {
                id += step.on;
                state = step.next;
                if (node != outside) {
                    const auto child = m_used[node].children.find(step.on);
                    node = child == m_used[node].children.end() ? outside : child->second;
                }
                break;
            }
            rank -= free;
        }
    }
    take(id);
    return m_language.spelling(id);
}

} // namespace fiona::routing
