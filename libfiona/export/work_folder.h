// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/file_lock.h"

#include <filesystem>
#include <optional>
#include <string>

namespace fiona::exports {

/// `<work>/tmp_<job>/`, mode 0700: what a job has fetched so far, and copies for programs that read files.
///
/// folder  flock on its .lock
///    +          +      a job works in it
///    +          -      its job waits for another attempt, which fetches only what is missing; or it is of
///                      a job that nobody wants any more: fiona-clear-exports removes it
///    -          -      no attempt yet, or done, or given up
class WorkFolder {
public:
    /// Throws Error{Fault::temporary} if another process works in it.
    WorkFolder(const std::filesystem::path& work, const std::string& job);

    /// A folder in it, with what it has from an attempt before.
    [[nodiscard]] std::filesystem::path keep(const std::string& name) const;
    /// A folder in it that is empty.
    [[nodiscard]] std::filesystem::path fresh(const std::string& name) const;
    void remove();

private:
    std::filesystem::path m_work;
    std::string m_name;
    std::filesystem::path m_folder;
    std::optional<FileLock> m_lock;
};

} // namespace fiona::exports
