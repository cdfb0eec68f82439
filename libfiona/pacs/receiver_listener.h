// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <cstdint>
#include <optional>
#include <string>

namespace fiona::pacs {

struct Accepted {
    UniqueFd socket;     ///< blocking
    std::string address; ///< numeric
};

/// A listening TCP socket. `0.0.0.0` and `::` mean all interfaces. The backlog is as long as the system
/// allows: a burst of senders must wait, not fail.
class Listener {
public:
    /// Port 0: any free one. Throws Error: Fault::temporary if the port is in use, Fault::permission
    /// if it is privileged, Fault::config if the address is none of ours.
    Listener(const std::string& address, std::uint16_t port);

    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] std::uint16_t port() const { return m_port; }
    /// Nothing if there is nobody after all, or the kernel is short of something.
    [[nodiscard]] std::optional<Accepted> accept() const;
    void close() { m_fd = UniqueFd{}; }

private:
    UniqueFd m_fd;
    std::uint16_t m_port = 0;
};

} // namespace fiona::pacs
