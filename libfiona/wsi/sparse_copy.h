// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/wsi/byte_ranges.h"

#include <string_view>

/// Copying parts of large files without carrying every byte through this process.
namespace fiona::wsi {

/// Makes `to` (open for writing, empty) a file of `size` bytes that holds `kept` of `from`, and zeros
/// elsewhere: by sharing blocks where the file system can, else copy_file_range(2), else read and write.
/// Throws os_error().
void copy_ranges(int from, int to, std::uint64_t size, const ByteRanges& kept);

/// Zeros, as a hole where the file system can. Throws os_error().
void write_zeros(int fd, const ByteRange& range);

/// pwrite(2) until all is written. Throws os_error().
void write_at(int fd, std::uint64_t offset, std::string_view bytes);

} // namespace fiona::wsi
