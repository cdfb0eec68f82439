// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/mode.h"

#include <optional>

namespace fiona::status {

/// The right to change `<state>/status/`, which is made; nothing in a dry run, while another process has it, or
/// where we cannot write: looking must work there too.
[[nodiscard]] std::optional<FileLock> lock_memory(const Paths& paths, Mode mode);

} // namespace fiona::status
