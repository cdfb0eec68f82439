// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/pacs/association.h"
#include "libfiona/pacs/query.h"

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

class DcmDataset;
struct T_DIMSE_Message;

/// What C-FIND, C-GET and C-MOVE have in common on the wire. Internal to query and retrieve.
namespace fiona::pacs {

/// The identifier of a request. Throws Error{Fault::data} for a key that cannot be asked for.
[[nodiscard]] std::unique_ptr<DcmDataset> make_identifier(Level level, const Keys& keys);
/// `asked` with the values of an answer. Throws Error{Fault::data} if its structure lies.
[[nodiscard]] Keys read_identifier(std::vector<std::byte> bytes, std::string_view transfer_syntax,
                                   const Keys& asked);

/// What an identifier may be written in.
[[nodiscard]] std::vector<std::string> identifier_syntaxes();

struct Incoming {
    std::unique_ptr<T_DIMSE_Message> message;
    std::uint8_t context = 0;
};

/// The messages of one operation over an association, none of which may come after the deadline.
class Exchange {
public:
    using Time = std::chrono::steady_clock::time_point;

    /// `association` is borrowed.
    Exchange(Association& association, std::string peer, Time deadline);

    /// Throws Error{Fault::unreachable}.
    void send(const Context& context, T_DIMSE_Message& request, DcmDataset& identifier);
    void cancel(const Context& context, std::uint16_t message_id);
    /// The next command. Throws Error{Fault::unreachable}.
    [[nodiscard]] Incoming receive();
    /// The data set behind a command, which may have at most `max_identifier_bytes`. Throws
    /// Error{Fault::unreachable}, or Fault::protocol if it is longer.
    [[nodiscard]] std::vector<std::byte> receive_identifier(std::uint8_t context);

    /// Seconds to wait for one message: the patience of the peer, or less near the deadline.
    [[nodiscard]] int patience() const;
    /// The association is of no use any more.
    [[nodiscard]] Error lost();
    [[nodiscard]] Error nonsense(std::string_view what);

    static constexpr std::size_t max_identifier_bytes = std::size_t{1} << 20U;

private:
    Association& m_association;
    std::string m_peer;
    Time m_deadline;
};

} // namespace fiona::pacs
