// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/store/requests.h"
#include "libfiona/transfer/preparation.h"
#include "libfiona/transfer/workspace.h"

namespace fiona::transfer {

/// Selects the images of a study, hides text in their pixels, de-identifies and verifies them. What an
/// earlier try prepared from the same images in the same way is used again (PreparedStudy). If one
/// image fails verification there is no object. `preparation.outcome.counts.in` is 0 if the study has
/// no image.
/// Throws Error for what is wrong around the request: disk, profile, keys.
[[nodiscard]] Preparation prepare(const Config& config, const Workspace& workspace,
                                  const store::TransferRequest& request,
                                  const redcap::ResearchProject& project);

} // namespace fiona::transfer
