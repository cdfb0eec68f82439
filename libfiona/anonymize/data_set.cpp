// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/data_set.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/base/number.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fiona::anonymize {

namespace {

template <std::size_t Count>
bool is_one_of(Vr vr, const std::array<Vr, Count>& set)
{
    return std::ranges::any_of(set, [code = vr.code()](Vr known) { return known.code() == code; });
}

} // namespace

bool is_encoded_text(Vr vr)
{
    constexpr std::array<Vr, 7> set{"LO", "LT", "PN", "SH", "ST", "UC", "UT"};
    return is_one_of(vr, set);
}

bool is_free_text(Vr vr)
{
    constexpr std::array<Vr, 6> set{"LO", "LT", "SH", "ST", "UC", "UT"};
    return is_one_of(vr, set);
}

bool is_string(Vr vr)
{
    constexpr std::array<Vr, 10> others{"AE", "AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI", "UR"};
    return is_encoded_text(vr) || is_one_of(vr, others);
}

bool is_single_valued(Vr vr)
{
    constexpr std::array<Vr, 4> set{"LT", "ST", "UR", "UT"};
    return is_one_of(vr, set);
}

bool has_short_length(Vr vr)
{
    constexpr std::array<Vr, 21> set{"AE", "AS", "AT", "CS", "DA", "DS", "DT",
                                     "FD", "FL", "IS", "LO", "LT", "PN", "SH",
                                     "SL", "SS", "ST", "TM", "UI", "UL", "US"};
    return is_one_of(vr, set);
}

Element* Item::find(Tag tag)
{
    const auto at = std::ranges::find(elements, tag, &Element::tag);
    return at == elements.end() ? nullptr : &*at;
}

const Element* Item::find(Tag tag) const
{
    const auto at = std::ranges::find(elements, tag, &Element::tag);
    return at == elements.end() ? nullptr : &*at;
}

void Element::set(std::string bytes)
{
    changed = std::move(bytes);
    is_utf8 = false;
}

void Element::set_text(std::string utf8)
{
    changed = std::move(utf8);
    is_utf8 = true;
}

std::string to_string(Tag tag)
{
    return fmt::format("({:04X},{:04X})", tag.group, tag.element);
}

std::optional<Tag> parse_tag(std::string_view text)
{
    std::string digits;
    for (const char c : text) {
        if (c != '(' && c != ')' && c != ',' && c != ' ') {
            digits += c;
        }
    }
    const auto number = read_number<std::uint32_t>(digits, 16);
    if (digits.size() == 8 && number) {
        return Tag{static_cast<std::uint16_t>(*number >> 16U),
                   static_cast<std::uint16_t>(*number & 0xffffU)};
    }
    return Attributes::standard().tag_of(text);
}

bool is_private(Tag tag)
{
    return (tag.group & 1U) != 0;
}

bool is_pixel_data(Tag tag)
{
    return tag.group == 0x7fe0 && (tag.element >= 0x0008 && tag.element <= 0x0010);
}

bool is_offset_table(Tag tag)
{
    return tag == Tag{0x7fe0, 0x0001} || tag == Tag{0x7fe0, 0x0002};
}

bool tells_of_fragments(Tag tag)
{
    return is_offset_table(tag) || tag == Tag{0x7fe0, 0x0003};
}

} // namespace fiona::anonymize
