// SPDX-License-Identifier: MIT
#include "libfiona/classify/series_fields.h"

#include "libfiona/classify/tag_value.h"

#include <fmt/format.h>

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

constexpr std::array<std::string_view, 16> added_keys{
    "BodyPartExamined", "BurnedInAnnotation", "CallerAddress",    "ClassifyVeto",
    "ConversionType",   "FirstReceived",      "FramesOf",         "ImageOrientationPatient",
    "LastReceived",     "NumberOfFrames",     "PixelSpacing",     "PatientIdentityRemoved",
    "ProtocolName",     "SeriesDate",         "SoftwareVersions", "TransferSyntaxUID"};

struct PrivateText {
    std::string_view key;
    std::uint16_t group;
    std::string_view creator;
    std::uint8_t element;
};

constexpr std::array<PrivateText, 8> private_texts{{
    {"AcquisitionLength", 0x0051, "SIEMENS MR HEADER", 0x0a},
    {"ActiveCoils", 0x0051, "SIEMENS MR HEADER", 0x0f},
    {"Slices", 0x0021, "GEMS_RELA_01", 0x4f},
    {"PulseSequenceName", 0x0019, "GEMS_ACQU_01", 0x9c},
    {"Private0019_105a", 0x0019, "GEMS_ACQU_01", 0x5a},
    {"Private0019_10BB", 0x0019, "GEMS_ACQU_01", 0xbb},
    {"Private0043_1039", 0x0043, "GEMS_PARM_01", 0x39},
    {"SequenceType", 0x2001, "Philips Imaging DD 001", 0x20},
}};

struct FunctionalGroup {
    std::string_view key;
    Tag macro;
    Tag attribute;
};

// PS3.3 §C.7.6.16.2 and §C.8.13.5
constexpr std::array<FunctionalGroup, 6> functional_groups{{
    {"RepetitionTime", {0x0018, 0x9112}, {0x0018, 0x0080}},
    {"EchoTime", {0x0018, 0x9114}, {0x0018, 0x9082}},
    {"SliceThickness", {0x0028, 0x9110}, {0x0018, 0x0050}},
    {"SliceSpacing", {0x0028, 0x9110}, {0x0018, 0x0088}},
    {"PixelSpacing", {0x0028, 0x9110}, {0x0028, 0x0030}},
    {"ImageOrientationPatient", {0x0020, 0x9116}, {0x0020, 0x0037}},
}};

constexpr std::string_view frames_key = "FramesOf";

std::optional<std::string> private_text(const Header& header, const PrivateText& wanted)
{
    if (auto values = header.private_values(wanted.group, wanted.creator, wanted.element)) {
        return tag_value(std::move(*values), "UN").text;
    }
    constexpr std::uint16_t usual_block = 0x10;
    if (header.has({wanted.group, usual_block})) {
        return std::nullopt; // the block belongs to another vendor
    }
    const auto number = static_cast<std::uint16_t>((usual_block << 8U) | wanted.element);
    const auto value = tag_value(header, {wanted.group, number});
    return value ? std::optional{value->text} : std::nullopt;
}

