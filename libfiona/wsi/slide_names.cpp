// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide_names.h"

#include "libfiona/base/text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

namespace fiona::wsi {

namespace {

constexpr std::size_t longest_name = 200; // bytes; room for the endings and a part's name
constexpr std::string_view unknown = "unknown";

std::string request_id(const SlideRecord& record)
{
    return fmt::format("{}_{}", record.record_id, record.biopsy_id);
}

/// A byte that begins a character of UTF-8, or is one.
bool begins_character(char c)
{
    constexpr unsigned continuation_mask = 0xC0;
    constexpr unsigned continuation = 0x80;
    return (static_cast<unsigned char>(c) & continuation_mask) != continuation;
}

} // namespace

std::string safe_name(std::string_view text)
{
    constexpr unsigned char first_printable = 0x20;
    constexpr unsigned char del = 0x7F;
    const bool is_text = is_utf8(text);
    std::string name;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_bad =
            byte < first_printable || byte == del || c == '/' || (!is_text && byte > del);
        name += is_bad ? '_' : c;
    }
    for (std::size_t i = 0; i < name.size() && name[i] == '.'; ++i) {
        name[i] = '_';
    }
    if (name.size() > longest_name) {
        auto end = longest_name;
        while (end > 0 && !begins_character(name[end])) {
            --end;
        }
        name.resize(end);
    }
    return name.empty() ? "_" : name;
}

std::string specimen_name(const SlideRecord& record)
{
    const std::string_view text{record.specimen};
    const auto open = text.find('[');
    const auto close = text.find(']', open == std::string_view::npos ? text.size() : open);
    const auto code = close == std::string_view::npos
                          ? trimmed(text)
                          : trimmed(text.substr(open + 1, close - open - 1));
    return std::string{code.empty() ? unknown : code};
}

std::string stain_name(const SlideRecord& record)
{
    const std::string_view text{record.stain};
    const auto open = text.find('[');
    const auto close = text.find(']', open == std::string_view::npos ? text.size() : open);
    if (close != std::string_view::npos) {
        return fmt::format("{} {}", record.slide_nr, trimmed(text.substr(close + 1)));
    }
    return std::string{trimmed(text).empty() ? unknown : trimmed(text)};
}

std::string import_name(const SlideRecord& record)
{
    const std::array<std::string, 11> parts{
        specimen_name(record), record.biopsy_nr,   record.slide_nr,   record.slide_id,
        record.slide_nr,       request_id(record), record.record_id,  record.department,
        record.block_nr,       record.department,  stain_name(record)};
    return safe_name(fmt::format("{}", fmt::join(parts, "_")));
}

json::Object import_content(const SlideRecord& record)
{
    return {{"RequestId", request_id(record)},
            {"ExamId", record.record_id},
            {"LabId", record.department},
            {"Staining", json::Object{{"Name", stain_name(record)}}},
            {"Specimen", json::Object{{"Name", specimen_name(record)}}},
            {"Block", json::Object{{"Name", record.block_nr}}}};
}

} // namespace fiona::wsi
