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
/// `plan` of a dry run included.
[[nodiscard]] Shown shown_report(const Report& report, Mode mode);
/// In words: "removed", "emptied", ...
[[nodiscard]] std::string_view meaning(Action action);

} // namespace fiona::anonymize
