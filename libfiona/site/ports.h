// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fiona::site {

/// `count` different TCP ports of 127.0.0.1 on which nobody listens now. Somebody else may take one
/// before its daemon starts: then the daemon says so and the configuration is edited.
[[nodiscard]] std::vector<std::uint16_t> free_loopback_ports(std::size_t count);

} // namespace fiona::site
