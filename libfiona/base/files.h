// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona {

/// The whole file. Throws Error: Fault::missing if it is not there, Fault::data if it has more
/// than `max_bytes`, else what the system said. EINTR is retried.
[[nodiscard]] std::string read_file(const std::filesystem::path& path,
                                    std::size_t max_bytes = std::size_t{64} << 20U);
/// The same; nothing if there is no such file.
[[nodiscard]] std::optional<std::string>
read_file_if_any(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{64} << 20U);
/// A file of secrets: must be a regular file, owned by root or us, with no bit for group or
/// others (0600 or 0400). Else Error{Fault::config} that names the file and the remedy.
[[nodiscard]] Private<std::string> read_secret_file(const std::filesystem::path& path);

/// write(2) until all is written. Throws os_error() naming `what`.
void write_all(int fd, std::string_view bytes, std::string_view what);
/// fsync(2) of a directory, so that a rename in it survives a power loss.
void sync_directory(const std::filesystem::path& directory);
/// What somebody gave as input: the regular files of a directory, at any depth, sorted by path; links to
/// files are followed, links to directories are not. A path that is no directory stands for itself.
/// Throws Error{Fault::missing} if there is nothing; its text is without the path, which may be a name.
[[nodiscard]] std::vector<std::filesystem::path> input_files(const std::filesystem::path& path);
/// The names in a directory that do not begin with a dot; none if it is not there.
[[nodiscard]] std::vector<std::string> visible_names(const std::filesystem::path& directory);

/// mkdir -p with mode 0750 for what is made.
void make_directories(const std::filesystem::path& directory);

} // namespace fiona
