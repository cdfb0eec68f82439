// SPDX-License-Identifier: MIT
#include "libfiona/wsi/upload.h"

#include "libfiona/base/error.h"
#include "libfiona/base/national_id.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::wsi {

namespace {

constexpr std::size_t longest_value = 1024; // bytes; names and DICOM elements are shorter
constexpr std::size_t most_bytes = std::size_t{1} << 20U;
constexpr std::string_view folder = "uploads";

/// As text, "" if it is absent or null. What holds more than a value is no value.
std::string value_of(const json::Value& document, std::string_view key)
{
    const auto* const value = document.find(key);
    if (value == nullptr || value->is_null()) {
        return {};
    }
    if (value->is_array() || value->is_object()) {
        throw Error{Fault::data, "{} must be a text", key};
    }
    auto text = value->text();
    if (text.size() > longest_value) {
        throw Error{Fault::data, "{} has more than {} bytes", key, longest_value};
    }
    if (text.find('\0') != std::string::npos) {
        throw Error{Fault::data, "{} has a zero byte", key};
    }
    return text;
}

std::string required(const json::Value& document, std::string_view key)
{
    auto text = value_of(document, key);
    if (trimmed(text).empty()) {
        throw Error{Fault::data, "{} is missing", key};
    }
    return text;
}

/// The checked types say in their errors what the text is: here only the key.
template <typename Type>
Type checked(const json::Value& document, std::string_view key)
{
    try {
        return Type{required(document, key)};
    } catch (const Error&) {
        throw Error{Fault::data, "{} is missing or has characters that are not allowed", key};
    }
}

/// `file` is relative to the Attach folder and stays below uploads/.
std::vector<std::string> image_of(const json::Value& document)
{
    const auto text = required(document, "file");
    std::vector<std::string> parts;
    for (const auto part : split(text, '/')) {
        parts.emplace_back(part);
    }
    const bool is_below = parts.size() >= 2 && parts.front() == folder;
    const bool is_plain = std::ranges::none_of(parts, [](const std::string& part) {
        constexpr std::size_t longest_name = 255; // bytes, NAME_MAX
        return part.empty() || part.starts_with('.') || part.size() > longest_name;
    });
    if (!is_below || !is_plain || parts.back().ends_with(".json")) {
        throw Error{Fault::data, "file must be an image below {}/", folder};
    }
    parts.erase(parts.begin());
    return parts;
}

std::optional<std::uint64_t> size_of(const json::Value& document)
{
    const auto text = value_of(document, "size");
    if (text.empty()) {
        return std::nullopt;
    }
    const auto size = read_number<std::uint64_t>(text);
    if (!size) {
        throw Error{Fault::data, "size must be a number of bytes"};
    }
    return size;
}

std::optional<std::string> md5_of(const json::Value& document)
{
    auto text = lower_case(value_of(document, "md5"));
    if (text.empty()) {
        return std::nullopt;
    }
    constexpr std::size_t digits = 32;
    if (text.size() != digits || text.find_first_not_of("0123456789abcdef") != std::string::npos) {
        throw Error{Fault::data, "md5 must be 32 hexadecimal digits"};
    }
    return text;
}

/// In what goes to REDCap, into DICOM headers and names of files.
void forbid_national_ids(const json::Value& document)
{
    for (const auto& [key, value] : document.object()) {
        const auto& known = record_keys();
        const bool is_known = std::ranges::find(known, key) != known.end();
        const bool is_text = !value.is_array() && !value.is_object() && !value.is_null();
        if ((is_known || key.starts_with("patho_")) && is_text
            && contains_norwegian_id(value.text())) {
            throw Error{Fault::data, "{} holds a national identity number",
                        is_known ? key : "a value"};
        }
    }
}

SlideRecord record_of(const json::Value& document)
{
    const auto value = [&](std::string_view key) { return value_of(document, key); };
    return {.project = value("project_name"),
            .record_id = value("record_id"),
            .event = value("redcap_event_name"),
            .block_nr = value("patho_block_nr"),
            .stain = value("patho_stain"),
            .biopsy_nr = value("patho_biopsy_nr"),
            .biopsy_id = value("patho_biopsy_id"),
            .slide_id = value("patho_slide_id"),
            .slide_nr = value("patho_slide_nr"),
            .specimen = value("patho_specimen"),
            .rek = value("patho_rek"),
            .department = value("patho_department"),
            .database_id = value("patho_databaseid"),
            .image_id = value("patho_image_id")};
}

} // namespace

const std::vector<std::string_view>& record_keys()
{
    static const std::vector<std::string_view> keys{"project_name",
                                                    "redcap_event_name",
                                                    "record_id",
                                                    "patho_block_nr",
                                                    "patho_stain",
                                                    "patho_biopsy_nr",
                                                    "patho_biopsy_id",
                                                    "patho_slide_id",
                                                    "patho_slide_nr",
                                                    "patho_specimen",
                                                    "patho_rek",
                                                    "patho_department",
                                                    "patho_databaseid",
                                                    "patho_image_id",
                                                    "project_pat_import_folder",
                                                    "do_not_remove_macro_image"};
    return keys;
}

Upload parse_upload(std::string_view text)
{
    const auto document = json::parse(text, "the upload's JSON", {.max_bytes = most_bytes});
    if (!document.is_object()) {
        throw Error{Fault::data, "the upload's JSON is no object"};
    }
    Upload upload{.content = document.object(),
                  .project = checked<ProjectName>(document, "project_name"),
                  .participant = checked<ParticipantId>(document, "record_id"),
                  .event = checked<EventName>(document, "redcap_event_name"),
                  .record = record_of(document),
                  .image = image_of(document),
                  .size = size_of(document),
                  .md5 = md5_of(document),
                  .import_folder = {},
                  .wants_macro = value_of(document, "do_not_remove_macro_image") == "1"};
    forbid_national_ids(document);
    // A JSON null, or a missing key, once became the folder "null".
    const auto* const import_folder = document.find("project_pat_import_folder");
    if (import_folder != nullptr && import_folder->is_string()) {
        upload.import_folder = value_of(document, "project_pat_import_folder");
    }
    return upload;
}

} // namespace fiona::wsi
