// SPDX-License-Identifier: MIT
#pragma once

#include <csignal>
#include <memory>

class DcmTransportLayer;

namespace fiona::pacs {

/// How an association of ours waits for its peer. The signal handler of the process sets
/// `stop_requested`; the association sets `idle` where stopping loses nothing. SIGTERM is blocked
/// outside the waits, so none is missed between looking and sleeping.
struct StopRequest {
    volatile std::sig_atomic_t stop_requested = 0;
    bool idle = true;
};

struct DeleteTransportLayer {
    void operator()(DcmTransportLayer* layer) const;
};
using TransportLayer = std::unique_ptr<DcmTransportLayer, DeleteTransportLayer>;

/// A transport layer for ASC_setTransportLayer() whose connections
/// - answer at once: TCP_NODELAY, and TCP_QUICKACK armed again after every read. A sender with
///   Nagle's algorithm (every stock sender) otherwise waits 40 ms per object for our ACK;
/// - read ahead into a buffer, so that a small message costs one system call;
/// - stop waiting, as if the time were over, when `stop` asks for it.
/// `stop` must live as long as the connections.
[[nodiscard]] TransportLayer make_transport_layer(const StopRequest& stop);

} // namespace fiona::pacs
