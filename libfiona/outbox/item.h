// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/unique_fd.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::outbox {

/// Files of one name: BASE.tgz, its BASE.md5sum (a line of md5sum(1)), and perhaps BASE.json.
struct Item {
    std::string base; ///< `[A-Za-z0-9_.-]`, at most 200 bytes, no dot or dash in front
    bool has_data = false;
    bool has_digest = false;
    bool has_description = false;
    TimePoint newest; ///< of its files
};
inline constexpr std::string_view data_ending = ".tgz";
inline constexpr std::string_view digest_ending = ".md5sum";
inline constexpr std::string_view description_ending = ".json";

struct Scan {
    std::vector<Item> items;          ///< oldest first
    std::vector<std::string> refused; ///< visible names that cannot be items: odd letters, links
};
/// The directory itself, nothing below it. Hidden names and other endings are nobody's business.
[[nodiscard]] Scan scan(const std::filesystem::path& directory);

/// A regular file, opened for reading; never through a link.
struct OpenFile {
    UniqueFd fd;
    std::uint64_t bytes = 0;
    TimePoint modified;
    std::string identity; ///< changes when the file does: size, time, inode
};
/// Nothing if there is no such regular file.
[[nodiscard]] std::optional<OpenFile> open_file(const std::filesystem::path& path);
/// 32 hex digits over the first bytes of the file, at most as many as it had when it was opened.
[[nodiscard]] std::string md5_of(const OpenFile& file, std::uint64_t bytes);
[[nodiscard]] inline std::string md5_of(const OpenFile& file)
{
    return md5_of(file, file.bytes);
}

/// Moves a file; on the disk when it returns. Between file systems it is copied, and there is under its
/// name complete or not at all. A target with the same content counts as moved; Error{Fault::data}
/// if there is another one.
void move_file(const std::filesystem::path& from, const std::filesystem::path& to);

} // namespace fiona::outbox
