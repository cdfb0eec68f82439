// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/mode.h"
#include "libfiona/ingest/own_objects.h"

#include <compare>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>

/// Files of objects once more through the site: over the network, as if their sender sent them
/// again, or by spool entries alone. Either may be done as often as one likes: the archive keeps an
/// object that it has, and sorting is idempotent.
namespace fiona::ingest {

struct AePair {
    std::string called;
    std::string calling;
    friend auto operator<=>(const AePair&, const AePair&) = default;
};

struct AeOverrides {
    std::optional<AeTitle> called;
    std::optional<AeTitle> calling;
};

/// After each file; never twice at once, but not always from the same thread.
using OnFile = std::function<void()>;

struct Shipment {
    std::map<AePair, Files> files;
    std::size_t skipped = 0; ///< no DICOM Part 10 file, or a DICOMDIR
    std::size_t unreadable =
        0; ///< Part 10 files whose structure lies; logged by their place in the list
};

/// Reads who received (0002,0018) and sent (0002,0016) each file (PS3.10 Table 7.1-1). Where that is
/// absent or no AE title: RECEIVER.aet, and `S2M`.
[[nodiscard]] Shipment sort_by_ae(const Config& config, const Files& files,
                                  const AeOverrides& overrides, const OnFile& on_file);

struct Sent {
    std::size_t stored = 0;
    std::size_t refused = 0; ///< sending again would not help
    std::size_t failed = 0;  ///< no room, no answer: sending again may help
};

/// One association for each pair. Throws Error{Fault::unreachable} if the receiver does not answer;
/// an association that it rejects counts as failed files.
[[nodiscard]] Sent send_to_me(const Config& config, const Shipment& shipment,
                              const OnFile& on_file);

struct AnnouncedFiles {
    std::size_t announced = 0;
    std::size_t waiting = 0; ///< had an entry already
    std::size_t skipped = 0;
    std::size_t unreadable = 0;
};

/// Spool entries for files of the archive, or for links to them. Throws Error{Fault::usage}, before
/// anything is written, if a file lies elsewhere.
AnnouncedFiles announce_files(const Config& config, const Files& files,
                              const AeOverrides& overrides, Mode mode, const OnFile& on_file);

} // namespace fiona::ingest
