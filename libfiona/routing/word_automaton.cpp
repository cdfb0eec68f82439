// SPDX-License-Identifier: MIT
#include "libfiona/routing/word_automaton.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/routing/pattern_graph.h"
#include "libfiona/routing/pattern_rules.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace fiona::routing {

namespace {

constexpr std::size_t most_states = 200'000;
constexpr std::size_t most_texts = 10'000;
constexpr std::size_t most_work = 20'000'000; ///< points looked at; about a second

using Points = std::vector<PatternGraph::Point>;

[[noreturn]] void too_intricate()
{
    throw Error{Fault::data, "pattern: too intricate; write it with fewer overlapping parts"};
}

/// All words of a small language, without the rule for ids: what a group can be.
std::vector<std::string> list_words(const PatternNode& node)
{
    PatternGraph graph;
    graph.add(node, {});
    std::vector<std::string> words;
    std::map<std::string, Points> level{{"", graph.beginnings()}};
    while (!level.empty()) {
        std::map<std::string, Points> next_level;
        for (const auto& [prefix, points] : level) {
            for (const auto point : points) {
                if (point == PatternGraph::end()) {
                    words.push_back(prefix);
                    continue;
                }
                for (std::size_t c = 0; c < CharacterSet{}.size(); ++c) {
                    if (graph.characters(point).test(c)) {
                        next_level[prefix + static_cast<char>(c)].push_back(graph.next(point));
                    }
                }
            }
            if (words.size() + next_level.size() > most_texts) {
                throw Error{Fault::data,
                            "pattern: a group that is referred to can be more than {} texts",
                            most_texts};
            }
        }
        for (auto& [prefix, points] : next_level) {
            points = graph.closure(points);
        }
        level = std::move(next_level);
    }
    return words;
}

/// Every combination of what the referenced groups can be.
std::vector<GroupTexts> readings(const PatternNode& pattern)
{
    std::vector<GroupTexts> all{{}};
    for (const auto number : referenced_groups(pattern)) {
        const auto words = list_words(find_group(pattern, number).parts.front());
        if (words.size() * all.size() > most_texts) {
            throw Error{Fault::data,
                        "pattern: the groups that are referred to can be more than {} texts",
                        most_texts};
        }
        std::vector<GroupTexts> longer;
        for (const auto& reading : all) {
            for (const auto& word : words) {
                longer.push_back(reading);
                longer.back().emplace(number, word);
            }
        }
        all = std::move(longer);
    }
    return all;
}

} // namespace

WordAutomaton::WordAutomaton(const PatternNode& pattern, Case letters)
{
    PatternGraph graph;
    for (const auto& reading : readings(pattern)) {
        graph.add(pattern, reading);
    }
    std::map<Points, State> known;
    std::vector<const Points*> open; // by state; a map never moves its keys
    const auto state_of = [&](Points points) {
        const auto [place, is_new] =
            known.emplace(std::move(points), static_cast<State>(open.size()));
        if (is_new) {
            if (open.size() == most_states) {
                too_intricate();
            }
            open.push_back(&place->first);
        }
        return place->second;
    };
    state_of(graph.beginnings());
    std::size_t work = 0;
    for (std::size_t state = 0; state < open.size(); ++state) {
        const Points& points = *open[state];
        std::map<char, Points> targets;
        Place place;
        for (const auto point : points) {
            place.accepts = place.accepts || (point == PatternGraph::end() && state != start());
            const auto& on = graph.characters(point);
            for (std::size_t c = 0; c < on.size(); ++c) {
                const auto character = static_cast<char>(c);
                // ParticipantId: it does not begin like an option or a hidden file.
                if (on.test(c) && (state != start() || (character != '.' && character != '-'))) {
                    const auto key = letters == Case::folded
                                         ? lower_case(std::string_view{&character, 1}).front()
                                         : character;
                    targets[key].push_back(graph.next(point));
                    if (++work > most_work) {
                        too_intricate();
                    }
                }
            }
        }
        for (const auto& [character, next] : targets) {
            place.steps.push_back({character, state_of(graph.closure(next))});
        }
        m_states.push_back(std::move(place));
    }
    count_words();
    if (words(start()).is_zero()) {
        throw Error{Fault::data, "pattern: it describes no participant id"};
    }
}

/// Every step leads to a shorter rest: states are done when all states behind them are.
void WordAutomaton::count_words()
{
    std::vector<bool> is_counted(m_states.size(), false);
    std::vector<State> open{start()};
    while (!open.empty()) {
        const auto state = open.back();
        auto& place = m_states[state];
        const auto waits_for = std::ranges::find_if(
            place.steps, [&](const Step& step) { return !is_counted[step.next]; });
        if (waits_for != place.steps.end()) {
            open.push_back(waits_for->next);
            continue;
        }
        open.pop_back();
        if (is_counted[state]) {
            continue;
        }
        is_counted[state] = true;
        place.words = WordCount{place.accepts ? 1U : 0U};
        for (const auto& step : place.steps) {
            place.words += m_states[step.next].words;
        }
    }
}

bool WordAutomaton::contains(std::string_view word) const
{
    auto state = start();
    for (const char c : word) {
        const auto& ways = steps(state);
        const auto step = std::ranges::find(ways, c, &Step::on);
        if (step == ways.end()) {
            return false;
        }
        state = step->next;
    }
    return accepts(state);
}

} // namespace fiona::routing
