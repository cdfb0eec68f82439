// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/pacs/sender.h"

/// The receiver of this site, seen from the site's other tools.
namespace fiona::ingest {

/// Where it listens, on this machine; the calling AE title is for the caller to set. The port is
/// that of the running receiver, which may have been started with another than the configured.
[[nodiscard]] pacs::Peer own_receiver(const Config& config);

} // namespace fiona::ingest
