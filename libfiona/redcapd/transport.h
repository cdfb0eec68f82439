// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/unique_fd.h"

#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

struct ssl_ctx_st;

/// The bytes of one connection, in clear or under TLS, without waiting: whoever calls polls.
namespace fiona::redcapd {

/// What came of one step.
struct Step {
    enum class Result {
        done,       ///< `bytes` went through; of a read, 0 is the end of the stream
        want_read,  ///< nothing yet: call again when the socket is readable
        want_write, ///< the same, when it is writable
        broken,     ///< the connection is of no use any more
    };
    Result result = Result::broken;
    std::size_t bytes = 0;
};

class Transport {
public:
    Transport() = default;
    Transport(const Transport&) = delete;
    Transport& operator=(const Transport&) = delete;
    virtual ~Transport() = default;

    [[nodiscard]] virtual Step handshake() = 0;
    [[nodiscard]] virtual Step read(std::span<char> target) = 0;
    [[nodiscard]] virtual Step write(std::string_view bytes) = 0;
    [[nodiscard]] virtual int fd() const = 0;
};

[[nodiscard]] std::unique_ptr<Transport> plain_transport(UniqueFd fd);

struct TlsFiles {
    std::filesystem::path certificate; ///< PEM, the server's first, then what signed it
    std::filesystem::path key;         ///< PEM, mode 0600
};

/// The server's side of TLS 1.2 and newer. Used by several threads once it is made.
class TlsContext {
public:
    /// Throws Error{Fault::missing} and Error{Fault::config} naming the file.
    explicit TlsContext(const TlsFiles& files);

    [[nodiscard]] std::unique_ptr<Transport> transport(UniqueFd fd) const;

private:
    struct Freed {
        void operator()(ssl_ctx_st* context) const noexcept;
    };
    std::unique_ptr<ssl_ctx_st, Freed> m_context;
};

} // namespace fiona::redcapd
