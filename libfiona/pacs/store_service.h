// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/pacs/receiver_archive.h"
#include "libfiona/pacs/receiver_counters.h"
#include "libfiona/pacs/receiver_intake.h"
#include "libfiona/pacs/receiver_peer.h"
#include "libfiona/pacs/receiver_room.h"

#include <chrono>
#include <cstdint>
#include <vector>

class OFCondition;
struct T_ASC_Association;
struct T_DIMSE_C_StoreRQ;

namespace fiona::pacs {

/// C-STORE as provider (PS3.4 annex B), for one association.
class StoreService {
public:
    /// All are borrowed. `peer` must have its host name before the first object.
    StoreService(const Config& config, const ReceiverPeer& peer, const ReceiverCounters& counters);

    /// Receives the data set of `request`, stores it or sets it aside, and answers. An error of the
    /// connection is returned; nothing is left of the object then, and the sender has no answer.
    [[nodiscard]] OFCondition serve(T_ASC_Association* association,
                                    const T_DIMSE_C_StoreRQ& request, std::uint8_t context);
    /// Takes back the marks of this association.
    void end() const { m_archive.end_association(m_peer.association); }

    [[nodiscard]] std::uint64_t objects() const { return m_objects; }
    [[nodiscard]] std::uint64_t bytes() const { return m_bytes; }
    [[nodiscard]] std::uint64_t refused() const { return m_refused; }

private:
    using Time = std::chrono::steady_clock::time_point;

    void set_aside(PartFile& part, const Verdict& verdict);
    void note_stored(const Verdict& verdict, const ObjectClaim& claim, std::uint64_t bytes,
                     Time start);
    void note_refused(const Verdict& verdict, const ObjectClaim& claim, std::uint64_t bytes);

    const Config& m_config;
    const ReceiverPeer& m_peer;
    const ReceiverCounters& m_counters;
    Archive m_archive;
    Room m_room;
    WriteBuffer m_buffer;
    std::uint64_t m_objects = 0;
    std::uint64_t m_refused = 0;
    std::uint64_t m_bytes = 0;
};

} // namespace fiona::pacs
