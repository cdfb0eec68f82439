// SPDX-License-Identifier: MIT
#include "libfiona/pixel/png.h"

#include "libfiona/base/error.h"

#include <zlib.h>

#include <vector>

namespace fiona::pixel {

namespace {

std::string big_endian(std::uint32_t value)
{
    std::string bytes;
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        bytes.push_back(static_cast<char>(value >> shift & 0xffU));
    }
    return bytes;
}

/// PNG specification §5.3: length, type, data, check sum of type and data.
std::string chunk(std::string_view type, std::string_view data)
{
    const auto body = std::string{type} + std::string{data};
    const std::vector<Bytef> checked{body.begin(), body.end()};
    const auto sum = ::crc32_z(0, checked.data(), checked.size());
    return big_endian(static_cast<std::uint32_t>(data.size())) + body
           + big_endian(static_cast<std::uint32_t>(sum));
}

} // namespace

std::string png(std::uint32_t width, std::uint32_t height, std::string_view rgb)
{
    const auto row = std::size_t{3} * width;
    if (rgb.empty() || rgb.size() != row * height) {
        throw Error{Fault::internal, "{} bytes for a picture of {} x {}", rgb.size(), width,
                    height};
    }
    std::vector<Bytef> rows; // each behind a byte that says how it is filtered (0: not)
    rows.reserve((row + 1) * height);
    for (std::size_t y = 0; y < height; ++y) {
        rows.push_back(0);
        const auto line = rgb.substr(y * row, row);
        rows.insert(rows.end(), line.begin(), line.end());
    }
    auto size = ::compressBound(rows.size());
    std::vector<Bytef> packed(size);
    if (::compress(packed.data(), &size, rows.data(), rows.size()) != Z_OK) {
        throw Error{Fault::internal, "cannot write a picture"};
    }
    // 8 bits a channel, three channels, the only methods of compression and filtering, not interlaced
    using namespace std::string_view_literals;
    return std::string{"\x89PNG\r\n\x1a\n"}
           + chunk("IHDR", big_endian(width) + big_endian(height) + std::string{"\x08\x02\0\0\0"sv})
           + chunk("IDAT", std::string{packed.data(), packed.data() + size}) + chunk("IEND", {});
}

} // namespace fiona::pixel
