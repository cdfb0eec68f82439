// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/pacs/receiver_peer.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace fiona::pacs {

/// What the C-STORE command and its presentation context say about an object.
struct ObjectClaim {
    std::string sop_class;
    std::string sop_instance;
    std::string transfer_syntax;
};

/// Preamble, `DICM` and group 0002 of a file of ours (PS3.10 §7.1). It names caller, called and
/// address, so that a lost spool entry can be made again from the file.
[[nodiscard]] std::string file_meta(const ObjectClaim& claim, const ReceiverPeer& peer);

/// One object on its way in: `<site>/.incoming/<pid>.<counter>.part`.
///
/// No function throws: DCMTK loses the association, or hangs, when a sink complains. The first
/// errno is remembered instead, and everything after it is dropped.
class PartFile {
public:
    /// `buffer` collects small writes; it is borrowed, and lives longer than one object.
    PartFile(const std::filesystem::path& directory, std::vector<char>& buffer);
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;
    ~PartFile(); ///< removes the file unless it was moved away

    void append(const void* bytes, std::size_t count) noexcept;
    /// Writes what is buffered.
    void flush() noexcept;
    /// To durable storage: fdatasync(2).
    void sync() noexcept;
    /// Somebody gave it another name: it is not ours to remove.
    void moved_away() noexcept { m_name.clear(); }
    void fail(int error_number) noexcept;

    [[nodiscard]] int error_number() const { return m_error; } ///< 0: all is well
    [[nodiscard]] std::uint64_t bytes() const { return m_bytes; }
    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] const std::filesystem::path& path() const { return m_name; }

private:
    void write_out(const char* bytes, std::size_t count) noexcept;

    std::filesystem::path m_name;
    UniqueFd m_fd;
    std::vector<char>& m_buffer;
    std::size_t m_filled = 0;
    std::uint64_t m_bytes = 0;
    int m_error = 0;
};

/// Removes parts that nobody has written to for `age`: their writers are dead.
std::size_t sweep_parts(const std::filesystem::path& directory, std::chrono::seconds age);

} // namespace fiona::pacs
