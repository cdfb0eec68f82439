// SPDX-License-Identifier: MIT
#include "libfiona/routing/pattern_rules.h"

#include "libfiona/base/error.h"

#include <algorithm>
#include <map>
#include <utility>

// The recursions below are as deep as groups are nested: the parser allows 30.
// NOLINTBEGIN(misc-no-recursion) a tree of bounded depth

namespace fiona::routing {

namespace {

using Kind = PatternNode::Kind;

/// Where a node stands: the branches of alternatives that lead to it.
using Branches = std::vector<std::pair<const PatternNode*, std::size_t>>;

struct Edges {
    bool is_first; ///< nothing but anchors before
    bool is_last;  ///< nothing but anchors behind
};

bool is_anchor(const PatternNode& node)
{
    return node.kind == Kind::begin || node.kind == Kind::end;
}

void check_edges(const PatternNode& node, Edges edges)
{
    switch (node.kind) {
    case Kind::begin:
        if (!edges.is_first) {
            throw Error{Fault::data, "pattern: a ^ that is not at the beginning"};
        }
        return;
    case Kind::end:
        if (!edges.is_last) {
            throw Error{Fault::data, "pattern: a $ that is not at the end"};
        }
        return;
    case Kind::sequence: {
        const auto first = std::ranges::find_if_not(node.parts, is_anchor);
        const auto last =
            std::find_if_not(node.parts.rbegin(), node.parts.rend(), is_anchor).base();
        for (auto part = node.parts.begin(); part != node.parts.end(); ++part) {
            check_edges(*part,
                        {edges.is_first && part <= first, edges.is_last && part + 1 >= last});
        }
        return;
    }
    case Kind::repeat: check_edges(node.parts.front(), {false, false}); return;
    case Kind::alternatives:
    case Kind::group:
        for (const auto& part : node.parts) {
            check_edges(part, edges);
        }
        return;
    case Kind::characters:
    case Kind::reference: return;
    }
}

class ReferenceCheck {
public:
    void walk(const PatternNode& node, const Branches& branches, unsigned repeats)
    {
        if (node.kind == Kind::reference) {
            check(node.number, branches);
        } else if (node.kind == Kind::group && node.number != 0) {
            m_groups[node.number] = {branches, repeats > 0};
        }
        const bool repeats_here = node.kind == Kind::repeat && (node.least != 1 || node.most != 1);
        for (std::size_t i = 0; i < node.parts.size(); ++i) {
            auto there = branches;
            if (node.kind == Kind::alternatives) {
                there.emplace_back(&node, i);
            }
            walk(node.parts[i], there, repeats + (repeats_here ? 1U : 0U));
        }
    }

private:
    struct Group {
        Branches branches;
        bool is_repeated = false;
    };

    void check(unsigned number, const Branches& here) const
    {
        const auto& group = m_groups.at(number);
        const bool is_passed =
            group.branches.size() <= here.size()
            && std::equal(group.branches.begin(), group.branches.end(), here.begin());
        if (group.is_repeated || !is_passed) {
            throw Error{Fault::data,
                        "pattern: \\{} refers to a group that is repeated, optional, or in another "
                        "alternative",
                        number};
        }
    }

    std::map<unsigned, Group> m_groups;
};

void collect_references(const PatternNode& node, std::set<unsigned>& numbers)
{
    if (node.kind == Kind::reference) {
        numbers.insert(node.number);
    }
    for (const auto& part : node.parts) {
        collect_references(part, numbers);
    }
}

const PatternNode* group_below(const PatternNode& node, unsigned number)
{
    if (node.kind == Kind::group && node.number == number) {
        return &node;
    }
    for (const auto& part : node.parts) {
        if (const auto* const found = group_below(part, number)) {
            return found;
        }
    }
    return nullptr;
}

/// Saturates far above longest_id.
std::size_t longest_word(const PatternNode& node, std::map<unsigned, std::size_t>& groups)
{
    constexpr std::size_t far_too_long = 1'000'000;
    std::size_t length = 0;
    for (const auto& part : node.parts) {
        const auto of_part = longest_word(part, groups);
        length = node.kind == Kind::sequence ? length + of_part : std::max(length, of_part);
    }
    switch (node.kind) {
    case Kind::characters: length = 1; break;
    case Kind::repeat: length *= node.most; break;
    case Kind::reference: length = groups[node.number]; break;
    case Kind::group: groups[node.number] = std::min(length, far_too_long); break;
    case Kind::sequence:
    case Kind::alternatives:
    case Kind::begin:
    case Kind::end: break;
    }
    return std::min(length, far_too_long);
}

} // namespace

void check_anchors(const PatternNode& root)
{
    check_edges(root, {true, true});
}

void check_references(const PatternNode& root)
{
    ReferenceCheck{}.walk(root, {}, 0);
    const auto referenced = referenced_groups(root);
    for (const auto number : referenced) {
        const auto& inside = find_group(root, number).parts.front();
        const bool holds_other = std::ranges::any_of(
            referenced, [&](unsigned other) { return group_below(inside, other) != nullptr; });
        if (holds_other || !referenced_groups(inside).empty()) {
            throw Error{Fault::data,
                        "pattern: \\{} refers to a group that holds another back reference, or a "
                        "group with one",
                        number};
        }
    }
}

void check_length(const PatternNode& root)
{
    std::map<unsigned, std::size_t> groups;
    if (longest_word(root, groups) > longest_id) {
        throw Error{Fault::data, "pattern: a participant id has at most {} characters", longest_id};
    }
}

std::set<unsigned> referenced_groups(const PatternNode& root)
{
    std::set<unsigned> numbers;
    collect_references(root, numbers);
    return numbers;
}

const PatternNode& find_group(const PatternNode& root, unsigned number)
{
    const auto* const found = group_below(root, number);
    if (found == nullptr) {
        throw Error{Fault::internal, "no group {}", number};
    }
    return *found;
}

} // namespace fiona::routing

// NOLINTEND(misc-no-recursion)
