// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::store {

/// An open directory that is looked at and emptied by descriptor: no name below it is ever resolved
/// through a link, and nothing on the other side of a mount point is touched. Names may be patients'
/// ids, so no error holds one. Everything that fails throws os_error(), but for what is gone.
class Folder {
public:
    /// Links in `path` are followed: the configuration says where a base is. `what` is for the error.
    explicit Folder(const std::filesystem::path& path, std::string_view what);

    enum class Kind { link, directory, file, other };
    struct Entry {
        std::string name;
        Kind kind = Kind::other;
    };
    /// All but `.` and `..`, in no order.
    [[nodiscard]] std::vector<Entry> entries() const;
    /// lstat(2); nothing if there is no such name.
    [[nodiscard]] std::optional<struct stat> look(const std::string& name) const;
    /// Where a link leads; empty if it is none, or gone.
    [[nodiscard]] std::string target(const std::string& name) const;

    enum class End {
        there,  ///< it leads to something
        gone,   ///< it certainly does not: ENOENT, ENOTDIR, ELOOP
        unknown ///< nobody can say: EIO, EACCES, ESTALE
    };
    [[nodiscard]] End end_of(const std::string& name) const;

    /// A directory in this one; nothing if there is none, or something else. Throws
    /// Error{Fault::data} if it is a mount point.
    [[nodiscard]] std::optional<Folder> descend(const std::string& name) const;
    /// The same, made (mode 0750) if it is missing.
    [[nodiscard]] Folder descend_or_make(const std::string& name) const;
    /// False if it is gone.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    bool unlink(const std::string& name) const;
    /// False if it is gone, or not empty.
    // NOLINTNEXTLINE(modernize-use-nodiscard) called for its effect
    bool remove_directory(const std::string& name) const;
    /// False if `name` is gone, or there is something in `target` under the new name.
    [[nodiscard]] bool move(const std::string& name, const Folder& target,
                            const std::string& new_name) const;

    [[nodiscard]] int fd() const { return m_fd.get(); }
    /// Of the directory itself, as it was when it was opened.
    [[nodiscard]] const struct stat& status() const { return m_status; }

private:
    Folder(UniqueFd fd, struct stat status) : m_fd{std::move(fd)}, m_status{status} {}

    UniqueFd m_fd;
    struct stat m_status {};
};

/// What was taken off the disk, or would be.
struct Amount {
    std::size_t files = 0;   ///< and links
    std::uint64_t bytes = 0; ///< allocated blocks

    void add(const struct stat& status);
    Amount& operator+=(const Amount& other);
};

/// Removes a directory of `parent` with all that is in it; a link in it goes, what it leads to stays.
/// What turns up meanwhile goes too. Throws Error{Fault::data} if there is a mount point inside, or more
/// than 500 levels.
Amount remove_tree(const Folder& parent, const std::string& name);

/// The same by a path whose last part is that directory; nothing there is fine. Throws Error{Fault::data}
/// if it is a link or a file, too.
void remove_tree(const std::filesystem::path& top);

/// All that is in it: Error{Fault::data} as above.
[[nodiscard]] Amount measure_tree(const Folder& parent, const std::string& name);

} // namespace fiona::store
