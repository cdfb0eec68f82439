// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/dicom/header.h"
#include "libfiona/store/spool.h"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <string_view>

/// Spool entries made of the file itself, when the receiver's own is lost or never was.
namespace fiona::ingest {

/// Who sent a file, as far as it is known; what is empty is taken from group 0002.
struct Sender {
    std::string caller;
    std::string called;
    std::string host;
};

/// Reads the UIDs from the file. `received` of the entry is the file's mtime. Throws Error:
/// Fault::missing if there is no such file, Fault::data if it is no DICOM object with its UIDs.
[[nodiscard]] store::SpoolEntry announce(const std::filesystem::path& file, const Sender& sender);

/// The files that the spool entries in `directory` (new/ or failed/) are about; nothing of those that
/// cannot be read, and none if the directory is not there.
[[nodiscard]] std::set<std::filesystem::path>
announced_files(const std::filesystem::path& directory);

/// Where the archive itself has the file, which may be a link to it. Throws Error: Fault::missing if
/// there is no such file, Fault::data if it lies elsewhere.
[[nodiscard]] std::filesystem::path archived_path(const Paths& paths,
                                                  const std::filesystem::path& file);

/// What a line of the original's FIFO says, without looking at any file.
struct Announced {
    std::filesystem::path file; ///< absolute
    Sender sender;
};
/// `caller,called,address,directory,file`, or one absolute path. Throws Error{Fault::data} for anything
/// else, without the line in its text.
[[nodiscard]] Announced parse_announcement(std::string_view line);

/// The entry for a line's file, which must lie in the archive. Throws what the three above throw.
[[nodiscard]] store::SpoolEntry announce_line(const Paths& paths, std::string_view line);

/// The file's header, with the UIDs the entry names. Throws Error{Fault::data} if they differ.
[[nodiscard]] dicom::Header read_announced(const store::SpoolEntry& entry);

} // namespace fiona::ingest
