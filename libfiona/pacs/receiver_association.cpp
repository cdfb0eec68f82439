// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_association.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/pacs/commitment_report.h"
#include "libfiona/pacs/commitment_service.h"
#include "libfiona/pacs/receiver_access.h"
#include "libfiona/pacs/receiver_host.h"
#include "libfiona/pacs/receiver_negotiation.h"
#include "libfiona/pacs/receiver_process.h"
#include "libfiona/pacs/receiver_refusals.h"
#include "libfiona/pacs/receiver_report.h"
#include "libfiona/pacs/receiver_tls.h"
#include "libfiona/pacs/store_service.h"
#include "libfiona/pacs/transport.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmnet/cond.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>

#include <chrono>

namespace fiona::pacs {

namespace {

using std::chrono::steady_clock;

constexpr long max_pdu_bytes = 131072; // the largest DCMTK has
constexpr int report_patience = 1;     // s; a peer that wants to release does so at once
constexpr std::chrono::milliseconds host_patience{500}; // of the first object of a peer
constexpr std::chrono::seconds between_reports{1};
constexpr std::chrono::seconds close_patience{2}; // for the peer's end of the connection

Waiting g_waiting; // written by the signal handler

void request_stop(int /*signal*/)
{
    g_waiting.stop_requested = 1;
}

int seconds(std::chrono::seconds duration)
{
    return static_cast<int>(duration.count());
}

class Association {
public:
    Association(const Config& config, const AssociationTask& task)
        : m_config{config}, m_task{task}, m_counters{*task.counters},
          m_store{config, m_peer, m_counters}, m_layer{task.tls == nullptr
                                                           ? make_transport_layer(g_waiting)
                                                           : task.tls->transport_layer(g_waiting)}
    {
        m_peer.address = task.address;
        m_peer.host = task.host.value_or("");
        m_peer.association = fmt::format("{}-{}", ::getpid(), task.number);
    }
    Association(const Association&) = delete;
    Association& operator=(const Association&) = delete;
    ~Association()
    {
        ASC_destroyAssociation(&m_association);
        ASC_dropNetwork(&m_network);
    }

    void run()
    {
        if (!receive_request() || !accept()) {
            return;
        }
        if (m_peer.host.empty()) {
            m_lookup.emplace(m_peer.address);
        }
        report();
        const auto how = serve();
        m_commitment.reset(); // what it owes is the receiver's from now on
        m_store.end();
        resolve_host(steady_clock::now()); // for the receiver's memory, if it is there by now
        report();
        log::info("association_ended", {{"assoc", m_peer.association},
                                        {"how", how},
                                        {"objects", m_store.objects()},
                                        {"refused", m_store.refused()},
                                        {"bytes", m_store.bytes()},
                                        {"ms", since(m_start)}});
    }

private:
    static std::int64_t since(steady_clock::time_point start)
    {
        return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start)
            .count();
    }

    bool receive_request()
    {
        DUL_markProcessAsForkedChild();
        dcmExternalSocketHandle.set(m_task.socket);
        dcmDisableGethostbyaddr.set(OFTrue); // it would wait for a name server
        const int patience = seconds(m_config.receiver.acse_timeout);
        g_waiting.pdu_patience = m_config.receiver.acse_timeout;
        if (ASC_initializeNetwork(NET_ACCEPTOR, 0, patience, &m_network).bad()
            || ASC_setTransportLayer(m_network, m_layer.get(), 0).bad()) {
            throw Error{Fault::internal, "DCMTK's network does not start"};
        }
        const auto result =
            ASC_receiveAssociation(m_network, &m_association, max_pdu_bytes, nullptr, nullptr,
                                   m_task.tls == nullptr ? OFFalse : OFTrue, DUL_NOBLOCK, patience);
        if (result.bad()) {
            m_counters.refuse_association(m_task.tls != nullptr ? Refused::tls
                                                                : Refused::no_request);
            log::info("association_not_requested", {{"address", m_peer.address},
                                                    {"tls", m_task.tls != nullptr},
                                                    {"reason", result.text()}});
            ASC_dropSCPAssociation(m_association, 0);
            return false;
        }
        const auto& parameters = m_association->params->DULparams;
        m_peer.caller = trimmed(&parameters.callingAPTitle[0]);
        m_peer.called = trimmed(&parameters.calledAPTitle[0]);
        return true;
    }

