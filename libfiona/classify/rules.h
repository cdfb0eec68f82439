// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/dicom/header.h"

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::classify {

/// What is known of a series after one more of its images was looked at.
struct Classification {
    std::vector<std::string> types;  ///< ClassifyType, in order of first detection
    std::vector<std::string> vetoes; ///< ClassifyVeto: never to be added again
};

/// The rules of classifyRules.json (fiona-files(5)): an array of objects, each adding its `type` to
/// a series when all its `rules` hold for an image.
///
/// A condition holds or fails; an absent attribute fails every operator but `notexist`; `negate`
/// turns the result around. ClassifyType as seen by a condition includes what earlier objects of
/// the same pass have found. Types are never removed, except those with `"check": "SeriesLevel"`:
/// an image for which no object of the type holds vetoes it for the whole series.
class Rules {
public:
    /// Throws Error{Fault::config} if the file is no JSON array of objects; Fault::missing.
    [[nodiscard]] static Rules load(const std::filesystem::path& file);
    [[nodiscard]] static Rules parse(std::string_view text, std::string_view name);
    Rules(Rules&& other) noexcept;
    Rules& operator=(Rules&& other) noexcept;
    Rules(const Rules&) = delete;
    Rules& operator=(const Rules&) = delete;
    ~Rules();

    /// One line per mistake, the first hundred with their place: `line 31, column 9: object 12 (id):
    /// rules[2].value: ...`. The object concerned is disabled, with all that refer to it; the others
    /// work. A disabled CHECKBURNEDINFO object holds for every image: better to search pixels in vain
    /// than to miss a name in them.
    [[nodiscard]] const std::vector<std::string>& problems() const;
    /// Objects that are in use.
    [[nodiscard]] std::size_t size() const;
    /// Each object with its references replaced by the conditions they stand for.
    [[nodiscard]] json::Value resolved() const;

    /// `series_fields` is the series JSON with the fields of this image merged in. Its
    /// ClassifyType and ClassifyVeto are the starting point.
    [[nodiscard]] Classification evaluate(const dicom::Header& header,
                                          const json::Object& series_fields) const;

private:
    struct Data;
    explicit Rules(std::unique_ptr<Data> data);
    std::unique_ptr<Data> m_data;
};

} // namespace fiona::classify
