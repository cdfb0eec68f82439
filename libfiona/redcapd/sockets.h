// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <cstdint>
#include <filesystem>
#include <string>

namespace fiona::redcapd {

struct TcpListener {
    UniqueFd fd;
    std::string address; ///< `127.0.0.1:8080`, `[::1]:8080`; the real port if 0 was asked for
};

/// Who can reach a listener. Plain HTTP carries tokens: it stays on the loopback.
enum class Reach { loopback, any };

/// `ADDRESS:PORT`; port 0 takes a free one. Error{Fault::config}: no such form, or an address that
/// is not of the loopback where it must be. Error{Fault::temporary}: the port is taken.
[[nodiscard]] TcpListener listen_on_tcp(const std::string& address, Reach reach);

/// A UNIX socket with mode 0660. A stale one (nobody listens) is replaced; Error{Fault::temporary}
/// if somebody listens, Error{Fault::config} if the path is too long or something else lies there.
[[nodiscard]] UniqueFd listen_on_socket(const std::filesystem::path& path);

} // namespace fiona::redcapd
