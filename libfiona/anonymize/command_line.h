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
    /// The site, if there is one: its project, unless a scheme, a key or projects.json was named.
    std::optional<Config> site;
    std::vector<std::filesystem::path> profiles;
    std::vector<std::string> tag_changes; ///< gggg,eeee=VALUE
    std::vector<std::string> tag_regexes; ///< gggg,eeee=REGEX
    std::vector<std::string> private_lists;
    std::string documents;                             ///< refuse, if-clean; "" if not given
    std::vector<std::filesystem::path> extra_identity; ///< JSON files
    std::optional<std::filesystem::path> mapping_file; ///< to write
    std::string verify = "full";                       ///< or off
    std::string on_leak = "fail";                      ///< or scrub
    unsigned threads = 4;                              ///< 0: as many as there are processors
    bool by_series = false;
    bool old_style = false;      ///< scheme compat-hex
    bool knows_it_leaks = false; ///< verify may be off
    bool with_receipt = false;
};

/// Settings of one run: what was typed goes before what the project's file says. Throws
/// Error{Fault::usage} for words that make no sense, Error{Fault::config} for a missing key.
[[nodiscard]] Settings settings_of(const Wishes& wishes);

} // namespace fiona::anonymize
