// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/unique_fd.h"

#include <sys/types.h>

#include <optional>
#include <string>

namespace fiona::pacs {

class AccessList;
class ReceiverCounters;
class TlsContext;
struct Rejection;

/// One accepted connection, handed to a process of its own.
struct AssociationTask {
    int socket = -1;                    ///< borrowed from the receiver
    int report_pipe = -1;               ///< likewise; non-blocking
    std::string address;                ///< numeric, of the peer
    std::optional<std::string> host;    ///< if the receiver knows it already
    unsigned number = 0;                ///< counts associations of this receiver
    const AccessList* access = nullptr; ///< this and the next are the receiver's
    const ReceiverCounters* counters = nullptr;
    const TlsContext* tls = nullptr;      ///< nullptr: a plain connection
    const Rejection* rejection = nullptr; ///< not nullptr: only say no, with this reason
    pid_t receiver = 0; ///< when it dies, the association finishes its object and ends
};

/// Serves the association in this process and returns at its end; the socket is closed. Throws Error if
/// DCMTK does not start.
void converse(const Config& config, const AssociationTask& task);

/// The life of a freshly forked process: serves the association and never returns. Everything the
/// process inherited but the two descriptors and standard error is closed first: the listening
/// socket and the pid file's lock must not outlive the receiver.
[[noreturn]] void serve_association(const Config& config, const AssociationTask& task);

} // namespace fiona::pacs
