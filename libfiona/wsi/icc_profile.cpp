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
constexpr std::size_t signature_at = 36;

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

std::string input_profile(const std::string& of_slide)
{
    return is_input_profile(of_slide) ? of_slide : srgb_input_profile();
}

} // namespace fiona::wsi
