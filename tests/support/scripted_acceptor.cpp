// SPDX-License-Identifier: MIT
#include "tests/support/scripted_acceptor.h"

#include "tests/support/pacs_server.h"

#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/cond.h>

#include <memory>
#include <stdexcept>
#include <utility>

ScriptedAcceptor::ScriptedAcceptor(Serve serve) : m_serve{std::move(serve)}, m_port{unused_port()}
{
    if (ASC_initializeNetwork(NET_ACCEPTOR, m_port, 10, &m_network).bad()) {
        throw std::runtime_error{"a scripted peer cannot listen"};
    }
    m_thread = std::jthread{[this](const std::stop_token& stop) { run(stop); }};
}

ScriptedAcceptor::~ScriptedAcceptor()
{
    m_thread.request_stop();
    static_cast<void>(listens(m_port)); // wakes the thread if it waits for a caller
    m_thread.join();
    ASC_dropNetwork(&m_network);
}

fiona::pacs::Peer ScriptedAcceptor::peer() const
{
    return {"127.0.0.1", m_port, "SCRIPTED", "FIONA", std::chrono::seconds{10}};
}

void ScriptedAcceptor::run(const std::stop_token& stop) const
{
    while (!stop.stop_requested()) {
        T_ASC_Association* association = nullptr;
        const auto got = ASC_receiveAssociation(m_network, &association, ASC_MAXIMUMPDUSIZE,
                                                nullptr, nullptr, OFFalse, DUL_NOBLOCK, 1);
        if (got.good()) {
            m_serve(*association, stop);
        }
        ASC_dropSCPAssociation(association);
        ASC_destroyAssociation(&association);
    }
}

ScriptedCommand next_command(T_ASC_Association& association)
{
    using Came = ScriptedCommand::Came;
    ScriptedCommand next;
    DcmDataset* detail = nullptr;
    const auto got = DIMSE_receiveCommand(&association, DIMSE_NONBLOCKING, 1, &next.context,
                                          &next.message, &detail);
    const std::unique_ptr<DcmDataset> owned{detail};
    if (got == DIMSE_NODATAAVAILABLE) {
        return next;
    }
    if (got == DUL_PEERREQUESTEDRELEASE) {
        ASC_acknowledgeRelease(&association);
        next.came = Came::end;
        return next;
    }
    next.came = got.good() ? Came::command : Came::end;
    if (next.came == Came::command && next.message.CommandField == DIMSE_C_ECHO_RQ) {
        const auto answered = DIMSE_sendEchoResponse(
            &association, next.context, &next.message.msg.CEchoRQ, STATUS_Success, nullptr);
        next.came = answered.good() ? Came::nothing : Came::end;
    }
    return next;
}
