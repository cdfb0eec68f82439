// SPDX-License-Identifier: MIT
#include "libfiona/classify/functional_groups.h"

#include "libfiona/classify/tag_value.h"

#include <array>
#include <string_view>

namespace fiona::classify {

namespace {

using dicom::Tag;

constexpr Tag shared_groups{0x5200, 0x9229};
constexpr Tag frame_groups{0x5200, 0x9230};

struct GroupAttribute {
    std::string_view key;
    Tag macro;
    Tag attribute;
};

// PS3.3 §C.7.6.16.2 and §C.8.13.5
constexpr std::array<GroupAttribute, 7> group_attributes{{
    {"RepetitionTime", {0x0018, 0x9112}, {0x0018, 0x0080}},
    {"EchoTime", {0x0018, 0x9114}, {0x0018, 0x9082}},
    {"SliceThickness", {0x0028, 0x9110}, {0x0018, 0x0050}},
    {"SliceSpacing", {0x0028, 0x9110}, {0x0018, 0x0088}},
    {"PixelSpacing", {0x0028, 0x9110}, {0x0028, 0x0030}},
    {"ImageOrientationPatient", {0x0020, 0x9116}, {0x0020, 0x0037}},
    {"ImagePositionPatient", {0x0020, 0x9113}, {0x0020, 0x0032}},
}};

struct XaElement {
    std::string_view key;
    std::uint16_t element; ///< of (0021,xxee)
};

/// What XA software has instead of the attributes of group 0018 that enhanced objects lack.
constexpr std::array<XaElement, 3> xa_elements{{
    {"ScanningSequence", 0x5a},
    {"SequenceVariant", 0x5b},
    {"ScanOptions", 0x5c},
}};

void add(json::Object& fields, std::string_view key, std::optional<std::vector<std::string>> values,
         std::string_view vr)
{
    if (values && !values->empty()) {
        fields.try_emplace(std::string{key}, tag_value(std::move(*values), vr).text);
    }
}

} // namespace

json::Object functional_group_fields(const dicom::Header& image)
{
    json::Object fields;
    if (!image.has(shared_groups) && !image.has(frame_groups)) {
        return fields;
    }
    for (const auto& [key, macro, attribute] : group_attributes) {
        for (const auto groups : {shared_groups, frame_groups}) {
            add(fields, key, image.values_at({{groups}, {macro}, {attribute}}), "DS");
        }
    }
    constexpr std::uint16_t group = 0x0021;
    constexpr std::uint16_t sequence = 0xfe;
    constexpr std::string_view creator = "SIEMENS MR SDS 01";
    for (const auto& [key, element] : xa_elements) {
        add(fields, key,
            image.values_at(
                {{shared_groups}, {{group, sequence}, creator}, {{group, element}, creator}}),
            "CS");
    }
    // PS3.3 §C.8.13.4: Pulse Sequence Name has taken the place of Sequence Name
    add(fields, "SequenceName", image.values({0x0018, 0x9005}), "SH");
    return fields;
}

} // namespace fiona::classify
