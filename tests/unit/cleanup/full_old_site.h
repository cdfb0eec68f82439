// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/cleanup/report.h"
#include "tests/support/old_site.h"

#include <algorithm>
#include <optional>
#include <vector>

/// What the tests of clear_old share: an archive with too much in it, and why a study stayed.
namespace full_old_site {

using Numbers = std::vector<unsigned>; ///< of OldSite's studies

inline std::optional<fiona::cleanup::Hold> why_kept(const fiona::cleanup::ClearOldReport& report,
                                                    unsigned n)
{
    const auto found = std::ranges::find(report.kept, OldSite::study(n),
                                         &fiona::cleanup::ClearOldReport::Kept::study);
    return found == report.kept.end() ? std::nullopt : std::optional{found->why};
}

/// A site that is full, of three studies; the first would go.
struct FullSite : OldSite {
    FullSite() : OldSite{3}
    {
        fill(90);
        order.max_used = 80;
    }
};

} // namespace full_old_site
