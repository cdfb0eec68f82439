// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace fiona::store {

/// A file that appears under its name complete or not at all.
///
/// The bytes go to a hidden sibling on the same file system; commit() syncs it, renames it
/// and syncs the directory. Without commit() the sibling is removed and nothing happened.
/// A crash leaves at most a sibling named `.NAME.pid.counter.part`, which readers skip
/// (hidden) and janitors may remove.
class AtomicFile {
public:
    explicit AtomicFile(std::filesystem::path target, mode_t mode = 0640);
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    ~AtomicFile();

    /// Exactly this mode, whatever the umask says.
    void set_mode(mode_t mode);
    /// Owner and group of `other`, as far as the system lets us: only root may give a file away.
    void set_owner_like(const struct stat& other);
    /// The modification time of `other`: what is written is no news.
    void set_time_like(const struct stat& other);
    void write(std::string_view bytes);
    /// For writing elsewhere than at the end. It stays ours.
    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// Where the bytes are until commit(): for reading them again before anybody else does.
    [[nodiscard]] const std::filesystem::path& temporary() const { return m_temporary; }
    /// In place of what was written at `offset` before; write() goes on behind the end.
    void write_over(std::uint64_t offset, std::string_view bytes);
    /// The disk may begin with what was written so far: commit() of a large file waits less.
    void start_writing_back();
    void commit();
    /// As commit(), but Error{Fault::temporary} if a file of that name is already there (link(2)).
    void commit_new();
    /// As commit(), but at once: after a power loss the old file, the new one or an empty one may be
    /// there. For what is worth nothing by then.
    void publish();

private:
    void rename_to_target();
    void sync() const;
    void sync_parent() const;

    std::filesystem::path m_target;
    std::filesystem::path m_temporary;
    UniqueFd m_fd;
};

/// AtomicFile, write, commit.
void write_file(const std::filesystem::path& target, std::string_view bytes, mode_t mode = 0640);

} // namespace fiona::store
