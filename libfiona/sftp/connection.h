// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace fiona::sftp {

/// One account on one server, with one connection kept between calls. The server's key must stand in the
/// file of known hosts, ours is the only way to log in. Paths are relative to the login directory.
///
/// Every call may throw Error{Fault::config} if the server is not who it should be, Fault::permission if it
/// does not let us in or to the file, Fault::unreachable if it does not answer,
/// Fault::temporary if it cannot write or the connection breaks (libcurl does not tell which) or
/// `deadline` has passed,
/// Fault::protocol for other refusals.
class Connection {
public:
    /// Throws Error{Fault::config} for a key others can read, no known hosts, or no address.
    Connection(const SftpConfig& config, std::chrono::steady_clock::time_point deadline);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    /// The size of a file; nothing if there is none.
    [[nodiscard]] std::optional<std::uint64_t> size(const std::string& path);
    /// The whole file; nothing if there is none. Fault::protocol if it has more than `max_bytes`.
    [[nodiscard]] std::optional<std::string> read(const std::string& path, std::size_t max_bytes);
    /// The file in pieces, in order. False if there is none.
    [[nodiscard]] bool read(const std::string& path,
                            const std::function<void(std::string_view)>& take);

    struct Upload {
        int fd = -1;              ///< of a regular file; only read by position
        std::uint64_t bytes = 0;  ///< its size
        std::uint64_t offset = 0; ///< what the server's file has of it already
        TimePoint modified;       ///< the server's file gets this time
    };
    /// Writes from `offset` on; with 0 the server's file begins anew.
    void write(const std::string& path, const Upload& upload);
    /// Gives a file another name, in place of one that has it.
    void rename(const std::string& from, const std::string& to);
    /// Logs in and looks at the directory; Fault::missing if there is none.
    void check(const std::string& directory);

private:
    struct Handle;
    void perform(const std::string& path, std::string_view doing);
    void run_commands();

    std::unique_ptr<Handle> m_handle;
};

} // namespace fiona::sftp
