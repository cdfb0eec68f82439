// SPDX-License-Identifier: MIT
#include "libfiona/classify/siemens.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/classify/vendor_value.h"

#include <algorithm>
#include <array>
#include <span>

namespace fiona::classify {

namespace {

using dicom::Path;
using dicom::Tag;
using Bytes = std::optional<std::span<const std::byte>>;

constexpr std::string_view mr_creator = "SIEMENS MR HEADER";
constexpr std::string_view xa_series_creator = "SIEMENS MR SDS 01";
constexpr Tag shared_groups{0x5200, 0x9229};
constexpr Tag frame_groups{0x5200, 0x9230};
constexpr std::uint16_t xa_group = 0x0021;
constexpr std::uint16_t xa_sequence = 0xfe; ///< holds the creator's elements in functional groups

constexpr std::uint16_t image_element = 0x10;
constexpr std::uint16_t series_element = 0x20;

std::string_view as_text(std::span<const std::byte> bytes)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) bytes as text
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

csa::Header parsed(const Bytes& bytes)
{
    try {
        return bytes ? csa::Header::parse(*bytes) : csa::Header{};
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        return {}; // something else under this number
    }
}

/// By its creator, else at the numbers that scanners use, in blocks that nobody claims.
csa::Header csa_header(const dicom::Header& image, std::uint16_t element)
{
    constexpr std::uint16_t group = 0x0029;
    constexpr std::array<std::uint16_t, 3> usual_blocks{0x10, 0x12, 0x11};
    csa::Header header;
    for (const std::string_view creator : {"SIEMENS CSA HEADER", "SIEMENS CSA NON-IMAGE"}) {
        if (header.size() == 0) {
            header = parsed(image.bytes_at({{{group, element}, creator}}));
        }
    }
    for (const std::uint16_t block : usual_blocks) {
        if (header.size() == 0 && !image.has({group, block})) {
            const auto number = static_cast<std::uint16_t>((block << 8U) | element);
            header = parsed(image.bytes_at({{{group, number}}}));
        }
    }
    return header;
}

/// The same value in the places where a Siemens scanner may put it. Numbers: dcm2niix, and what the
/// files themselves show.
struct Place {
    std::string_view name;      ///< in the CSA image header and the series JSON
    std::uint16_t mr_group = 0; ///< of the element in the block of SIEMENS MR HEADER; 0: none
    std::uint8_t mr_element = 0;
    std::uint8_t xa_element = 0;   ///< of (0021,xxee), SIEMENS MR SDI 02 or 01; 0: none
    std::array<Tag, 3> standard{}; ///< in the MR Diffusion macro (PS3.3 §C.8.13.5.9)
};

constexpr Tag diffusion_macro{0x0018, 0x9117};
constexpr Tag gradient_sequence{0x0018, 0x9076};

constexpr std::array<Place, 13> places{{
    {"PhaseEncodingDirectionPositive", 0, 0, 0x1c},
    {"ImaCoilString", 0x0051, 0x0f, 0x4f},
    {"B_value", 0x0019, 0x0c, 0, {diffusion_macro, {0x0018, 0x9087}}},
    {"DiffusionDirectionality", 0x0019, 0x0d, 0, {diffusion_macro, {0x0018, 0x9075}}},
    {"DiffusionGradientDirection",
     0x0019,
     0x0e,
     0,
     {diffusion_macro, gradient_sequence, {0x0018, 0x9089}}},
    {"B_matrix", 0x0019, 0x27, 0},
    {"NumberOfImagesInMosaic", 0x0019, 0x0a, 0},
    {"MosaicRefAcqTimes", 0x0019, 0x29, 0x29},
    {"SliceNormalVector", 0, 0, 0},
    {"BandwidthPerPixelPhaseEncode", 0x0019, 0x28, 0x53},
    {"AcquisitionMatrixText", 0x0051, 0x0b, 0x58},
    {"ICE_Dims", 0, 0, 0x06},
    {"ImageType", 0, 0, 0x75},
}};

/// In the order of the series JSON's object `CSA`.
constexpr std::array<std::string_view, 7> extra_names{"AcquisitionMatrixText",
                                                      "B_matrix",
                                                      "BandwidthPerPixelPhaseEncode",
                                                      "ImageType",
                                                      "NumberOfImagesInMosaic",
                                                      "MosaicRefAcqTimes",
                                                      "SliceNormalVector"};

std::optional<TagValue> present(std::optional<std::vector<std::string>> values)
{
    return values && !values->empty() ? std::optional{tag_value(std::move(*values), "UN")}
                                      : std::nullopt;
}

/// A value of XA software: of the image as a whole, or of its first frame.
std::optional<TagValue> xa_value(const dicom::Header& image, std::uint8_t element)
{
    for (const std::string_view creator : {"SIEMENS MR SDI 02", "SIEMENS MR SDI 01"}) {
        const dicom::Step step{{xa_group, element}, creator};
        auto value = present(image.values_at({step}));
        if (!value) {
            value = present(
                image.values_at({{frame_groups}, {{xa_group, xa_sequence}, creator}, step}));
        }
        if (value) {
            return value;
        }
    }
    return std::nullopt;
}

std::optional<TagValue> standard_value(const dicom::Header& image, const Place& place)
{
    const auto last = std::ranges::find_if(place.standard.rbegin(), place.standard.rend(),
                                           [](Tag tag) { return tag.group != 0; });
    if (auto value = present(image.values(*last))) {
        return value;
    }
    for (const auto groups : {shared_groups, frame_groups}) {
        Path path{{groups}};
        for (const auto tag : place.standard) {
            if (tag.group != 0) {
                path.push_back({tag});
            }
        }
        if (auto value = present(image.values_at(path))) {
            return value;
        }
    }
    return std::nullopt;
}

std::optional<TagValue> value_elsewhere(const dicom::Header& image, const Place& place)
{
    std::optional<TagValue> value;
    if (place.mr_group != 0) {
        value = vendor_value(image, {place.mr_group, mr_creator, place.mr_element});
    }
    if (place.mr_group != 0 && value && value->text.empty()) {
        value.reset();
    }
    if (!value && place.xa_element != 0) {
        value = xa_value(image, place.xa_element);
    }
    if (!value && place.standard.front().group != 0) {
        value = standard_value(image, place);
    }
    return value;
}

std::optional<TagValue> csa_value(const csa::Header& header, std::string_view name)
{
    auto found = header.find(name);
    return found ? std::optional{tag_value(std::move(found->items), found->vr)} : std::nullopt;
}

json::Value as_json(const TagValue& value)
{
    return value.is_list ? json::Value{json::Array{value.items.begin(), value.items.end()}}
                         : json::Value{value.text};
}

void add_extras(json::Object& fields, const SiemensImage& image)
{
    json::Object extras;
    for (const auto name : extra_names) {
        if (const auto value = image.image_value(name)) {
            extras.emplace(name, as_json(*value));
        }
    }
    if (!extras.empty()) {
        fields.emplace("CSA", std::move(extras));
    }
}

void add_diffusion(json::Object& fields, const SiemensImage& image, const dicom::Header& header)
{
    const auto kind = image.image_value("DiffusionDirectionality");
    if (!kind || kind->text.empty()) {
        return;
    }
    const auto b_value = image.image_value("B_value");
    const auto direction = image.image_value("DiffusionGradientDirection");
    json::Array components;
    if (direction) {
        components.assign(direction->items.begin(), direction->items.end());
    }
    fields.emplace("siemensDiffusionInformation",
                   json::Array{json::Object{{"B_value", b_value ? b_value->text : ""},
                                            {"DiffusionDirectionality", kind->text},
                                            {"DiffusionGradientDirection", std::move(components)},
                                            {"InstanceNumber", header.text({0x0020, 0x0013})},
                                            {"SOPInstanceUID", header.text({0x0008, 0x0018})}}});
}

/// `N4_VE11C_LATEST_20160120` is VE11C.
std::optional<std::string> software_level(std::string_view baseline)
{
    constexpr std::string_view mark = "N4_";
    if (!baseline.starts_with(mark)) {
        return std::nullopt;
    }
    baseline.remove_prefix(mark.size());
    return std::string{baseline.substr(0, baseline.find_first_of("_\""))};
}

constexpr std::string_view slices_key = "NumSlices";

void add_protocol(json::Object& fields, const csa::Protocol& protocol)
{
    const auto add = [&](std::string_view key, std::optional<std::string> value) {
        if (value && !value->empty()) {
            fields.emplace(key, std::move(*value));
        }
    };
    add("siemensUUID", protocol.value("sWipMemBlock.tFree"));
    add(slices_key, protocol.value("sGroupArray.asGroup[0].nSize"));
    add("MeasID", protocol.value_by_ending("SequenceID"));
    add("OSLevel",
        software_level(
            protocol.value("sProtConsistencyInfo.tMeasuredBaselineString").value_or("")));
}

} // namespace

