// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/pacs/sender.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/dimse.h>

#include <cstdint>
#include <functional>
#include <stop_token>
#include <thread>

/// A port of the test where associations are accepted by DCMTK, one after the other, in a thread of
/// the test: what the scripted peers have in common.
class ScriptedAcceptor {
public:
    /// Serves one association until it is over or the token says stop.
    using Serve = std::function<void(T_ASC_Association&, const std::stop_token&)>;

    explicit ScriptedAcceptor(Serve serve);
    ScriptedAcceptor(const ScriptedAcceptor&) = delete;
    ScriptedAcceptor& operator=(const ScriptedAcceptor&) = delete;
    ~ScriptedAcceptor();

    [[nodiscard]] std::uint16_t port() const { return m_port; }
    [[nodiscard]] fiona::pacs::Peer peer() const;

private:
    void run(const std::stop_token& stop) const;

    Serve m_serve;
    std::uint16_t m_port;
    T_ASC_Network* m_network = nullptr;
    std::jthread m_thread;
};

/// What came within a second.
struct ScriptedCommand {
    enum class Came {
        nothing, ///< no command, or one that is answered already (C-ECHO)
        command,
        end ///< released, aborted or lost
    };
    Came came = Came::nothing;
    T_DIMSE_Message message{};
    T_ASC_PresentationContextID context = 0;
};
/// Answers releases and C-ECHO by itself.
[[nodiscard]] ScriptedCommand next_command(T_ASC_Association& association);
