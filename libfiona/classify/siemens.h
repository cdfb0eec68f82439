// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/classify/tag_value.h"
#include "libfiona/csa/header.h"
#include "libfiona/csa/protocol.h"
#include "libfiona/dicom/header.h"

#include <optional>
#include <string>
#include <string_view>

namespace fiona::classify {

/// What Siemens MR scanners say of an image in private elements: the two CSA headers, the measurement
/// protocol in one of them, single elements of (0019) and (0051), and those of (0021) in the
/// functional groups of XA software. Looked at when first asked for; what is absent, or no such
/// header, has no values.
class SiemensImage {
public:
    /// Keeps a reference.
    explicit SiemensImage(const dicom::Header& image) : m_image{image} {}

    /// By Manufacturer or, where that was removed, by a CSA header.
    [[nodiscard]] bool is_siemens() const;
    /// A tag of the CSA image header; a handful of names also from the elements that say the same.
    [[nodiscard]] std::optional<TagValue> image_value(std::string_view name) const;
    /// A tag of the CSA series header.
    [[nodiscard]] std::optional<TagValue> series_value(std::string_view name) const;
    /// Of MrPhoenixProtocol (CSA series header), or of the protocol of XA software.
    [[nodiscard]] const csa::Protocol& protocol() const;

private:
    const dicom::Header& m_image;
    mutable std::optional<csa::Header> m_image_header;
    mutable std::optional<csa::Header> m_series_header;
    mutable std::optional<csa::Protocol> m_protocol;

    [[nodiscard]] const csa::Header& image_header() const;
    [[nodiscard]] const csa::Header& series_header() const;
};

/// The keys of the series JSON that come from there: PhaseEncodingDirectionPositive, ActiveCoils,
/// CSA, siemensDiffusionInformation, and from the protocol NumSlices, MeasID, siemensUUID, OSLevel.
/// None of another vendor's image. `known` are the fields that the series has already: the protocol, a tenth of a megabyte that all
/// images of a series repeat, is left unread if what it says stands there.
[[nodiscard]] json::Object siemens_fields(const dicom::Header& image, const json::Object& known);

} // namespace fiona::classify
