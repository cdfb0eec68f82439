// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"

#include <cstdint>
#include <memory>
#include <string_view>

namespace fiona::pacs {

/// Totals of a receiver since its start, in memory shared with the processes of its associations:
/// each of them counts at once, and its death takes nothing away.
class ReceiverCounters {
public:
    /// Throws os_error().
    ReceiverCounters();

    enum class Count {
        objects,    ///< acknowledged with success
        bytes,      ///< of them
        duplicates, ///< of the objects: the archive had the same
        replaced,   ///< of the objects: the archive had another one of that UID
        commitments_requested,
        commitments_reported, ///< and confirmed by the requester
        commitments_given_up,
        number_of_counts
    };
    void add(Count what, std::uint64_t by = 1) const;
    [[nodiscard]] std::uint64_t get(Count what) const;

    /// `reason`: a directory of .rejected/ (Verdict::reason).
    void refuse_object(std::string_view reason) const;
    enum class Refused {
        over_limit,
        no_room,
        disabled,
        address,
        caller,
        contexts,
        no_request, ///< connected, and asked for nothing that we understood
        tls,        ///< no TLS handshake, or nothing behind it
        number_of_reasons
    };
    void refuse_association(Refused reason) const;
    [[nodiscard]] std::uint64_t refused_objects() const;
    [[nodiscard]] std::uint64_t refused_associations() const;
    /// Of every counter. They only grow: another sum means news.
    [[nodiscard]] std::uint64_t sum_of_all() const;

    /// {"objects", "bytes", "duplicates", "replaced", "refused_objects", "refused": {reason: n},
    /// "turned_away", "refused_associations": {reason: n}, "commitments": {...}}.
    [[nodiscard]] json::Object as_json() const;

private:
    struct Shared;
    struct Unmap {
        void operator()(Shared* shared) const;
    };
    std::unique_ptr<Shared, Unmap> m_shared;
};

} // namespace fiona::pacs
