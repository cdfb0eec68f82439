// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/routing/pattern_syntax.h"

#include <set>

/// What must hold of a parsed pattern as a whole. Each throws Error{Fault::data}.
namespace fiona::routing {

/// `^` with nothing before it, `$` with nothing after it.
void check_anchors(const PatternNode& root);
/// Every back reference names a group that was passed exactly once on every way to it, and that holds
/// neither a back reference nor another group that is referred to. So what the group was is one text for
/// the whole word.
void check_references(const PatternNode& root);
/// No word is longer than longest_id.
void check_length(const PatternNode& root);

/// Numbers of the groups that are referred to.
[[nodiscard]] std::set<unsigned> referenced_groups(const PatternNode& root);
/// The group of that number; there is one.
[[nodiscard]] const PatternNode& find_group(const PatternNode& root, unsigned number);

} // namespace fiona::routing
