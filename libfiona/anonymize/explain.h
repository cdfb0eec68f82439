// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/engine.h"
#include "libfiona/anonymize/profile.h"
#include "libfiona/base/json.h"

#include <string>
#include <string_view>
#include <vector>

/// What the profile does and what a run did, for people (rows of a table) and for programs (JSON).
/// Nothing here holds a value of a header.
namespace fiona::anonymize {

struct Shown {
    json::Value document;
    std::vector<std::vector<std::string>> rows;
};

/// All rows of the profile.
[[nodiscard]] Shown shown_profile(const Profile& profile);
/// What happens to one element. Throws Error{Fault::usage} if `tag` is no tag.
[[nodiscard]] Shown shown_rule(const Profile& profile, std::string_view tag);
/// Paths of inputs may hold names: only a report for the operator's eyes shows those that were not
/// written; elsewhere an input is its number in the order of the sorted paths.
enum class Paths { hidden, shown };
/// `plan` of a dry run included.
[[nodiscard]] Shown shown_report(const Report& report, Mode mode, Paths paths = Paths::hidden);
/// A warning for each file that was not written.
void log_set_aside(const Report& report);
/// What differs between two profiles: rows that only one has, and other actions.
[[nodiscard]] Shown shown_difference(const Profile& before, const Profile& after);
/// In words: "removed", "emptied", ...
[[nodiscard]] std::string_view meaning(Action action);

} // namespace fiona::anonymize
