// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/icc.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>
#include <map>
#include <span>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

namespace {

constexpr std::size_t header_bytes = 128;
constexpr std::size_t tag_bytes = 12;

struct Place {
    std::size_t offset = 0;
    std::size_t bytes = 0;
};

std::uint32_t number_at(std::string_view bytes, std::size_t offset)
{
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        value = value << 8U | static_cast<unsigned char>(bytes[offset + i]);
    }
    return value;
}

/// Tags whose elements are numbers alone (ICC.1:2022 section 9.2).
bool is_colorimetry(std::string_view signature)
{
    constexpr auto numbers = std::to_array<std::string_view>(
        {"rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC", "kTRC", "wtpt", "bkpt", "chad", "chrm",
         "lumi", "meas", "A2B0", "A2B1", "A2B2", "B2A0", "B2A1", "B2A2", "gamt", "tech", "cicp"});
    return std::ranges::find(numbers, signature) != numbers.end();
}

/// And elements that hold nothing but numbers, whatever tag they stand under.
bool is_numeric_type(std::string_view type)
{
    constexpr auto types =
        std::to_array<std::string_view>({"XYZ ", "curv", "para", "sf32", "chrm", "meas", "mft1",
                                         "mft2", "mAB ", "mBA ", "sig ", "cicp"});
    return std::ranges::find(types, type) != types.end();
}

void fill(std::span<char> bytes, char with)
{
    std::ranges::fill(bytes, with);
}

/// Leaves an element readable: its type and lengths stay, its words become blanks.
void blank(std::span<char> element)
{
    constexpr std::size_t head = 8; // type and four reserved bytes
    const std::string_view type{element.data(), 4};
    if (type == "text" && element.size() > head) {
        fill(element.subspan(head), ' ');
        element.back() = '\0';
    } else if (type == "desc" && element.size() > head + 4) {
        // textDescriptionType of ICC.1:2001: an ASCII count and text, then Unicode and script parts
        const auto count = number_at({element.data(), element.size()}, head);
        const auto text = element.subspan(head + 4);
        const auto length = std::min<std::size_t>(count, text.size());
        fill(text.first(length), ' ');
        if (length > 0) {
            text[length - 1] = '\0';
        }
        fill(text.subspan(length), '\0');
    } else if (type == "mluc" && element.size() >= head + 8) {
        const auto count = number_at({element.data(), element.size()}, head);
        const auto records = head + 8 + std::min<std::size_t>(count, element.size() / 12) * 12;
        const auto words = element.subspan(std::min(records, element.size()));
        for (std::size_t i = 0; i < words.size(); ++i) { // UTF-16, big endian
            words[i] = i % 2 == 0 ? '\0' : ' ';
        }
    } else {
        fill(element.subspan(std::min(head, element.size())), '\0');
    }
}

/// A text that is said to reach into the next element ends before it, as some writers have it. False if
/// another one does: nobody can tell whose the bytes are.
bool end_before_next(const std::map<std::size_t, std::size_t>& elements, std::vector<Place>& texts)
{
    constexpr std::size_t least = 8; // type and four reserved bytes
    for (auto one = elements.begin(); one != elements.end(); ++one) {
        const auto next = std::next(one);
        if (next == elements.end() || one->first + one->second <= next->first) {
            continue;
        }
        bool is_text = false;
        for (auto& text : texts) {
            if (text.offset == one->first) {
                text.bytes = next->first - one->first;
                is_text = text.bytes >= least;
            }
        }
        if (!is_text) {
            return false;
        }
    }
    return true;
}

} // namespace

std::string cleaned_icc_profile(std::string profile)
{
    const auto count = profile.size() >= header_bytes + 4 ? number_at(profile, header_bytes) : 0;
    if (count == 0 || count > 1000 || header_bytes + 4 + count * tag_bytes > profile.size()) {
        fill(profile, '\0');
        return profile;
    }
    const std::span all{profile};
    std::vector<bool> is_known(profile.size());
    const auto know = [&](Place place) {
        std::fill_n(is_known.begin() + static_cast<std::ptrdiff_t>(place.offset), place.bytes,
                    true);
    };
    know({0, header_bytes + 4 + count * tag_bytes});
    std::vector<Place> texts;
    std::map<std::size_t, std::size_t> elements; // tags may share one; parts of one they may not
    for (std::size_t i = 0; i < count; ++i) {
        const auto entry = header_bytes + 4 + i * tag_bytes;
        const Place place{number_at(profile, entry + 4), number_at(profile, entry + 8)};
        if (place.offset > profile.size() || place.bytes > profile.size() - place.offset
            || place.bytes < 8 || place.offset < header_bytes + 4 + count * tag_bytes) {
            fill(profile, '\0');
            return profile;
        }
        if (!elements.try_emplace(place.offset, place.bytes).second
            && elements.at(place.offset) != place.bytes) {
            fill(profile, '\0');
            return profile;
        }
        know(place);
        const std::string_view signature{profile.data() + entry, 4};
        const std::string_view type{profile.data() + place.offset, 4};
        if (!is_colorimetry(signature) || !is_numeric_type(type)) {
            texts.push_back(place);
        }
    }
    if (!end_before_next(elements, texts)) {
        fill(profile, '\0');
        return profile;
    }
    for (const auto& text : texts) {
        blank(all.subspan(text.offset, text.bytes));
    }
    for (std::size_t i = 0; i < profile.size(); ++i) {
        if (!is_known[i]) {
            profile[i] = '\0';
        }
    }
    // Section 7.2: day of its making (1 January 2000 is a legal one), device, creator, digest, reserved.
    constexpr std::string_view day{"\x07\xd0\0\x01\0\x01\0\0\0\0\0\0", 12};
    std::ranges::copy(day, all.begin() + 24);
    fill(all.subspan(48, 8), '\0');
    fill(all.subspan(80, 4), '\0');
    fill(all.subspan(84, 44), '\0');
    return profile;
}

} // namespace fiona::anonymize
