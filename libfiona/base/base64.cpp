// SPDX-License-Identifier: MIT
#include "libfiona/base/base64.h"

#include <cstddef>
#include <utility>

namespace fiona {

namespace {

constexpr std::string_view digits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

} // namespace

std::string base64(std::string_view bytes)
{
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const auto group = bytes.substr(at, 3);
        unsigned bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            const auto byte = i < group.size() ? static_cast<unsigned char>(group[i]) : 0U;
            bits = (bits << 8U) | byte;
        }
        for (std::size_t i = 0; i < 4; ++i) {
            const auto shift = static_cast<unsigned>(18 - 6 * i);
            text += i <= group.size() ? digits[(bits >> shift) & 0x3fU] : '=';
        }
    }
    return text;
}

std::optional<std::string> base64_decoded(std::string_view text)
{
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    unsigned bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        if (std::string_view{" \t\r\n="}.find(c) != std::string_view::npos) {
            continue;
        }
        const auto value = digits.find(c);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = ((bits << 6U) | static_cast<unsigned>(value)) & 0xffffffU;
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes += static_cast<char>((bits >> count) & 0xffU);
        }
    }
    return count < 6 ? std::optional{std::move(bytes)} : std::nullopt; // else one digit too many
}

} // namespace fiona
