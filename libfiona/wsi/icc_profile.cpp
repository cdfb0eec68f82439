// SPDX-License-Identifier: MIT
#include "libfiona/wsi/icc_profile.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace fiona::wsi {

namespace {

// ICC.1:2010 7.2: the header.
constexpr std::size_t header_bytes = 128;
constexpr std::size_t entry_bytes = 12;
constexpr std::size_t class_at = 12;
constexpr std::size_t colours_at = 16;
constexpr std::size_t connection_at = 20;
constexpr std::size_t date_at = 24;
constexpr std::size_t signature_at = 36;
constexpr std::size_t device_at = 48; // maker and model
constexpr std::size_t creator_at = 80;

void put_number(std::string& to, std::uint32_t value, unsigned bytes)
{
    while (bytes-- > 0) {
        to.push_back(static_cast<char>((value >> (8U * bytes)) & 255U));
    }
}

/// s15Fixed16Number
void put_fixed(std::string& to, double value)
{
    put_number(to, static_cast<std::uint32_t>(std::lround(value * 65536.0)), 4);
}

std::uint32_t number_at(std::string_view bytes, std::size_t at)
{
    std::uint32_t value = 0;
    for (const char byte : bytes.substr(at, 4)) {
        value = value << 8U | static_cast<unsigned char>(byte);
    }
    return value;
}

void blank(std::string& bytes, std::size_t at, std::size_t count, char by = '\0')
{
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), count, by);
}

/// Tags that are numbers of colorimetry and nothing else.
bool is_colorimetric(std::string_view tag)
{
    constexpr std::array<std::string_view, 23> known{"A2B0", "A2B1", "A2B2", "B2A0", "B2A1", "B2A2",
                                                     "D2B0", "D2B1", "D2B2", "D2B3", "B2D0", "B2D1",
                                                     "rXYZ", "gXYZ", "bXYZ", "rTRC", "gTRC", "bTRC",
                                                     "wtpt", "bkpt", "chad", "gamt", "lumi"};
    return std::ranges::find(known, tag) != known.end();
}

/// Letters of a text tag by blanks, so that readers still find a text; all else by zeros.
void blank_tag(std::string& profile, std::size_t at, std::size_t count)
{
    constexpr std::size_t letters_of_text = 8; // behind "text" and four zeros
    constexpr std::size_t type = 4;
    const auto kind = std::string_view{profile}.substr(at, std::min(count, type));
    if (kind == "text" && count > letters_of_text) {
        blank(profile, at + letters_of_text, count - letters_of_text - 1, ' ');
        blank(profile, at + count - 1, 1);
    } else if (kind == "desc" && count > letters_of_text + 4) {
        const auto letters = number_at(profile, at + letters_of_text);
        const auto room = count - letters_of_text - 4;
        blank(profile, at + letters_of_text + 4, room);
        if (letters > 1 && letters <= room) {
            blank(profile, at + letters_of_text + 4, letters - 1, ' ');
        }
    } else if (kind == "mluc" && count > 2 * letters_of_text + entry_bytes) {
        // Records stay, the letters, in UTF-16, become spaces.
        const std::size_t records = number_at(profile, at + letters_of_text);
        const auto begin = 2 * letters_of_text + std::min(records, count) * entry_bytes;
        for (std::size_t i = begin; i + 1 < count; i += 2) {
            profile[at + i] = '\0';
            profile[at + i + 1] = ' ';
        }
    } else if (count > type) {
        blank(profile, at + type, count - type);
    }
}

bool is_input_profile(std::string_view profile)
{
    if (profile.size() < header_bytes + 4 || number_at(profile, 0) != profile.size()) {
        return false;
    }
    const auto connection = profile.substr(connection_at, 4);
    return profile.substr(class_at, 4) == "scnr" && profile.substr(colours_at, 4) == "RGB "
           && (connection == "XYZ " || connection == "Lab ")
           && profile.substr(signature_at, 4) == "acsp";
}

struct ProfileTag {
    std::string_view name;
    std::string value;
};

std::string xyz(double x, double y, double z)
{
    std::string value{"XYZ \0\0\0\0", 8};
    for (const auto part : {x, y, z}) {
        put_fixed(value, part);
    }
    return value;
}