/// The scanner's software level: what stands behind `release:`, up to `_` or a quote.
std::optional<std::string> software_level(const Header& header)
{
    constexpr std::string_view mark = "release:";
    const auto text = header.text({0x0018, 0x1020});
    const auto at = text.find(mark);
    if (at == std::string::npos) {
        return std::nullopt;
    }
    const auto rest = std::string_view{text}.substr(at + mark.size());
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

void add_functional_groups(json::Object& fields, const Header& header)
{
    constexpr Tag shared{0x5200, 0x9229};
    constexpr Tag per_frame{0x5200, 0x9230};
    if (!header.has(shared) && !header.has(per_frame)) {
        return;
    }
    for (const auto& [key, macro, attribute] : functional_groups) {
        if (fields.contains(key)) {
            continue;
        }
        for (const auto where : {shared, per_frame}) {
            if (auto values = header.nested_values({where, macro, attribute})) {
                fields.emplace(key, tag_value(std::move(*values), "DS").text);
                break;
            }
        }
    }
}

/// Absent, empty, or the original's word for an absent StudyDescription.
bool is_missing(const json::Object& fields, const std::string& key)
{
    const auto found = fields.find(key);
    return found == fields.end() || found->second == json::Value{""}
           || (key == "StudyDescription" && found->second == json::Value{"missing"});
}

void keep_smallest_location(json::Object& fields, const json::Object& image)
{
    constexpr std::string_view key = "SliceLocation";
    const auto ours = fields.find(key);
    const auto theirs = image.find(key);
    if (ours == fields.end() || theirs == image.end()) {
        return;
    }
    const auto current = as_number(ours->second.text());
    const auto candidate = as_number(theirs->second.text());
    if (candidate && (!current || *candidate < *current)) {
        ours->second = theirs->second;
    }
}

void keep_times(json::Object& fields, const json::Object& image)
{
    const auto received = json::Value{image}.text("LastReceived");
    const json::Value known{fields};
    if (const auto first = known.text("FirstReceived"); first.empty() || received < first) {
        fields["FirstReceived"] = received;
    }
    if (known.text("LastReceived") < received) {
        fields["LastReceived"] = received;
    }
}

} // namespace

bool is_added_key(std::string_view key)
{
    return std::ranges::find(added_keys, key) != added_keys.end();
}

json::Object series_fields(const Header& header, const Reception& reception)
{
    json::Object fields;
    for (const auto& [key, tag] : attributes) {
        if (const auto value = tag_value(header, tag)) {
            fields.emplace(key, value->text);
        }
    }
    for (const auto& wanted : private_texts) {
        if (auto text = private_text(header, wanted)) {
            fields.emplace(wanted.key, std::move(*text));
        }
    }
    add_functional_groups(fields, header);
    fields.try_emplace("StudyDescription", "missing");
    fields["Modality"] = json::Array{header.text({0x0008, 0x0060})};
    if (auto level = software_level(header)) {
        fields["OSLevel"] = std::move(*level);
    }
    fields["IncomingConnection"] = json::Object{{"AETitleCaller", bare_title(reception.caller)},
                                                {"AETitleCalled", bare_title(reception.called)},
                                                {"CallerIP", bare_title(reception.host)}};
    fields["CallerAddress"] = bare_title(reception.address);
    fields["FirstReceived"] = iso8601_utc(reception.received);
    fields["LastReceived"] = iso8601_utc(reception.received);
    fields["TransferSyntaxUID"] = header.meta_text({0x0002, 0x0010});
    if (const auto frames = as_number(header.text({0x0028, 0x0008})); frames && *frames > 1) {
        fields[std::string{frames_key}] =
            json::Object{{header.text({0x0008, 0x0018}), static_cast<std::int64_t>(*frames)}};
    }
    return fields;
}

json::Object merged(const json::Value& stored, const json::Object& image, Arrival arrival)
{
    if (!stored.is_object()) {
        return image;
    }
    auto fields = stored.object();
    for (const auto& [key, value] : image) {
        if (key != frames_key && is_missing(fields, key)) {
            fields[key] = value;
        }
    }
    keep_smallest_location(fields, image);
    if (const auto frames = image.find(frames_key); frames != image.end()) {
        auto& known = fields.try_emplace(std::string{frames_key}, json::Object{}).first->second;
        for (const auto& [instance, count] : frames->second.object()) {
            known.object()[instance] = count;
        }
    }
    if (arrival == Arrival::first || json::Value{fields} != stored) {
        keep_times(fields, image);
    }
    return fields;
}

void set_counts(json::Object& fields, std::size_t files)
{
    fields["NumFiles"] = fmt::format("{}", files);
    auto frames = static_cast<std::int64_t>(files);
    if (const auto found = fields.find(frames_key); found != fields.end()) {
        for (const auto& [instance, count] : found->second.object()) {
            frames += count.integer() - 1;
        }
    }
    fields["TotalFrames"] = fmt::format("{}", frames);
}

} // namespace fiona::classify