    bool reject(const Rejection& rejection)
    {
        log::warn("association_refused", {{"caller", printable(m_peer.caller)},
                                          {"called", printable(m_peer.called)},
                                          {"address", m_peer.address},
                                          {"reason", rejection.why}});
        // DCMTK numbers the reasons with their source in the upper byte.
        const T_ASC_RejectParameters parameters{
            static_cast<T_ASC_RejectParametersResult>(rejection.result),
            static_cast<T_ASC_RejectParametersSource>(rejection.source),
            static_cast<T_ASC_RejectParametersReason>(rejection.source << 8U | rejection.reason)};
        ASC_rejectAssociation(m_association, &parameters);
        ASC_dropSCPAssociation(m_association, seconds(close_patience));
        return false;
    }

    bool accept()
    {
        if (m_task.rejection != nullptr) {
            return reject(*m_task.rejection); // counted by the receiver
        }
        if (!m_task.access->allows_caller(m_peer.caller)) {
            m_counters.refuse_association(Refused::caller);
            return reject(unknown_caller);
        }
        const auto contexts = negotiate(*m_association->params, m_config.receiver);
        if (contexts == 0) {
            m_counters.refuse_association(Refused::contexts);
            return reject(no_context);
        }
        ASC_setAPTitles(m_association->params, nullptr, nullptr, m_config.receiver.aet.c_str());
        if (const auto sent = ASC_acknowledgeAssociation(m_association); sent.bad()) {
            log::warn("association_not_accepted",
                      {{"address", m_peer.address}, {"reason", sent.text()}});
            return false;
        }
        log::info("association_accepted", {{"assoc", m_peer.association},
                                           {"caller", printable(m_peer.caller)},
                                           {"called", printable(m_peer.called)},
                                           {"address", m_peer.address},
                                           {"tls", m_task.tls != nullptr},
                                           {"contexts", contexts}});
        return true;
    }

    /// Until the end; returns how it came.
    std::string_view serve()
    {
        const int patience = seconds(m_config.receiver.dimse_timeout);
        g_waiting.pdu_patience = m_config.receiver.dimse_timeout;
        OFCondition result = EC_Normal;
        while (result.good()) {
            T_DIMSE_Message message{};
            T_ASC_PresentationContextID context = 0;
            g_waiting.may_stop = true;
            if (is_time_to_report()) {
                g_waiting.may_stop = false;
                result = m_commitment->send_report(m_association);
                continue;
            }
            result = DIMSE_receiveCommand(m_association, DIMSE_NONBLOCKING, patience, &context,
                                          &message, nullptr);
            g_waiting.may_stop = false;
            if (result.good()) {
                result = answer(message, context);
            }
        }
        return end(result);
    }

    /// A report waits until the peer has nothing more to say for a moment: some release as soon as
    /// their request is accepted, and a report would cross that.
    bool is_time_to_report()
    {
        return m_commitment && m_commitment->has_report()
               && !ASC_dataWaiting(m_association, report_patience) && g_waiting.stop_requested == 0;
    }

    OFCondition answer(T_DIMSE_Message& message, T_ASC_PresentationContextID context)
    {
        if (message.CommandField == DIMSE_C_ECHO_RQ) {
            return DIMSE_sendEchoResponse(m_association, context, &message.msg.CEchoRQ,
                                          STATUS_Success, nullptr);
        }
        if (message.CommandField == DIMSE_C_STORE_RQ
            && message.msg.CStoreRQ.DataSetType != DIMSE_DATASET_NULL) {
            resolve_host(m_start + host_patience);
            const auto refused = m_store.refused();
            const auto result = m_store.serve(m_association, message.msg.CStoreRQ, context);
            if (m_store.refused() != refused || steady_clock::now() >= m_next_report) {
                report();
            }
            return result;
        }
        if (message.CommandField == DIMSE_N_ACTION_RQ) {
            if (!m_commitment) {
                m_commitment.emplace(m_config, m_peer, m_counters);
            }
            return m_commitment->serve(m_association, message.msg.NActionRQ, context);
        }
        if (message.CommandField == DIMSE_N_EVENT_REPORT_RSP && m_commitment
            && message.msg.NEventReportRSP.DataSetType == DIMSE_DATASET_NULL) {
            m_commitment->take(message.msg.NEventReportRSP);
            return EC_Normal;
        }
        if (message.CommandField == DIMSE_N_EVENT_REPORT_RQ) {
            return keep_report(message.msg.NEventReportRQ, context);
        }
        return DIMSE_BADCOMMANDTYPE;
    }

