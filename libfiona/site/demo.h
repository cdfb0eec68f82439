// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/site/builder.h"

#include <filesystem>
#include <string>
#include <vector>

namespace fiona::site {

/// The parts that only a demo has: the embedded REDCap with all projects of FIONA and one research
/// project DEMO (events Baseline, Week 12, Week 52; participants DEMO_000 to DEMO_999), and the
/// configuration of DCMTK's dcmqrscp as research PACS. What is there is kept: ports, tokens, records.
/// Returns what a person should know. The REDCap runs only while its records are checked, unless it
/// ran before. Throws Error{Fault::unreachable} if fiona-redcapd is not installed or fails.
std::vector<std::string> make_demo(Builder& builder, const std::filesystem::path& root,
                                   const std::filesystem::path& config_file);

/// dcmqrscp.cfg: one read-write storage area, open to every peer.
[[nodiscard]] std::string dcmqrscp_config(const std::filesystem::path& storage, std::uint16_t port);

} // namespace fiona::site
