// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/mode.h"

#include <sys/types.h>

#include <array>
#include <filesystem>
#include <optional>
#include <utility>

namespace fiona::cleanup {

/// Whether the archive that is there is the site's, and not the empty mount point of a disk that is away
/// or another disk: then every link would look stale. A random id in the archive tells it apart.
///
/// archive/.fiona-archive  .status/archive-id
///           -                    -           never looked at; the first look that finds a study writes
///                                            both, the one in the archive first; on a full disk the
///                                            next one that can
///           +                    -           killed in between, or a new .status/: noted again
///           A                    A           the archive of this site
///           -                    A           not mounted, or another disk: refused
///           B                    A           the archive of another site: refused
enum class Emptiness {
    refused, ///< an archive without studies throws while raw/ has some
    allowed  ///< somebody says that it is so
};

/// Throws Error{Fault::missing} with what to do if it is not; os_error() if it cannot be looked at.
/// With Mode::dry_run nothing is written.
void check_archive(const Paths& paths, Mode mode, Emptiness emptiness);

/// The archive and raw/, that links lead into, as they are when this is made: by device and inode. Who asks
/// after it has seen that a link leads nowhere, and before it removes it, is not misled by a disk that
/// has gone away meanwhile.
class LinkedPlaces {
public:
    explicit LinkedPlaces(const Paths& paths);

    /// Throws Error{Fault::missing} if one is another directory now, or away. One that was not there
    /// in the beginning may be made.
    void require_unchanged() const;

private:
    struct Place {
        std::filesystem::path path;
        std::optional<std::pair<dev_t, ino_t>> identity;
    };
    std::array<Place, 2> m_places;
};

} // namespace fiona::cleanup
