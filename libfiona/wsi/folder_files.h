// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/store/folder.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Files of an open directory whose names may be a patient's: no link is followed, and no error holds a
/// name.
namespace fiona::wsi {

/// What tells one file from another, and from itself after a change.
struct FileIdentity {
    std::uint64_t inode = 0;
    std::uint64_t bytes = 0;
    std::int64_t modified_ns = 0; ///< since 1970

    friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
};
[[nodiscard]] FileIdentity identity_of(const struct stat& status);

/// A regular file, open for reading. An empty one if there is none. Throws Error{Fault::data} if it is a
/// link, a device or a directory.
[[nodiscard]] UniqueFd open_regular(const store::Folder& folder, const std::string& name);
[[nodiscard]] struct stat status_of(int fd);
/// Nothing if there is no such file. Throws Error{Fault::data} above `max_bytes`.
[[nodiscard]] std::optional<std::string> read_text(const store::Folder& folder,
                                                   const std::string& name, std::size_t max_bytes);

/// Complete under its name or not at all, durable when it returns; replaces what is there. Until then it
/// is `part`: a name that every try of the same work has, so that a crash leaves nothing that stays.
void put_text(const store::Folder& folder, const std::string& name, std::string_view text,
              const std::string& part);

struct FileDigests {
    std::string sha256; ///< lower-case hex
    std::string md5;
};
/// Of the whole file, from its beginning.
[[nodiscard]] FileDigests digests_of(int fd);

/// Copies `source` (opened for reading) to the new file `name`, whose part is `part` until it is whole:
/// durable when it returns. A part of that name is what an earlier try left. False if `name` is there
/// already and holds the same bytes; throws Error{Fault::data} if it holds others.
bool put_copy(int source, const std::string& sha256, const store::Folder& folder,
              const std::string& name, const std::string& part);

} // namespace fiona::wsi
