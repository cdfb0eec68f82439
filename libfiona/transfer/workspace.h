// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/file_lock.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace fiona::transfer {

/// A worker's own place for what does not outlive it: `<site>/tmp/transfer-<worker>/`, mode 0700. It and
/// all in it go with the object.
///
/// directory  lock of transfer-<worker>.lock
///     +            +      the worker lives
///     +            -      it died: the next worker removes the directory, then the lock file
///     -            -      nothing
class Workspace {
public:
    /// Removes what dead workers left.
    static void sweep(const Paths& paths);

    /// `worker`: name of the worker's directory below transfers_work/. Sweeps first: a dead worker
    /// may have had that name.
    Workspace(const Paths& paths, const std::string& worker);
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    ~Workspace();

    /// A new empty directory of that name. Throws as store::require_space().
    [[nodiscard]] std::filesystem::path make_room(std::string_view name, std::uint64_t bytes) const;
    void remove(std::string_view name) const;

private:
    std::filesystem::path m_directory;
    std::filesystem::path m_lock_file;
    std::optional<FileLock> m_lock;
};

} // namespace fiona::transfer
