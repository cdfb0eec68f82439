// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/sender.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct T_ASC_Association;

/// An association that we asked for: what sender, query and echo have in common.
namespace fiona::pacs {

/// One presentation context. The peer picks one of the transfer syntaxes, so a syntax that must be
/// kept stands alone.
struct Proposal {
    std::string abstract_syntax;
    std::vector<std::string> transfer_syntaxes;
    /// Who we are in it (PS3.7 §D.3.3.4): a provider that opens the association says so.
    enum class Role { user, provider } role = Role::user;
    friend auto operator<=>(const Proposal&, const Proposal&) = default;
};

/// PS3.8 §9.3.2.2: context ids are the odd numbers of one byte.
constexpr std::size_t max_proposals = 128;

struct Context {
    std::uint8_t id = 0;
    std::string transfer_syntax;
};

/// One established association; released at the end, aborted after a failure. Nagle is off and
/// acknowledgements are sent at once: without that a stock peer and we wait 40 ms for each other
/// at every object. Single-threaded.
class Association {
public:
    /// Throws Error: Fault::unreachable (no connection, no answer), Fault::protocol (rejected, with
    /// the reason of PS3.8 §9.3.4, or no TLS, with the reason), Fault::config (Peer::tls), Fault::internal with more than max_proposals.
    Association(const Peer& peer, const std::vector<Proposal>& proposals);
    Association(const Association&) = delete;
    Association& operator=(const Association&) = delete;
    ~Association();

    /// What the peer made of the proposal of that index; nothing if it rejected it.
    [[nodiscard]] std::optional<Context> accepted(std::size_t proposal) const;

    /// Sends one fragment of a command or a data set; fragments of any size, cut to the peer's
    /// largest PDU. Throws Error{Fault::unreachable} if the connection is gone.
    enum class Stream { command, data };
    enum class Last { no, yes };
    void write(const Context& context, Stream stream, std::span<std::byte> fragment, Last last);

    [[nodiscard]] std::uint16_t next_message_id();
    /// Seconds to wait for an answer.
    [[nodiscard]] int timeout() const;
    /// Borrowed, for the DIMSE_* functions.
    [[nodiscard]] T_ASC_Association* handle() const;
    /// The peer is gone or out of step: no release, an abort.
    void give_up();
    [[nodiscard]] bool is_broken() const;

private:
    struct Data;
    std::unique_ptr<Data> m_data;
};

} // namespace fiona::pacs
