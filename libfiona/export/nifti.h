// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/export/package_order.h"
#include "libfiona/export/plan.h"

#include <filesystem>
#include <string>
#include <vector>

/// Packages of NIfTI files, made by dcm2niix.
namespace fiona::exports {

struct MadeFile {
    std::filesystem::path file;
    std::string name; ///< in the package
};

/// The whole study in one run of dcm2niix; every result has the place of the layout.
[[nodiscard]] std::vector<MadeFile> make_nifti(const std::vector<PlannedImage>& images,
                                               const PackageOrder& order);

/// Series by series, placed by what they were classified as: a data set in the manner of BIDS 1.8. What
/// no rule knows lies below `extra_data/`, which `.bidsignore` names.
[[nodiscard]] std::vector<MadeFile> make_bids(const std::vector<PlannedImage>& images,
                                              const PackageOrder& order);

/// Letters and digits only: BIDS labels have nothing else; "unknown" if none is left.
[[nodiscard]] std::string bids_label(std::string_view text);

} // namespace fiona::exports
