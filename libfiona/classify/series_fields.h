// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/classify/series_record.h"
#include "libfiona/classify/siemens.h"
#include "libfiona/dicom/header.h"

#include <string>
#include <string_view>

namespace fiona::classify {

/// How one image came in.
struct Reception {
    std::string caller;
    std::string called;
    std::string host;    ///< short host name, or address
    std::string address; ///< numeric
    TimePoint received;
};

/// The fields of `raw/<Study>/<Series>.json` that one image gives (fiona-files(5)): names and forms
/// of the original, values of multi-frame objects from their functional groups, private elements
/// by their creator. Without ClassifyType and NumFiles. `last` is kept from image to image of a series.
[[nodiscard]] json::Object series_fields(const dicom::Header& header, const Reception& reception,
                                         LastProtocol& last);
/// Of one image alone.
[[nodiscard]] json::Object series_fields(const dicom::Header& header, const Reception& reception);

/// Whether a series JSON may have this key, by the original or by us.
[[nodiscard]] bool is_series_key(std::string_view key);
/// Whether the original did not know this key.
[[nodiscard]] bool is_added_key(std::string_view key);

} // namespace fiona::classify
