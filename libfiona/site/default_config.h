// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace fiona::site {

/// What a demo site listens on, all on 127.0.0.1.
struct DemoPorts {
    std::uint16_t receiver = 0;
    std::uint16_t redcap = 0;
    std::uint16_t research_pacs = 0;
};

/// The AE title of the research PACS of a demo.
inline constexpr const char* demo_pacs_aet = "RESEARCH";

/// config.json of a new site, every section with its defaults spelled out. The REDCap and the
/// research PACS have empty addresses: a person fills them in.
[[nodiscard]] json::Value default_config(const std::filesystem::path& root);
/// The same for a demo: peers on loopback, short waits, small reserves of disk space. The member
/// `"DEMO": true` tells later runs that they may touch the embedded REDCap.
[[nodiscard]] json::Value demo_config(const std::filesystem::path& root, const DemoPorts& ports);

/// The zone of this machine, e.g. "Europe/Oslo"; "UTC" if it cannot be told.
[[nodiscard]] std::string local_timezone();

} // namespace fiona::site
