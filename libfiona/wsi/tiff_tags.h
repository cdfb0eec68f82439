// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

/// TIFF 6.0, its technical notes, and Hamamatsu's private numbers.
namespace fiona::wsi::tag {

inline constexpr std::uint16_t new_subfile_type = 254;
inline constexpr std::uint16_t image_width = 256;
inline constexpr std::uint16_t image_length = 257;
inline constexpr std::uint16_t compression = 259;
inline constexpr std::uint16_t photometric = 262;
inline constexpr std::uint16_t image_description = 270;
inline constexpr std::uint16_t strip_offsets = 273;
inline constexpr std::uint16_t samples_per_pixel = 277;
inline constexpr std::uint16_t rows_per_strip = 278;
inline constexpr std::uint16_t strip_byte_counts = 279;
inline constexpr std::uint16_t x_resolution = 282;
inline constexpr std::uint16_t y_resolution = 283;
inline constexpr std::uint16_t planar_configuration = 284;
inline constexpr std::uint16_t resolution_unit = 296;
inline constexpr std::uint16_t software = 305;
inline constexpr std::uint16_t date_time = 306;
inline constexpr std::uint16_t tile_width = 322;
inline constexpr std::uint16_t tile_length = 323;
inline constexpr std::uint16_t tile_offsets = 324;
inline constexpr std::uint16_t tile_byte_counts = 325;
inline constexpr std::uint16_t sub_directories = 330;
inline constexpr std::uint16_t jpeg_tables = 347;
inline constexpr std::uint16_t xmp = 700;
inline constexpr std::uint16_t icc_profile = 34675;

inline constexpr std::uint16_t ndpi_strip_offsets_high = 65324;
inline constexpr std::uint16_t ndpi_strip_byte_counts_high = 65325;
inline constexpr std::uint16_t ndpi_format = 65420;
inline constexpr std::uint16_t ndpi_source_lens = 65421;
inline constexpr std::uint16_t ndpi_x_offset = 65422;
inline constexpr std::uint16_t ndpi_y_offset = 65423;
inline constexpr std::uint16_t ndpi_focal_plane = 65424;
inline constexpr std::uint16_t ndpi_mcu_starts = 65426;
inline constexpr std::uint16_t ndpi_mcu_starts_high = 65432;
inline constexpr std::uint16_t ndpi_properties = 65449;

} // namespace fiona::wsi::tag
