// SPDX-License-Identifier: MIT
#include "libfiona/ingest/own_receiver.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/pacs/receiver.h"

#include <limits>

namespace fiona::ingest {

namespace {

std::uint16_t port_of(const Config& config)
{
    try {
        const auto state = pacs::receiver_state(config);
        const auto* const port = state.find("port");
        if (port != nullptr && port->is_integer() && port->integer() > 0
            && port->integer() <= std::numeric_limits<std::uint16_t>::max()) {
            return static_cast<std::uint16_t>(port->integer());
        }
    } catch (const Error& e) { // a status file that was damaged: it says nothing then
        log::warn("receiver_status_unreadable", {{"reason", e.what()}});
    }
    return config.receiver.port;
}

} // namespace

pacs::Peer own_receiver(const Config& config)
{
    const auto& bind = config.receiver.bind_address;
    const bool is_everywhere = bind.empty() || bind == "0.0.0.0" || bind == "::";
    return {.host = is_everywhere ? "127.0.0.1" : bind,
            .port = port_of(config),
            .called_aet = config.receiver.aet,
            .calling_aet = "FIONA",
            .timeout = config.receiver.dimse_timeout};
}

} // namespace fiona::ingest
