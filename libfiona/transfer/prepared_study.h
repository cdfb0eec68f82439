// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/store/requests.h"
#include "libfiona/transfer/preparation.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace fiona::transfer {

/// What de-identification made of a study, kept until its request is finished, so that a PACS that was
/// down costs no second search of all its pixels: `<site>/tmp/prepared-<request>/`, mode 0700, with
/// `study/` and `manifest.json`. The directory belongs to whoever has claimed the request; while it is
/// used there is a flock on it.
///
/// study/  manifest.json
///   -           -        nothing prepared
///   +           -        being prepared, or killed in between: the next try begins again
///   +           +        whole; used as long as its key fits and every file has its digest
///
/// The request is finished, or nobody knows it any more: all is removed.
class PreparedStudy {
public:
    PreparedStudy(const Paths& paths, const store::TransferRequest& request);

    /// What keep() was given with this key; nothing if it was something else, or if a file is not as
    /// it was (every byte is read).
    [[nodiscard]] std::optional<Preparation> load(const std::string& key);
    /// A new empty directory for the files. Throws Error{Fault::temporary} as store::require_space().
    [[nodiscard]] std::filesystem::path make_room(std::uint64_t bytes);
    /// `preparation` has its files in the directory of make_room(). Durable when it returns; whether
    /// the files are too, their digests will tell.
    void keep(const std::string& key, const Preparation& preparation) const;
    void remove() const;

    /// Removes what belongs to no request any more, and is older than an hour.
    static void sweep(const store::Requests& requests, TimePoint now);

private:
    [[nodiscard]] std::filesystem::path manifest() const { return m_directory / "manifest.json"; }
    void lock();

    std::filesystem::path m_directory;
    UniqueFd m_lock; ///< of the directory itself
};

} // namespace fiona::transfer
