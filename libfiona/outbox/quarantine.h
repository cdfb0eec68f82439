// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <filesystem>
#include <string>
#include <vector>

namespace fiona::outbox {

/// What can never be sent, and who it was: `<outbox>/corrupt/`. Nothing is deleted; a person decides.
struct Reject {
    std::string name;               ///< of the item, or of the one file
    std::vector<std::string> files; ///< in the outbox; some may be missing
    std::string reason;
};
/// Moves the files there, with `NAME.<seconds>.reason` beside them. On the disk when it returns.
void set_aside(const std::filesystem::path& outbox, const Reject& reject, TimePoint now);

} // namespace fiona::outbox
