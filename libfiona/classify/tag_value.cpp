// SPDX-License-Identifier: MIT
#include "libfiona/classify/tag_value.h"

#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fiona::classify {

namespace {

/// Python's repr() of a text.
std::string python_repr(std::string_view text)
{
    const bool has_single = text.find('\'') != std::string_view::npos;
    const bool has_double = text.find('"') != std::string_view::npos;
    const char quote = has_single && !has_double ? '"' : '\'';
    std::string result{quote};
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\\' || c == quote) {
            result += '\\';
            result += c;
        } else if (c == '\n') {
            result += "\\n";
        } else if (c == '\r') {
            result += "\\r";
        } else if (c == '\t') {
            result += "\\t";
        } else if (byte < 0x20 || byte == 0x7f) {
            result += fmt::format("\\x{:02x}", byte);
        } else {
            result += c;
        }
    }
    return result + quote;
}

} // namespace

std::string list_text(const std::vector<std::string>& values, ListStyle style)
{
    std::string result;
    for (const auto& value : values) {
        result += result.empty() ? "" : ", ";
        result += style == ListStyle::bare ? value : python_repr(value);
    }
    return "[" + result + "]";
}

ListStyle list_style(std::string_view vr, const std::vector<std::string>& values)
{
    constexpr std::array<std::string_view, 12> bare{"PN", "DS", "IS", "US", "SS", "UL",
                                                    "SL", "UV", "SV", "FL", "FD", "AT"};
    if (std::ranges::find(bare, vr) != bare.end()) {
        return ListStyle::bare;
    }
    // A private element without its VR: numbers look like numbers.
    const bool is_untyped = vr == "UN" || vr == "OB" || vr == "??";
    return is_untyped
                   && std::ranges::all_of(
                       values, [](const auto& value) { return as_number(value).has_value(); })
               ? ListStyle::bare
               : ListStyle::quoted;
}

TagValue tag_value(std::vector<std::string> values, std::string_view vr)
{
    if (values.empty()) {
        return {{""}, false, ""};
    }
    if (values.size() == 1) {
        auto text = values.front();
        return {std::move(values), false, std::move(text)};
    }
    auto text = list_text(values, list_style(vr, values));
    return {std::move(values), true, std::move(text)};
}

TagValue tag_value(const json::Value& value)
{
    if (!value.is_array() || value.array().empty()) {
        return {{value.text()}, false, value.text()};
    }
    std::vector<std::string> items;
    for (const auto& item : value.array()) {
        items.push_back(item.text());
    }
    auto text = list_text(items, ListStyle::quoted);
    return {std::move(items), true, std::move(text)};
}

std::optional<TagValue> tag_value(const dicom::Header& header, dicom::Tag tag)
{
    auto values = header.values(tag);
    if (!values) {
        return std::nullopt;
    }
    const auto vr = values->size() > 1 ? header.vr(tag) : std::string{};
    return tag_value(std::move(*values), vr);
}

std::optional<double> as_number(std::string_view text)
{
    auto bare = trimmed(text);
    if (bare.starts_with('+')) {
        bare.remove_prefix(1);
    }
    return read_number<double>(bare);
}

std::optional<std::vector<double>> as_numbers(const TagValue& value)
{
    std::vector<std::string_view> parts{value.items.begin(), value.items.end()};
    const std::string_view text = value.text;
    if (!value.is_list && text.starts_with('[') && text.ends_with(']')) {
        parts = split(text.substr(1, text.size() - 2), ',');
    }
    std::vector<double> numbers;
    for (const auto part : parts) {
        const auto number = as_number(part);
        if (!number) {
            return std::nullopt;
        }
        numbers.push_back(*number);
    }
    return numbers;
}

} // namespace fiona::classify