const csa::Header& SiemensImage::image_header() const
{
    if (!m_image_header) {
        m_image_header = csa_header(m_image, image_element);
    }
    return *m_image_header;
}

const csa::Header& SiemensImage::series_header() const
{
    if (!m_series_header) {
        m_series_header = csa_header(m_image, series_element);
    }
    return *m_series_header;
}

const csa::Protocol& SiemensImage::protocol() const
{
    if (m_protocol) {
        return *m_protocol;
    }
    m_protocol.emplace();
    for (const std::string_view name : {"MrPhoenixProtocol", "MrProtocol"}) { // the latter in VB12
        if (m_protocol->size() == 0) {
            m_protocol = csa::Protocol::parse(series_header().raw_text(name));
        }
    }
    const dicom::Step step{{xa_group, 0x19}, xa_series_creator};
    for (const auto& path :
         {Path{step}, Path{{shared_groups}, {{xa_group, xa_sequence}, xa_series_creator}, step}}) {
        const auto bytes = m_protocol->size() == 0 ? m_image.bytes_at(path) : std::nullopt;
        if (bytes) {
            m_protocol = csa::Protocol::parse(as_text(*bytes));
        }
    }
    return *m_protocol;
}

std::optional<TagValue> SiemensImage::image_value(std::string_view name) const
{
    if (auto value = csa_value(image_header(), name)) {
        return value;
    }
    const auto* const place = std::ranges::find(places, name, &Place::name);
    return place != places.end() && is_siemens() ? value_elsewhere(m_image, *place) : std::nullopt;
}

std::optional<TagValue> SiemensImage::series_value(std::string_view name) const
{
    return csa_value(series_header(), name);
}

bool SiemensImage::is_siemens() const
{
    return lower_case(m_image.text({0x0008, 0x0070})).starts_with("siemens")
           || image_header().size() > 0 || series_header().size() > 0;
}

json::Object siemens_fields(const dicom::Header& image, const json::Object& known)
{
    const SiemensImage siemens{image};
    json::Object fields;
    if (!siemens.is_siemens()) {
        return fields;
    }
    if (const auto positive = siemens.image_value("PhaseEncodingDirectionPositive")) {
        fields.emplace("PhaseEncodingDirectionPositive", positive->text);
    }
    if (const auto coils = siemens.image_value("ImaCoilString")) {
        fields.emplace("ActiveCoils", coils->text);
    }
    add_extras(fields, siemens);
    add_diffusion(fields, siemens, image);
    if (!known.contains(slices_key)) {
        add_protocol(fields, siemens.protocol());
    }
    return fields;
}

} // namespace fiona::classify
