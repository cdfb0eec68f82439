// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace fiona::pacs {

/// Who is at the other end of an association. All of it is a stranger's word but `address`.
struct ReceiverPeer {
    std::string caller;      ///< calling AE title, trimmed; any bytes
    std::string called;      ///< called AE title, likewise
    std::string address;     ///< numeric
    std::string host;        ///< short host name, or the address; empty: not yet looked up
    std::string association; ///< `<pid>-<counter>`
};

/// An AE title for a log line: bytes that are no printable ASCII become '?'.
[[nodiscard]] std::string printable(std::string_view title);

} // namespace fiona::pacs
