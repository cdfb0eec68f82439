// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/routing/pattern_syntax.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fiona::routing {

/// What the referenced groups are, in one reading of a pattern.
using GroupTexts = std::map<unsigned, std::string>;

/// The ways through a pattern: a graph without cycles, several ways may spell the same word.
class PatternGraph {
public:
    using Point = std::uint32_t;

    PatternGraph() { static_cast<void>(new_point()); }

    /// Adds the ways of `node` with its groups read as `texts`. Throws Error{Fault::data} if the graph
    /// becomes too large.
    void add(const PatternNode& node, const GroupTexts& texts);

    [[nodiscard]] static constexpr Point end() { return 0; }
    /// Where the words begin, and whatever is reached from there without a character.
    [[nodiscard]] std::vector<Point> beginnings() const { return closure(m_beginnings); }
    /// Points that spell nothing are left out, but for end(); sorted.
    [[nodiscard]] std::vector<Point> closure(const std::vector<Point>& points) const;
    [[nodiscard]] const CharacterSet& characters(Point point) const { return m_points[point].on; }
    [[nodiscard]] Point next(Point point) const { return m_points[point].next; }

private:
    struct Ways {
        CharacterSet on;         ///< none: only the free ways count
        Point next = 0;          ///< after one of `on`
        std::vector<Point> free; ///< without a character
    };

    [[nodiscard]] Point new_point();
    /// Where to begin in order to spell `node` and then go on at `then`.
    [[nodiscard]] Point before(const PatternNode& node, const GroupTexts& texts, Point then);
    [[nodiscard]] Point before_repeat(const PatternNode& node, const GroupTexts& texts, Point then);
    [[nodiscard]] Point before_set(const CharacterSet& set, Point then);
    [[nodiscard]] Point before_text(const std::string& text, Point then);

    std::vector<Ways> m_points;
    std::vector<Point> m_beginnings;
};

} // namespace fiona::routing
