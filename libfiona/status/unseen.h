// SPDX-License-Identifier: MIT
#pragma once

#include <exception>
#include <string>

namespace fiona::status {

/// Why something could not be looked at, fit for a page: without UIDs, and without the path that a
/// filesystem_error holds.
[[nodiscard]] std::string reason_of(const std::exception& problem);

} // namespace fiona::status
