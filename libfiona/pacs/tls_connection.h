// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/transport.h"

#include <string>

class DcmTransportConnection;
struct ssl_ctx_st; // OpenSSL's SSL_CTX

namespace fiona::pacs {

/// The server's end of a TLS connection for DCMTK, which takes ownership; nullptr if OpenSSL is out of
/// memory. It waits for its peer as make_transport_layer() does; DCMTK's own connection class would
/// wait for ever inside the handshake and inside a record. Errors are told by DCMTK's conditions.
[[nodiscard]] DcmTransportConnection* make_tls_connection(int fd, ssl_ctx_st* context,
                                                          Waiting& waiting);

/// The client's end. The other side's certificate must be signed by one whom `context` trusts and be made
/// out to `server_name`, a host name or an address. When that, or anything else of TLS, fails,
/// `problem` says why, for people. All are borrowed.
[[nodiscard]] DcmTransportConnection* make_tls_client_connection(int fd, ssl_ctx_st* context,
                                                                 const std::string& server_name,
                                                                 Waiting& waiting,
                                                                 std::string& problem);

} // namespace fiona::pacs
