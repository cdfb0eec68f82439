// SPDX-License-Identifier: MIT
#include "libfiona/redcap/filter.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>

namespace fiona::redcap {

namespace {

bool is_field_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

bool means_something_in_a_filter(char c)
{
    constexpr std::string_view syntax = "\"'[]()\\";
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x20 || byte == 0x7f || syntax.find(c) != std::string_view::npos;
}

} // namespace

std::string field_equals(std::string_view field, std::string_view value)
{
    if (field.empty() || !std::ranges::all_of(field, is_field_character)) {
        throw Error{Fault::data, "not the name of a REDCap field"};
    }
    if (std::ranges::any_of(value, means_something_in_a_filter) || !is_utf8(value)) {
        throw Error{Fault::data,
                    "the value for {} cannot be looked for: it holds quotes, brackets or control "
                    "characters",
                    field};
    }
    return fmt::format("[{}] = \"{}\"", field, value);
}

} // namespace fiona::redcap
