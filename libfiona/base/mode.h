// SPDX-License-Identifier: MIT
#pragma once

namespace fiona {

/// Whether to do it, or only to say what would be done.
enum class Mode { apply, dry_run };

} // namespace fiona
