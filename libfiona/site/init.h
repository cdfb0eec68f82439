// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/mode.h"

#include <filesystem>
#include <string>
#include <vector>

/// Making a site. Every step makes what is missing and keeps what is there, so init may be run
/// again at any time, also after it was killed:
///
/// config.json  other files below ROOT
///      -              -                 no site yet: init makes one
///      -              + (no own parts)  something else: refused
///      +              any               a site: init completes it, changes nothing
namespace fiona::site {

enum class Kind { plain, demo };

struct InitReport {
    std::filesystem::path config_file;
    std::vector<std::filesystem::path> made;
    std::vector<std::filesystem::path> kept;
    std::vector<std::string> notes; ///< what else was done or is left to do
};

/// Throws Error{Fault::data} if `root` holds something that is no site, or is a site of the other
/// kind, or has a name that a crontab cannot hold; Fault::missing if a shipped file is missing.
InitReport init_site(const std::filesystem::path& root, Kind kind, Mode mode);

} // namespace fiona::site
