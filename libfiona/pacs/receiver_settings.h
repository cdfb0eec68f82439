// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/pacs/receiver_access.h"
#include "libfiona/pacs/receiver_tls.h"

#include <cstdint>
#include <optional>

namespace fiona::pacs {

/// What SIGHUP reads again, all or nothing.
struct ReceiverSettings {
    /// Throws Error{Fault::config} for addresses, a certificate or a key that are bad.
    ReceiverSettings(Config read, const ReceiverOptions& options);

    /// As at a start, with the ports and directories of `now`. Throws as well if the TLS port is gone;
    /// a new one is only announced in the log.
    [[nodiscard]] static ReceiverSettings read_again(const ReceiverSettings& now,
                                                     const ReceiverOptions& options);

    /// Throws Error{Fault::config} if a project has no port.
    [[nodiscard]] std::uint16_t port(const ReceiverOptions& options) const;
    /// Logs a warning if our certificate is not valid, or not for much longer: peers would refuse us,
    /// and plain senders are none the worse.
    void warn_of_certificate(TimePoint now) const;

    Config config;
    AccessList access;
    std::optional<TlsContext> tls;
};

/// Makes the directories of a receiver. Everything below the site that it renames between must be one
/// file system: throws Error{Fault::config} if not.
void prepare_directories(const Paths& paths);

} // namespace fiona::pacs
