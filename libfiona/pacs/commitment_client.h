// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/commitment.h"
#include "libfiona/pacs/commitment_report.h"
#include "libfiona/pacs/sender.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::pacs {

/// A new, unguessable UID.
[[nodiscard]] std::string new_transaction();

struct CommitmentQuestion {
    std::string transaction;
    std::vector<ObjectReference> objects;
    std::chrono::seconds wait{10}; ///< for the report on the same association; 0: only ask
    std::filesystem::path scratch; ///< directory for what comes in
};

struct CommitmentAnswer {
    enum class Kind {
        not_offered, ///< the peer has no storage commitment
        refused,     ///< it does not take the request
        accepted,    ///< it will report on another association, to our receiver
        reported,
    } kind = Kind::not_offered;
    std::uint16_t status = 0;               ///< of N-ACTION, when refused
    std::optional<CommitmentReport> report; ///< when reported
};

/// N-ACTION of the Storage Commitment Push Model (PS3.4 §J.3.2), and the report if it comes in time.
/// Throws Error: Fault::unreachable, Fault::protocol, as Association does.
[[nodiscard]] CommitmentAnswer ask_commitment(const Peer& peer, const CommitmentQuestion& question);

} // namespace fiona::pacs
