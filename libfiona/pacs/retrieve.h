// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/ids.h"
#include "libfiona/pacs/query.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

/// C-GET and C-MOVE as user (PS3.4 §C.4.2, §C.4.3), Study Root.
namespace fiona::pacs {

/// A whole study, or one series of it.
struct Wanted {
    StudyUid study;
    std::optional<SeriesUid> series{};
};

/// One object that the peer says it holds.
struct Holding {
    std::string series;
    std::string sop;
    std::string sop_class; ///< "" if it does not tell
};

/// All of them, asked for series by series: not every archive answers about a study's images at once.
/// Nothing is an empty list. Throws as QuerySession::find(), and Error{Fault::protocol} for an answer
/// that is not complete.
[[nodiscard]] std::vector<Holding> find_holdings(QuerySession& session, const Wanted& wanted);

struct Retrieved {
    Ending ending = Ending::refused;
    std::uint16_t status = 0;
    /// Sub-operations, as the peer's last answer counts them.
    unsigned completed = 0, failed = 0, warnings = 0, remaining = 0;
    std::vector<std::filesystem::path>
        files;               ///< of C-GET, in the order they came, each object once
    std::size_t refused = 0; ///< of C-GET, by us: not what they say they are
    std::size_t missing = 0; ///< of the holdings asked for: did not come, or was not moved

    /// A peer ends with success also when it knows no such study: only numbers tell.
    [[nodiscard]] bool is_complete() const
    {
        return ending == Ending::complete && failed == 0 && refused == 0 && missing == 0;
    }
};

/// For the whole of a retrieval; Peer::timeout is for each message.
constexpr std::chrono::seconds retrieve_deadline = std::chrono::hours{1};

/// Fetches the objects of `holdings` into `directory`, over one association on which the peer is the
/// sender. Each becomes `<MOD>.<SOPInstanceUID>`, bit for bit as it came
/// (compressed syntaxes are proposed one by one, the peer chooses), only after the pre-scan has passed it and its UIDs are those of its command; an object that is
/// there already is replaced. All are on the disk when the function returns. A status that is no
/// success is a result. Throws Error: Fault::missing if `holdings` is empty, Fault::unreachable,
/// Fault::protocol, Fault::io.
[[nodiscard]] Retrieved get(const Peer& peer, const Wanted& wanted,
                            const std::vector<Holding>& holdings,
                            const std::filesystem::path& directory,
                            std::chrono::seconds deadline = retrieve_deadline);

/// Has the peer send the objects of `holdings` to `destination`, an AE title that it must know. They
/// arrive there on associations of their own.
[[nodiscard]] Retrieved move(const Peer& peer, const Wanted& wanted,
                             const std::vector<Holding>& holdings, const AeTitle& destination,
                             std::chrono::seconds deadline = retrieve_deadline);

} // namespace fiona::pacs
