// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/file_lock.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>

namespace fiona::wsi {

/// One worker's right to one upload, and its place for what is made of it: `<site>/tmp/slide-<id>/`, mode
/// 0700. The right ends with the object or the process; the place stays until remove(), so that
/// another try need not make everything again.
///
/// slide-<id>/  flock on slide-<id>.lock
///     +             +           a worker is at it
///     +             -           it died, or its upload waits for another try
///     -             -           nothing
///
/// Lock files are made, taken and removed under the flock of `.slides.lock`.
class SlideClaim {
public:
    /// Nothing if another worker has it.
    static std::optional<SlideClaim> take(const Paths& paths, const std::string& id);
    [[nodiscard]] static bool is_taken(const Paths& paths, const std::string& id);
    SlideClaim(const SlideClaim&) = delete;
    SlideClaim& operator=(const SlideClaim&) = delete;
    SlideClaim(SlideClaim&&) noexcept = default;
    SlideClaim& operator=(SlideClaim&&) = delete;
    ~SlideClaim();

    /// Made if need be. Throws Error{Fault::temporary} if the disk has not `bytes` free.
    [[nodiscard]] std::filesystem::path folder(std::uint64_t bytes) const;
    /// Removes the folder with all that is in it.
    void remove() const;
    /// Removes it unless the slide in it is made as a whole (its note, `*.json`, is written last).
    void drop_unfinished() const;
    /// Keeps it for a person, as `slide-<id>.kept/`; an earlier one of that name goes.
    void keep() const;

    /// Removes the folders of uploads that are not in `living` and have no worker.
    static void sweep(const Paths& paths, const std::set<std::string>& living);

private:
    SlideClaim(std::filesystem::path temporary, const std::string& id);

    std::filesystem::path m_temporary;
    std::filesystem::path m_folder;
    std::filesystem::path m_lock_file;
    std::unique_ptr<FileLock> m_lock; ///< nothing in what was moved from
};

} // namespace fiona::wsi
