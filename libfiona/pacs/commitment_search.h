// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/commitment.h"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <vector>

namespace fiona::pacs {

enum class Commitment {
    committed,      ///< in the archive, whole, with that SOP class, and on durable storage
    no_such_object, ///< nowhere in the archive
    other_class,    ///< in the archive with another SOP class
    unknown,        ///< the search took too long, or the object cannot be read
};

/// FailureReason (0008,1197), PS3.3 §C.14.1.1. Not for Commitment::committed.
[[nodiscard]] std::uint16_t failure_reason(Commitment verdict);

/// Looks in `archive` for each of `objects`; the answers are in their order. Never throws for an object.
///
/// A request names no study, so directories of studies are searched, the last changed first: a
/// requester asks for what it has just sent, and the first few directories answer. Nothing
/// is written when an object is stored, and there is no index that could disagree with the archive.
/// Each directory is listed once whatever the number of objects, so the price of an object that is
/// nowhere is one listing of the archive, bounded by `deadline`.
[[nodiscard]] std::vector<Commitment>
find_committed(const std::filesystem::path& archive, const std::vector<ObjectReference>& objects,
               std::chrono::steady_clock::time_point deadline);

} // namespace fiona::pacs
