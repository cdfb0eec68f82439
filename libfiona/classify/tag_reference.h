// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/dicom/header.h"

#include <cstddef>
#include <optional>
#include <string>

namespace fiona::classify {

/// Where a condition finds its value.
struct TagReference {
    enum class Source {
        field_or_attribute, ///< `name` and `path`
        csa_image,          ///< the tag `name` of the CSA image header
        csa_series,         ///< the tag `name` of the CSA series header
        protocol            ///< the key `name` of the Siemens measurement protocol (ASCCONV)
    };
    Source source = Source::field_or_attribute;
    std::string name; ///< a key of the series JSON or a keyword; may be empty
    dicom::Path path; ///< of the attribute, through sequences; empty if `name` is no keyword
    std::optional<std::size_t> element; ///< of a multi-valued attribute, from 0
};

/// A tag as rules write it (fiona-files(5)): one name or path, group and element, or one of the words
/// CSAImage, CSASeries and ASCCONV with a name; the latter three also with an index. Nothing if it is
/// none of these forms.
[[nodiscard]] std::optional<TagReference> tag_reference(const json::Array& words);

} // namespace fiona::classify
