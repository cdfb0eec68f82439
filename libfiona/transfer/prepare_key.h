// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/settings.h"
#include "libfiona/base/config.h"
#include "libfiona/store/requests.h"
#include "libfiona/transfer/selection.h"

#include <string>
#include <vector>

namespace fiona::transfer {

/// A digest of all that decides what de-identification makes of these images: the request, the images as
/// they lie in the archive, the settings, profiles and keys of the project, what the site knows of its
/// devices, and these tools. The same key: the same result.
[[nodiscard]] std::string preparation_key(const Config& config,
                                          const store::TransferRequest& request,
                                          const std::vector<Image>& images,
                                          const anonymize::Settings& settings);

} // namespace fiona::transfer
