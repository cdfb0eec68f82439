// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/receiver_association.h"

namespace fiona::pacs {

/// Turns the fresh copy of the receiver into the process of one association: descriptors, signals
/// (SIGTERM calls `on_stop`, and only inside the waits of our transport layer), limits of memory and no
/// core file, which would hold patient data. Returns the task with its own descriptors.
[[nodiscard]] AssociationTask become_association_process(const AssociationTask& task,
                                                         void (*on_stop)(int));

} // namespace fiona::pacs
