// SPDX-License-Identifier: MIT
#include "libfiona/classify/series_fields.h"

#include "libfiona/classify/diffusion.h"
#include "libfiona/classify/functional_groups.h"
#include "libfiona/classify/siemens.h"
#include "libfiona/classify/tag_value.h"
#include "libfiona/classify/vendor_value.h"

#include <algorithm>
#include <array>
#include <optional>

namespace fiona::classify {

namespace {

using dicom::Header;
using dicom::Tag;

struct Attribute {
    std::string_view key;
    Tag tag;
};

constexpr std::array<Attribute, 43> attributes{{
    {"Manufacturer", {0x0008, 0x0070}},
    {"ManufacturerModelName", {0x0008, 0x1090}},
    {"AcquisitionMatrix", {0x0018, 0x1310}},
    {"StudyInstanceUID", {0x0020, 0x000d}},
    {"SeriesInstanceUID", {0x0020, 0x000e}},
    {"SeriesTime", {0x0008, 0x0031}},
    {"StudyDate", {0x0008, 0x0020}},
    {"StudyTime", {0x0008, 0x0030}},
    {"PatientID", {0x0010, 0x0020}},
    {"PatientName", {0x0010, 0x0010}},
    {"PatientSex", {0x0010, 0x0040}},
    {"InstitutionName", {0x0008, 0x0080}},
    {"OperatorsName", {0x0008, 0x1070}},
    {"StationName", {0x0008, 0x1010}},
    {"SOPClassUID", {0x0008, 0x0016}},
    {"StudyDescription", {0x0008, 0x1030}},
    {"StudyID", {0x0020, 0x0010}},
    {"AccessionNumber", {0x0008, 0x0050}},
    {"SeriesDescription", {0x0008, 0x103e}},
    {"SeriesNumber", {0x0020, 0x0011}},
    {"InstanceNumber", {0x0020, 0x0013}},
    {"SequenceName", {0x0018, 0x0024}},
    {"ScanningSequence", {0x0018, 0x0020}},
    {"SequenceVariant", {0x0018, 0x0021}},
    {"ScanOptions", {0x0018, 0x0022}},
    {"EchoTime", {0x0018, 0x0081}},
    {"RepetitionTime", {0x0018, 0x0080}},
    {"SliceThickness", {0x0018, 0x0050}},
    {"SliceSpacing", {0x0018, 0x0088}},
    {"ImageType", {0x0008, 0x0008}},
    {"SliceLocation", {0x0020, 0x1041}},
    {"ImagesInAcquisition", {0x0020, 0x1002}},
    {"NumberOfTemporalPositions", {0x0020, 0x0105}},
    // added here; the original did not have them
    {"SeriesDate", {0x0008, 0x0021}},
    {"NumberOfFrames", {0x0028, 0x0008}},
    {"SoftwareVersions", {0x0018, 0x1020}},
    {"BodyPartExamined", {0x0018, 0x0015}},
    {"ImageOrientationPatient", {0x0020, 0x0037}},
    {"PixelSpacing", {0x0028, 0x0030}},
    {"PatientIdentityRemoved", {0x0012, 0x0062}},
    {"BurnedInAnnotation", {0x0028, 0x0301}},
    {"ConversionType", {0x0008, 0x0064}},
    {"ProtocolName", {0x0018, 0x1030}},
}};

constexpr std::array<std::string_view, 21> added_keys{
    "BodyPartExamined", "BurnedInAnnotation", "CSA",
    "CallerAddress",    "ClassifyVeto",       "ConversionType",
    "DiffusionBValues", "FirstReceived",      "FramesOf",
    "LastReceived",     "NumberOfFrames",     "ImageOrientationPatient",
    "PixelSpacing",     "ProtocolName",       "ImagePositionPatient",
    "SeriesDate",       "SoftwareVersions",   "PatientIdentityRemoved",
    "TotalFrames",      "TransferSyntaxUID",  "diffusionInformation"};

/// Keys of the original that are made elsewhere; `SoftwareVersion` is its misspelling, which no file ever
/// got, and which rules may name all the same.
constexpr std::array<std::string_view, 11> other_keys{
    "ClassifyType",    "IncomingConnection",
    "MeasID",          "Modality",
    "NumFiles",        "NumSlices",
    "OSLevel",         "PhaseEncodingDirectionPositive",
    "SoftwareVersion", "siemensDiffusionInformation",
    "siemensUUID"};

struct VendorText {
    std::string_view key;
    VendorElement element;
};

constexpr std::array<VendorText, 8> vendor_texts{{
    {"AcquisitionLength", {0x0051, "SIEMENS MR HEADER", 0x0a}},
    {"ActiveCoils", {0x0051, "SIEMENS MR HEADER", 0x0f}},
    {"Slices", {0x0021, "GEMS_RELA_01", 0x4f}},
    {"PulseSequenceName", {0x0019, "GEMS_ACQU_01", 0x9c}},
    {"Private0019_105a", {0x0019, "GEMS_ACQU_01", 0x5a, Encoding::float32}},
    {"Private0019_10BB", {0x0019, "GEMS_ACQU_01", 0xbb}},
    {"Private0043_1039", {0x0043, "GEMS_PARM_01", 0x39}},
    {"SequenceType", {0x2001, "Philips Imaging DD 001", 0x20}},
}};

/// The scanner's software level: what stands behind `release:`, up to `_` or a quote. Siemens' XA
/// software says it at the end of `syngo MR XA30`.
std::optional<std::string> software_level(const Header& header)
{
    constexpr std::string_view xa_mark = "syngo MR ";
    const auto text = header.text({0x0018, 0x1020});
    std::string_view rest = text;
    if (rest.starts_with(xa_mark) && rest.substr(xa_mark.size()).starts_with("XA")) {
        rest.remove_prefix(xa_mark.size());
        return std::string{rest.substr(0, rest.find_first_of(" \\"))};
    }
    constexpr std::string_view mark = "release:";
    const auto at = rest.find(mark);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    rest.remove_prefix(at + mark.size());
    return std::string{rest.substr(0, rest.find_first_of("_\""))};
}

/// As the original: blanks, quotes, backslashes and control characters are removed.
std::string bare_title(std::string_view title)
{
    std::string result;
    for (const char c : title) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0x20 && byte != 0x7f && c != '"' && c != '\\') {
            result += c;
        }
    }
    return result;
}

