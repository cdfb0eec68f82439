// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <chrono>
#include <optional>
#include <string>

namespace fiona::pacs {

/// The short name of a host, asked for in a process of its own: a name server that does not answer
/// must not delay a sender, and a look-up cannot be interrupted otherwise.
class HostLookup {
public:
    /// `address` is numeric, IPv4 or IPv6.
    explicit HostLookup(const std::string& address);

    /// The first label of the name; nothing if there is none, or it is not known by `deadline`.
    [[nodiscard]] std::optional<std::string>
    wait_until(std::chrono::steady_clock::time_point deadline) const;

private:
    UniqueFd m_answer;
};

} // namespace fiona::pacs
