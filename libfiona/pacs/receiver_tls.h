// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/pacs/transport.h"

#include <memory>

namespace fiona::pacs {

/// Certificate, private key and rules of the TLS port. Read once by the receiver and inherited by
/// its associations, so that only the receiver ever opens the key.
///
/// BCP 195 as DICOM's non-downgrading profile has it (PS3.15 §B.10): TLS 1.2 and 1.3, ephemeral
/// keys. No renegotiation and no resumption: every association shows its certificate again.
class TlsContext {
public:
    /// Throws Error{Fault::config}: a file is missing, unreadable or no PEM, the key is open to
    /// others or belongs to another certificate. Validity in time is not checked.
    explicit TlsContext(const TlsConfig& config);
    TlsContext(TlsContext&& other) noexcept;
    TlsContext& operator=(TlsContext&& other) noexcept;
    ~TlsContext();

    /// As make_transport_layer(), for secure connections only; the handshake must be done within
    /// `waiting.pdu_patience`. Both must outlive the layer.
    [[nodiscard]] TransportLayer transport_layer(Waiting& waiting) const;

    /// Of our own certificate.
    [[nodiscard]] TimePoint not_before() const;
    [[nodiscard]] TimePoint not_after() const;

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};

} // namespace fiona::pacs
