// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <csignal>
#include <memory>

class DcmTransportLayer;

namespace fiona::pacs {

/// How an association of ours waits for its peer. The signal handler of the process sets
/// `stop_requested`; the association sets the rest. SIGTERM is blocked outside the waits, so none
/// is missed between looking and sleeping.
struct Waiting {
    volatile std::sig_atomic_t stop_requested = 0;
    bool may_stop = true; ///< here stopping loses nothing
    /// For the rest of a PDU whose first byte has come: DCMTK would wait for ever.
    std::chrono::seconds pdu_patience{10};
    std::chrono::seconds longest_wait = std::chrono::hours{1}; ///< whatever DCMTK asks for
    bool timed_out = false; ///< set by the connection when a PDU did not become whole in time
};

/// Waits for `events` of poll(2) on `fd`; false when the time is over, or `waiting` asks to stop.
[[nodiscard]] bool wait_for(int fd, short events, std::chrono::steady_clock::time_point deadline,
                            const Waiting& waiting);

struct DeleteTransportLayer {
    void operator()(DcmTransportLayer* layer) const;
};
using TransportLayer = std::unique_ptr<DcmTransportLayer, DeleteTransportLayer>;

/// A transport layer for ASC_setTransportLayer() whose connections
/// - answer at once: TCP_NODELAY, and TCP_QUICKACK armed again after every read. A sender with
///   Nagle's algorithm (every stock sender) otherwise waits 40 ms per object for our ACK;
/// - read ahead into a buffer, so that a small message costs one system call;
/// - wait as `waiting` says, and stop waiting, as if the time were over, when it asks for that.
/// `waiting` must live as long as the connections.
[[nodiscard]] TransportLayer make_transport_layer(Waiting& waiting);

} // namespace fiona::pacs
