// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// Code streams whose markers are legal and whose picture is noise, with remarks where they can be.
namespace streams {

inline std::string big(std::uint64_t value, unsigned bytes)
{
    std::string text;
    for (unsigned i = bytes; i > 0; --i) {
        text.push_back(static_cast<char>(value >> (8 * (i - 1))));
    }
    return text;
}

inline std::string little(std::uint64_t value, unsigned bytes)
{
    const auto text = big(value, bytes);
    return {text.rbegin(), text.rend()};
}

/// A marker segment: FF, `marker`, length, value.
inline std::string segment(unsigned marker, std::string_view value)
{
    return big(0xff00U | marker, 2) + big(value.size() + 2, 2) + std::string{value};
}

inline const std::string name = "Nordmann Ola 120354";
inline const std::string jfif{"JFIF\0\1\2\0\0\1\0\1\0\0", 14};
inline const std::string adobe{"Adobe\0\x64\0\0\0\0\1", 12};

/// `header` stands before the tables, `between` after the first of two scans.
inline std::string jpeg(std::string_view header = {}, std::string_view between = {})
{
    const std::string frame{"\x08\0\x10\0\x10\1\1\x11\0", 9};
    const std::string scan{"\1\1\0\0\x3f\0", 6};
    const std::string data{"\x12\xff\0\x34\xff\xd0\x56\xff\0", 9};
    return std::string{"\xff\xd8"} + std::string{header} + segment(0xdb, std::string(65, '\1'))
           + segment(0xc2, frame) + segment(0xc4, std::string(17, '\0')) + segment(0xda, scan)
           + data + std::string{between} + segment(0xda, scan) + data + std::string{"\xff\xd9"};
}

/// FF is followed by a bit of zero in its scan, not by a byte; the kind of LSE is a preset.
inline std::string jpeg_ls(std::string_view header = {})
{
    const std::string frame{"\x08\0\x10\0\x10\1\1\x11\0", 9};
    return std::string{"\xff\xd8"} + std::string{header} + segment(0xf7, frame)
           + segment(0xf8, std::string(11, '\1')) + segment(0xda, {"\1\1\0\0\0\0", 6})
           + std::string{"\x12\xff\x7f\x34\xff\x01\x56"} + std::string{"\xff\xd9"};
}

enum class TileLength { named, open };

/// Two tile-parts; the last may leave its length open.
inline std::string jpeg_2000(std::string_view header = {}, TileLength last = TileLength::named)
{
    const auto size = std::string(2, '\0') + big(16, 4) + big(16, 4) + std::string(8, '\0')
                      + big(16, 4) + big(16, 4) + std::string(8, '\0') + big(1, 2)
                      + std::string{"\7\1\1"};
    const auto part = [&](unsigned number, bool is_open) {
        const std::string data{"\xff\x91\0\4\0\0pa\xff\x8fket\xff\x92s", 16};
        const auto own = segment(0x58, "PLT!") + std::string{header};
        const auto bytes = 12 + own.size() + 2 + data.size();
        return segment(0x90, big(0, 2) + big(is_open ? 0 : bytes, 4) + big(number, 1) + big(2, 1))
               + own + "\xff\x93" + data;
    };
    return std::string{"\xff\x4f"} + segment(0x51, size) + segment(0x52, std::string(10, '\0'))
           + std::string{header} + segment(0x5c, std::string(4, '\1')) + part(0, false)
           + part(1, last == TileLength::open) + std::string{"\xff\xd9"};
}

} // namespace streams
