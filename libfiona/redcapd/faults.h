// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <vector>

/// Faults on purpose, so that clients can be tested against a server that misbehaves.
namespace fiona::redcapd {

struct InjectedFault {
    enum class Kind {
        delay,             ///< wait before the request is handled
        status,            ///< answer with an error status, do nothing
        html200,           ///< status 200 and HTML, do nothing
        truncate,          ///< do it, then send half of the answer
        drop_after_commit, ///< do it, then close without an answer
    };
    Kind kind = Kind::delay;
    int number = 0; ///< milliseconds, or the status
    double probability = 0;

    /// Throws the dice; what happens is logged. Thread-safe.
    [[nodiscard]] bool happens() const;
};
using InjectedFaults = std::vector<InjectedFault>;

/// `delay=MS,PROB`, `status=CODE,PROB`, `truncate,PROB`, `html200,PROB` or
/// `drop-after-commit,PROB`, with PROB from 0 to 1. Throws Error{Fault::usage}.
[[nodiscard]] InjectedFault parse_fault(const std::string& text);

} // namespace fiona::redcapd
