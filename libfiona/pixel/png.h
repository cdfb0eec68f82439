// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace fiona::pixel {

/// A picture in colour as a PNG file (ISO/IEC 15948): `rgb` has three bytes for each pixel, rows without
/// padding. Throws Error{Fault::internal} if it has another size.
[[nodiscard]] std::string png(std::uint32_t width, std::uint32_t height, std::string_view rgb);

} // namespace fiona::pixel
