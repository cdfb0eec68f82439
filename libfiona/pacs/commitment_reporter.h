// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/pacs/receiver_counters.h"

#include <sys/types.h>

namespace fiona::pacs {

/// Sends every report of the CommitmentQueue that is due, each on an association of its own to the
/// requester's address in RECEIVER.peers. What fails is postponed, and given up after
/// RECEIVER.commitment_give_up. Throws os_error() if the queue itself cannot be read.
void report_commitments(const Config& config, const ReceiverCounters& counters);

/// The same as the life of a freshly forked process; never returns. `receiver` is its parent: it
/// dies with it.
[[noreturn]] void run_commitment_reporter(const Config& config, const ReceiverCounters& counters,
                                          pid_t receiver);

} // namespace fiona::pacs
