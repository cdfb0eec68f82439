// SPDX-License-Identifier: MIT
#include "libfiona/classify/tag_reference.h"

#include "libfiona/base/number.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace fiona::classify {

namespace {

constexpr std::size_t most_steps = 32; // nobody nests deeper

/// `0x18`, `0018`, `24`: four digits, a letter or 0x mean hexadecimal, else decimal.
std::optional<std::uint16_t> tag_number(std::string_view text)
{
    constexpr std::size_t hexadecimal_digits = 4;
    constexpr int decimal = 10;
    constexpr int hexadecimal = 16;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        return read_number<std::uint16_t>(text.substr(2), hexadecimal);
    }
    const bool is_hexadecimal = text.size() == hexadecimal_digits
                                || text.find_first_of("abcdefABCDEF") != std::string_view::npos;
    return read_number<std::uint16_t>(text, is_hexadecimal ? hexadecimal : decimal);
}

std::optional<std::size_t> index_number(std::string_view text)
{
    constexpr std::size_t highest = 1'000'000;
    const auto index = read_number<std::size_t>(text);
    return index && *index <= highest ? index : std::nullopt;
}

/// A keyword, or eight hexadecimal digits.
std::optional<dicom::Tag> named_tag(std::string_view name)
{
    constexpr std::size_t digits = 8;
    constexpr unsigned half = 16;
    if (const auto tag = dicom::Header::tag_of(name)) {
        return tag;
    }
    const auto number = name.size() == digits ? read_number<std::uint32_t>(name, 16) : std::nullopt;
    return number ? std::optional{dicom::Tag{static_cast<std::uint16_t>(*number >> half),
                                             static_cast<std::uint16_t>(*number & 0xffffU)}}
                  : std::nullopt;
}

/// `Sequence[1].Sequence.Keyword[2]`: an item of each sequence (the first without a number), and in
/// the end perhaps one of several values.
std::optional<TagReference> path_reference(const std::string& name)
{
    TagReference reference;
    reference.name = name;
    const auto parts = split(name, '.');
    if (parts.size() > most_steps) {
        return std::nullopt;
    }
    for (std::size_t i = 0; i < parts.size(); ++i) {
        auto part = parts[i];
        const auto bracket = part.find('[');
        std::optional<std::size_t> index;
        if (bracket != std::string_view::npos) {
            index = part.ends_with(']')
                        ? index_number(part.substr(bracket + 1, part.size() - bracket - 2))
                        : std::nullopt;
            if (!index) {
                return std::nullopt;
            }
            part = part.substr(0, bracket);
        }
        const auto tag = named_tag(part);
        if (!tag) {
            return std::nullopt;
        }
        reference.path.push_back({*tag, {}, index.value_or(0)});
        if (i + 1 == parts.size()) {
            reference.element = index;
        }
    }
    return reference;
}

std::optional<TagReference> named_reference(const std::string& name)
{
    if (name.empty()) {
        return std::nullopt;
    }
    if (name.find_first_of(".[") != std::string::npos) {
        return path_reference(name);
    }
    TagReference reference;
    reference.name = name;
    if (const auto tag = dicom::Header::tag_of(name)) {
        reference.path.push_back({*tag});
    }
    return reference;
}

std::optional<TagReference::Source> named_source(std::string_view word)
{
    using enum TagReference::Source;
    return word == "CSAImage"    ? std::optional{csa_image}
           : word == "CSASeries" ? std::optional{csa_series}
           : word == "ASCCONV"   ? std::optional{protocol}
                                 : std::nullopt;
}

} // namespace

std::optional<TagReference> tag_reference(const json::Array& words)
{
    constexpr std::size_t longest_form = 3;
    if (words.empty() || words.size() > longest_form
        || !std::ranges::all_of(
            words, [](const auto& word) { return word.is_string() || word.is_integer(); })) {
        return std::nullopt;
    }
    if (words.size() == 1) {
        return named_reference(words.front().text());
    }
    TagReference reference;
    if (const auto source = named_source(words[0].text())) {
        reference.source = *source;
        reference.name = words[1].text();
    } else {
        const auto group = tag_number(words[0].text());
        const auto element = tag_number(words[1].text());
        if (!group || !element) {
            return std::nullopt;
        }
        reference.path.push_back({{*group, *element}});
    }
    if (words.size() == longest_form) {
        reference.element = index_number(words[2].text());
        if (!reference.element) {
            return std::nullopt;
        }
    }
    return reference;
}

} // namespace fiona::classify
