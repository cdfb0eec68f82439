// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/settings.h"

#include <optional>
#include <string>
#include <vector>

namespace fiona::anonymize {

/// What a person typed for one run, not yet checked.
struct Wishes {
    std::string project, participant, event;
    std::string scheme; ///< hmac, compat-dec, compat-hex; "" if not given
    std::optional<int> days;
    std::optional<std::filesystem::path> key_file;
    std::optional<std::filesystem::path> project_config; ///< projects.json
    std::vector<std::filesystem::path> profiles;
    std::vector<std::string> tag_changes; ///< gggg,eeee=VALUE
    std::vector<std::string> tag_regexes; ///< gggg,eeee=REGEX
    std::vector<std::string> private_lists;
    std::string documents; ///< refuse, if-clean; "" if not given
};

/// Settings of one run: what was typed goes before what the project's file says. Throws
/// Error{Fault::usage} for words that make no sense, Error{Fault::config} for a missing key.
[[nodiscard]] Settings settings_of(const Wishes& wishes);

} // namespace fiona::anonymize
