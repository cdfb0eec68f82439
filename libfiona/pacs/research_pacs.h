// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/pacs/sender.h"

/// RESEARCH_PACS of the configuration as peers. With RESEARCH_PACS.tls both speak TLS.
namespace fiona::pacs {

/// Where objects are stored. Throws Error{Fault::config} if it has no host or port.
[[nodiscard]] Peer research_pacs(const Config& config);
/// Where it answers C-FIND, C-GET and C-MOVE. Throws Error{Fault::config} if it has no host or port.
[[nodiscard]] Peer research_query(const Config& config);

} // namespace fiona::pacs
