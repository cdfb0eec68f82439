// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/settings.h"
#include "libfiona/base/ids.h"
#include "libfiona/transfer/preparation.h"

#include <cstdint>
#include <filesystem>

namespace fiona::transfer {

/// The de-identified objects of a series that has no image.
struct NoImageSeries {
    std::filesystem::path sample; ///< one of them
    std::size_t objects = 0;
    std::uint64_t bytes = 0;
};

/// Viewers show nothing of objects without pixels, so that people think they are lost. This writes a
/// Secondary Capture (PS3.3 §A.8.1) beside `series.sample` that says how many there are: 512 by 512, 8 bit,
/// in the same study and series, with the header of the sample as far as it is about patient, study
/// and series. Nothing stands in it that was not de-identified and verified. Its SOP instance UID is made
/// of the original series UID and "noimage", so that it is the same at every try.
[[nodiscard]] ReadyObject write_no_image_picture(const SeriesUid& original,
                                                 const NoImageSeries& series,
                                                 const anonymize::Settings& settings);

} // namespace fiona::transfer
