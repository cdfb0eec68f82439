// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace fiona::classify {

enum class Arrival {
    first, ///< the image was not known before
    again, ///< it had its link already: re-sent, or a crash interrupted its first processing
};

/// The JSON of one series while images are added to it: the first image's values stay, fields that
/// were missing or empty are filled in, SliceLocation keeps the smallest, DiffusionBValues all, MeasID
/// that of the newest image that told one. Who the patient is says the image that was received last: names are
/// corrected and patients merged, and then the images come once more.
/// What is kept of each image (FramesOf, siemensDiffusionInformation, diffusionInformation) has one
/// entry per SOP instance. Adding the same image again changes nothing: LastReceived moves only with
/// a new image or another change. The cost of adding does not grow with the series.
class SeriesRecord {
public:
    /// `stored` is the JSON so far; null, or no object, for a new series.
    explicit SeriesRecord(const json::Value& stored);

    /// `image` is what series_fields() gives for it.
    void add(const json::Object& image, Arrival arrival);
    [[nodiscard]] const json::Object& fields() const { return m_fields; }
    /// Replaces one field.
    void set(std::string_view key, json::Value value);
    /// set_counts() for this record.
    void count(std::size_t files);

private:
    [[nodiscard]] bool replace(const std::string& key, const json::Value& value);
    [[nodiscard]] bool keep(const std::string& key, const json::Value& value);
    [[nodiscard]] bool keep_entries(const std::string& key, const json::Array& entries);

    json::Object m_fields;
    /// Of each array with one entry per image: SOP instance UID -> position.
    std::map<std::string, std::map<std::string, std::size_t>, std::less<>> m_positions;
};

/// `stored` with one more image, by the rules of SeriesRecord.
[[nodiscard]] json::Object merged(const json::Value& stored, const json::Object& image,
                                  Arrival arrival);

/// Sets NumFiles (text, as ever) and TotalFrames.
void set_counts(json::Object& fields, std::size_t files);

} // namespace fiona::classify
