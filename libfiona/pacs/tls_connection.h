// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/transport.h"

class DcmTransportConnection;
struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace fiona::pacs {

/// The server's end of a TLS connection for DCMTK, which takes ownership; nullptr if OpenSSL is out of
/// memory. It waits for its peer as make_transport_layer() does; DCMTK's own connection class would
/// wait for ever inside the handshake and inside a record. Errors are told by DCMTK's conditions.
[[nodiscard]] DcmTransportConnection* make_tls_connection(int fd, ssl_ctx_st* context,
                                                          Waiting& waiting);

} // namespace fiona::pacs