    /// What another archive says of objects that we have sent to it; the sender looks for it.
    OFCondition keep_report(const T_DIMSE_N_EventReportRQ& request,
                            T_ASC_PresentationContextID context)
    {
        auto confirmation = Confirmation::unreadable;
        try {
            const auto report =
                receive_report(m_association, request, context, m_config.paths.incoming_parts(),
                               seconds(m_config.receiver.dimse_timeout));
            confirmation = CommitmentInbox{m_config.paths.commitments()}.keep(report)
                               ? Confirmation::accepted
                               : Confirmation::unknown_transaction;
            log::info("commitment_report_received",
                      {{"assoc", m_peer.association},
                       {"caller", printable(m_peer.caller)},
                       {"expected", confirmation == Confirmation::accepted},
                       {"committed", report.committed.size()},
                       {"failed", report.failed.size()}});
        } catch (const Error& e) {
            log::warn("commitment_report_not_kept",
                      {{"assoc", m_peer.association}, {"reason", e.what()}});
            if (e.fault() == Fault::unreachable) {
                return DUL_NETWORKCLOSED;
            }
        }
        return confirm_report(m_association, request, context, confirmation) ? EC_Normal
                                                                             : DUL_NETWORKCLOSED;
    }

    std::string_view end(const OFCondition& result)
    {
        g_waiting.may_stop = true;
        g_waiting.longest_wait = close_patience;
        if (result == DUL_PEERREQUESTEDRELEASE) {
            ASC_acknowledgeRelease(m_association);
            ASC_dropSCPAssociation(m_association, seconds(close_patience));
            return "released";
        }
        if (result == DUL_PEERABORTEDASSOCIATION) {
            return "aborted by the peer";
        }
        if (result == DUL_NETWORKCLOSED && !g_waiting.timed_out) {
            return "connection lost";
        }
        ASC_abortAssociation(m_association); // waits for the peer to close
        if (result == DIMSE_NODATAAVAILABLE || g_waiting.timed_out) {
            return g_waiting.stop_requested != 0 ? "stopped" : "timed out";
        }
        log::warn("association_aborted",
                  {{"assoc", m_peer.association}, {"reason", result.text()}});
        return "aborted";
    }

    /// The name stays the same for a whole association: it is part of the arrival mark.
    void resolve_host(steady_clock::time_point deadline)
    {
        if (!m_lookup) {
            return;
        }
        const auto found = m_lookup->wait_until(deadline);
        if (m_peer.host.empty()) {
            m_peer.host = found.value_or(m_peer.address);
        }
        m_known_host = found.value_or("");
        m_lookup.reset();
    }

    void report()
    {
        m_next_report = steady_clock::now() + between_reports;
        send_report(m_task.report_pipe,
                    {::getpid(), m_peer.caller, m_peer.called, m_peer.address, m_known_host,
                     m_store.objects(), m_store.bytes(), m_store.refused()});
    }

    using Refused = ReceiverCounters::Refused;

    const Config& m_config;
    const AssociationTask& m_task;
    const ReceiverCounters& m_counters;
    steady_clock::time_point m_start = steady_clock::now();
    ReceiverPeer m_peer;
    std::optional<HostLookup> m_lookup;
    std::string m_known_host;
    StoreService m_store;
    std::optional<CommitmentService> m_commitment;
    TransportLayer m_layer;
    T_ASC_Network* m_network = nullptr;
    T_ASC_Association* m_association = nullptr;
    steady_clock::time_point m_next_report;
};

} // namespace

void converse(const Config& config, const AssociationTask& task)
{
    g_waiting.may_stop = true; // an association before this one may have left its own
    g_waiting.longest_wait = Waiting{}.longest_wait;
    g_waiting.timed_out = false;
    Association{config, task}.run();
}

void serve_association(const Config& config, const AssociationTask& task)
{
    int exit_code = 1;
    try {
        const auto own = become_association_process(task, request_stop);
        converse(config, own);
        exit_code = 0;
    } catch (const std::exception& e) {
        log::error("association_failed", {{"address", task.address}, {"reason", e.what()}});
    }
    ::_exit(
        exit_code); // the receiver's objects, inherited with its memory, are not ours to destroy
}

} // namespace fiona::pacs
