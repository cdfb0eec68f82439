// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
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
/// by their creator. Without ClassifyType and NumFiles.
[[nodiscard]] json::Object series_fields(const dicom::Header& header, const Reception& reception);

/// Whether the original did not know this key.
[[nodiscard]] bool is_added_key(std::string_view key);

enum class Arrival {
    first, ///< the image was not known before
    again, ///< it had its link already: re-sent, or a crash interrupted its first processing
};

/// `stored` (null for a new series) with one more image: the first image's values stay, fields that
/// were missing or empty are filled in, SliceLocation keeps the smallest. Merging the same image
/// again changes nothing: LastReceived moves only with a new image or another change.
[[nodiscard]] json::Object merged(const json::Value& stored, const json::Object& image,
                                  Arrival arrival);

/// Sets NumFiles (text, as ever) and TotalFrames.
void set_counts(json::Object& fields, std::size_t files);

} // namespace fiona::classify
