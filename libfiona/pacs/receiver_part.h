// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"
#include "libfiona/pacs/receiver_peer.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>

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

/// Memory that the disk can be given directly: it begins at a multiple of its block size.
class WriteBuffer {
public:
    /// Bytes; a multiple of `block_bytes`. Throws std::bad_alloc.
    explicit WriteBuffer(std::size_t size);

    [[nodiscard]] char* data() { return m_bytes.get(); }
    [[nodiscard]] std::size_t size() const { return m_size; }

    static constexpr std::size_t block_bytes =
        4096; ///< of every disk and file system that is asked

private:
    struct Free {
        void operator()(char* bytes) const;
    };
    std::unique_ptr<char, Free> m_bytes;
    std::size_t m_size;
};

/// One object on its way in: `<site>/.incoming/<pid>.<counter>.part`.
///
/// What fits into the buffer is written once, when its owner wants it on the disk. Whole blocks go
/// there without a copy in the page cache (O_DIRECT, where the file system has it): they must be
/// waited for anyway, and nobody reads the pixels soon.
///
/// No function throws: DCMTK loses the association, or hangs, when a sink complains. The first
/// errno is remembered instead, and everything after it is dropped.
class PartFile {
public:
    /// `buffer` is borrowed, and serves one object at a time.
    PartFile(const std::filesystem::path& directory, WriteBuffer& buffer);
    PartFile(const PartFile&) = delete;
    PartFile& operator=(const PartFile&) = delete;
    ~PartFile(); ///< removes the file unless it was moved away

    void append(const void* bytes, std::size_t count) noexcept;
    /// Writes what is buffered. Nothing may be appended after it.
    void flush() noexcept;
    /// To durable storage: fdatasync(2).
    void sync() noexcept;
    /// Somebody gave it another name: it is not ours to remove.
    void moved_away() noexcept { m_name.clear(); }
    void fail(int error_number) noexcept;
    /// The whole file as it will be, while nothing of it was written: no need to read it back.
    [[nodiscard]] std::optional<std::span<const std::byte>> held() const;

    [[nodiscard]] int error_number() const { return m_error; } ///< 0: all is well
    [[nodiscard]] std::uint64_t bytes() const { return m_bytes; }
    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] const std::filesystem::path& path() const { return m_name; }

private:
    void write_out(const char* bytes, std::size_t count) noexcept;
    void stop_direct() noexcept;

    std::filesystem::path m_name;
    UniqueFd m_fd;
    WriteBuffer& m_buffer;
    std::size_t m_filled = 0;
    bool m_is_direct = false;
    std::uint64_t m_bytes = 0;
    int m_error = 0;
};

/// Removes parts that nobody has written to for `age`: their writers are dead.
std::size_t sweep_parts(const std::filesystem::path& directory, std::chrono::seconds age);

} // namespace fiona::pacs
