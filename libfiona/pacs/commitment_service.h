// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/pacs/commitment.h"
#include "libfiona/pacs/receiver_counters.h"
#include "libfiona/pacs/receiver_peer.h"

#include <cstdint>
#include <list>
#include <optional>
#include <vector>

class OFCondition;
struct T_ASC_Association;
struct T_DIMSE_N_ActionRQ;
struct T_DIMSE_N_EventReportRSP;

namespace fiona::pacs {

/// Storage commitment as provider, for one association: keeps each request in the queue before it
/// is accepted, and reports on the same association while the peer keeps it open. What is not
/// reported and confirmed when it ends is left to report_commitments().
class CommitmentService {
public:
    /// All are borrowed.
    CommitmentService(const Config& config, const ReceiverPeer& peer,
                      const ReceiverCounters& counters);
    CommitmentService(const CommitmentService&) = delete;
    CommitmentService& operator=(const CommitmentService&) = delete;
    ~CommitmentService(); ///< lets go of what is owed

    /// Receives the data set of an N-ACTION and answers it; returns an error of the connection.
    [[nodiscard]] OFCondition serve(T_ASC_Association* association,
                                    const T_DIMSE_N_ActionRQ& request, std::uint8_t context);
    /// Whether a report can be sent now: one is owed, and none waits for its answer.
    [[nodiscard]] bool has_report() const;
    [[nodiscard]] OFCondition send_report(T_ASC_Association* association);
    /// The answer to a report.
    void take(const T_DIMSE_N_EventReportRSP& response);

private:
    struct Owed {
        CommitmentQueue::Claim claim;
        std::uint8_t context;
        std::optional<std::uint16_t> message_id; ///< once it is sent
    };

    [[nodiscard]] std::uint16_t keep(const std::filesystem::path& part, std::uint8_t context);
    void leave(Owed owed, TimePoint due);

    const Config& m_config;
    const ReceiverPeer& m_peer;
    const ReceiverCounters& m_counters;
    CommitmentQueue m_queue;
    std::list<Owed> m_owed;
};

} // namespace fiona::pacs