/// Adds what is absent or empty.
void complete(json::Object& fields, const json::Object& more)
{
    for (const auto& [key, value] : more) {
        auto& field = fields.try_emplace(key, "").first->second;
        if (field == json::Value{""}) {
            field = value;
        }
    }
}

} // namespace

bool is_series_key(std::string_view key)
{
    const auto is_key = [&](const auto& entry) { return entry.key == key; };
    return is_added_key(key) || std::ranges::find(other_keys, key) != other_keys.end()
           || std::ranges::any_of(attributes, is_key) || std::ranges::any_of(vendor_texts, is_key);
}

bool is_added_key(std::string_view key)
{
    return std::ranges::find(added_keys, key) != added_keys.end();
}

json::Object series_fields(const Header& header, const Reception& reception)
{
    LastProtocol none;
    return series_fields(header, reception, none);
}

json::Object series_fields(const Header& header, const Reception& reception, LastProtocol& last)
{
    json::Object fields;
    for (const auto& [key, tag] : attributes) {
        if (const auto value = tag_value(header, tag)) {
            fields.emplace(key, value->text);
        }
    }
    for (const auto& [key, element] : vendor_texts) {
        if (auto value = vendor_value(header, element)) {
            fields.emplace(key, std::move(value->text));
        }
    }
    complete(fields, functional_group_fields(header));
    complete(fields, siemens_fields(header, last));
    complete(fields, diffusion_fields(header, fields));
    fields.try_emplace("StudyDescription", "missing");
    fields["Modality"] = json::Array{header.text({0x0008, 0x0060})};
    if (auto level = software_level(header)) {
        fields.try_emplace("OSLevel", std::move(*level)); // a Siemens protocol knows it better
    }
    fields["IncomingConnection"] = json::Object{{"AETitleCaller", bare_title(reception.caller)},
                                                {"AETitleCalled", bare_title(reception.called)},
                                                {"CallerIP", bare_title(reception.host)}};
    fields["CallerAddress"] = bare_title(reception.address);
    fields["FirstReceived"] = iso8601_utc(reception.received);
    fields["LastReceived"] = iso8601_utc(reception.received);
    fields["TransferSyntaxUID"] = header.meta_text({0x0002, 0x0010});
    if (const auto frames = as_number(header.text({0x0028, 0x0008})); frames && *frames > 1) {
        fields["FramesOf"] =
            json::Object{{header.text({0x0008, 0x0018}), static_cast<std::int64_t>(*frames)}};
    }
    return fields;
}

} // namespace fiona::classify
