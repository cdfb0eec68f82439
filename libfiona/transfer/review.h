// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fiona::transfer {

/// `<state>/review/<new series UID>.png`: a few frames of each series in which burned-in text was hidden, as
/// they were sent, for fiona-status summary --html. At most 200 sheets, none older than 30 days; each comes
/// by rename. They are of no use to the transfer: what fails here is logged and stops nothing.
///
/// `series`: de-identified files by their new series UID.
void keep_review_sheets(const Paths& paths,
                        const std::map<std::string, std::vector<std::filesystem::path>>& series,
                        TimePoint now) noexcept;

} // namespace fiona::transfer
