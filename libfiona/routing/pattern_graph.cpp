// SPDX-License-Identifier: MIT
#include "libfiona/routing/pattern_graph.h"

#include "libfiona/base/error.h"

#include <algorithm>

namespace fiona::routing {

namespace {

constexpr std::size_t most_points = 500'000;

} // namespace

PatternGraph::Point PatternGraph::new_point()
{
    if (m_points.size() == most_points) {
        throw Error{Fault::data, "pattern: too intricate: over {} steps", most_points};
    }
    m_points.emplace_back();
    return static_cast<Point>(m_points.size() - 1);
}

void PatternGraph::add(const PatternNode& node, const GroupTexts& texts)
{
    m_beginnings.push_back(before(node, texts, end()));
}

// NOLINTNEXTLINE(misc-no-recursion) as deep as groups are nested, at most 30
PatternGraph::Point PatternGraph::before(const PatternNode& node, const GroupTexts& texts,
                                         Point then)
{
    using Kind = PatternNode::Kind;
    switch (node.kind) {
    case Kind::characters: return before_set(node.characters, then);
    case Kind::sequence:
        for (auto i = node.parts.size(); i-- > 0;) {
            then = before(node.parts[i], texts, then);
        }
        return then;
    case Kind::alternatives: {
        const auto fork = new_point();
        for (const auto& part : node.parts) {
            const auto way = before(part, texts, then);
            m_points[fork].free.push_back(way);
        }
        return fork;
    }
    case Kind::repeat: return before_repeat(node, texts, then);
    case Kind::group:
        if (const auto text = texts.find(node.number); text != texts.end()) {
            return before_text(text->second, then);
        }
        return before(node.parts.front(), texts, then);
    case Kind::reference: return before_text(texts.at(node.number), then);
    case Kind::begin:
    case Kind::end: break;
    }
    return then;
}

// NOLINTNEXTLINE(misc-no-recursion) as above
PatternGraph::Point PatternGraph::before_repeat(const PatternNode& node, const GroupTexts& texts,
                                                Point then)
{
    const auto& body = node.parts.front();
    auto point = then;
    for (auto i = node.least; i < node.most; ++i) {
        const auto way = before(body, texts, point);
        if (way == point) { // a body without characters, however often
            return then;
        }
        const auto fork = new_point();
        m_points[fork].free = {way, then};
        point = fork;
    }
    for (unsigned i = 0; i < node.least; ++i) {
        const auto way = before(body, texts, point);
        if (way == point) {
            break;
        }
        point = way;
    }
    return point;
}

PatternGraph::Point PatternGraph::before_set(const CharacterSet& set, Point then)
{
    const auto point = new_point();
    m_points[point].on = set;
    m_points[point].next = then;
    return point;
}

PatternGraph::Point PatternGraph::before_text(const std::string& text, Point then)
{
    for (auto i = text.size(); i-- > 0;) {
        CharacterSet set;
        set.set(static_cast<unsigned char>(text[i]));
        then = before_set(set, then);
    }
    return then;
}

std::vector<PatternGraph::Point> PatternGraph::closure(const std::vector<Point>& points) const
{
    std::vector<Point> reached;
    auto open = points;
    std::vector<Point> forks; // sorted: the many ways into one fork are followed once
    while (!open.empty()) {
        const auto point = open.back();
        open.pop_back();
        const auto& ways = m_points[point];
        if (ways.free.empty()) {
            reached.push_back(point);
            continue;
        }
        const auto place = std::ranges::lower_bound(forks, point);
        if (place == forks.end() || *place != point) {
            forks.insert(place, point);
            open.insert(open.end(), ways.free.begin(), ways.free.end());
        }
    }
    std::ranges::sort(reached);
    reached.erase(std::unique(reached.begin(), reached.end()), reached.end());
    return reached;
}

} // namespace fiona::routing