std::string text(std::string_view ascii)
{
    std::string value{"mluc\0\0\0\0", 8};
    put_number(value, 1, 4); // record
    put_number(value, entry_bytes, 4);
    value += "enUS";
    put_number(value, static_cast<std::uint32_t>(ascii.size() * 2), 4);
    put_number(value, 28, 4); // offset of the letters
    for (const char letter : ascii) {
        value.push_back('\0');
        value.push_back(letter);
    }
    return value;
}

/// Parametric curve of type 3 with sRGB's numbers.
std::string curve()
{
    std::string value{"para\0\0\0\0\0\3\0\0", 12};
    for (const auto part : {2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.04045}) {
        put_fixed(value, part);
    }
    return value;
}

std::string chromatic_adaptation() // D65 to D50, Bradford
{
    std::string value{"sf32\0\0\0\0", 8};
    for (const auto part :
         {1.0479, 0.0229, -0.0502, 0.0296, 0.9904, -0.0171, -0.0092, 0.0151, 0.7517}) {
        put_fixed(value, part);
    }
    return value;
}

std::string header(std::size_t size)
{
    std::string bytes;
    put_number(bytes, static_cast<std::uint32_t>(size), 4);
    bytes.append(4, '\0'); // no preferred module
    put_number(bytes, 0x04200000, 4);
    bytes += "scnrRGB XYZ ";
    for (const std::uint32_t part : {2020U, 1U, 1U, 0U, 0U, 0U}) { // the day has no meaning
        put_number(bytes, part, 2);
    }
    bytes += "acsp";
    bytes.resize(68, '\0');
    put_fixed(bytes, 0.9642); // D50
    put_fixed(bytes, 1.0);
    put_fixed(bytes, 0.8249);
    bytes.resize(header_bytes, '\0');
    return bytes;
}

} // namespace

std::string srgb_input_profile()
{
    const std::vector<ProfileTag> tags{
        {"desc", text("sRGB")},
        {"cprt", text("No copyright")},
        {"wtpt", xyz(0.9642, 1.0, 0.8249)},
        {"chad", chromatic_adaptation()},
        {"rXYZ", xyz(0.4361, 0.2225, 0.0139)},
        {"gXYZ", xyz(0.3851, 0.7169, 0.0971)},
        {"bXYZ", xyz(0.1431, 0.0606, 0.7139)},
        {"rTRC", curve()},
        {"gTRC", curve()},
        {"bTRC", curve()},
    };
    std::string table;
    std::string values;
    put_number(table, static_cast<std::uint32_t>(tags.size()), 4);
    const auto first = header_bytes + 4 + tags.size() * entry_bytes;
    for (const auto& tag : tags) {
        table += tag.name;
        put_number(table, static_cast<std::uint32_t>(first + values.size()), 4);
        put_number(table, static_cast<std::uint32_t>(tag.value.size()), 4);
        values += tag.value;
        values.resize((values.size() + 3) / 4 * 4, '\0');
    }
    return header(first + values.size()) + table + values;
}

std::string input_profile(std::string_view of_slide)
{
    if (!is_input_profile(of_slide)) {
        return srgb_input_profile();
    }
    std::string profile{of_slide};
    const std::size_t tags = number_at(profile, header_bytes);
    const auto data_at = header_bytes + 4 + tags * entry_bytes;
    if (tags > 100 || data_at > profile.size()) {
        return srgb_input_profile();
    }
    // What no tag names may be anything; what an unknown tag names as well.
    std::string kept(profile.size(), '\0');
    std::copy_n(profile.begin(), data_at, kept.begin());
    for (std::size_t i = 0; i < tags; ++i) {
        const auto entry = header_bytes + 4 + i * entry_bytes;
        const std::size_t at = number_at(profile, entry + 4);
        const std::size_t count = number_at(profile, entry + 8);
        if (at < data_at || at > profile.size() || count > profile.size() - at) {
            return srgb_input_profile();
        }
        auto value = profile.substr(at, count);
        if (!is_colorimetric(std::string_view{profile}.substr(entry, 4))) {
            blank_tag(value, 0, value.size());
        }
        std::ranges::copy(value, kept.begin() + static_cast<std::ptrdiff_t>(at));
    }
    blank(kept, date_at, signature_at - date_at);
    blank(kept, device_at, 8);
    blank(kept, creator_at, header_bytes - creator_at); // and the checksum, which is void
    return kept;
}

} // namespace fiona::wsi
