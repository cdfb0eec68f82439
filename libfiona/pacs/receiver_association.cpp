// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_association.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/pacs/receiver_host.h"
#include "libfiona/pacs/receiver_intake.h"
#include "libfiona/pacs/receiver_negotiation.h"
#include "libfiona/pacs/receiver_process.h"
#include "libfiona/pacs/receiver_report.h"
#include "libfiona/pacs/receiver_room.h"
#include "libfiona/pacs/transport.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcostrma.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/diutil.h>
#include <dcmtk/dcmnet/dul.h>

#include <algorithm>
#include <chrono>

namespace fiona::pacs {

namespace {

using std::chrono::steady_clock;

constexpr long max_pdu_bytes = 131072;             // the largest DCMTK has
constexpr std::size_t write_buffer_bytes = 262144; // a typical slice is one write(2)
constexpr std::uint64_t room_checked_every = std::uint64_t{64} << 20U; // bytes of one object
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

/// Hands the bytes of a data set to `part`, or drops them; never complains (PartFile).
class Consumer : public DcmConsumer {
public:
    Consumer(PartFile* part, Room& room) : m_part{part}, m_room{room} {}

    OFBool good() const override { return OFTrue; }
    OFCondition status() const override { return EC_Normal; }
    OFBool isFlushed() const override { return OFTrue; }
    offile_off_t avail() const override { return max_pdu_bytes; }
    offile_off_t write(const void* bytes, offile_off_t count) override
    {
        m_bytes += static_cast<std::uint64_t>(count);
        if (m_part != nullptr) {
            if (m_bytes >= m_next_check) {
                m_next_check += room_checked_every;
                if (!m_room.refusal(steady_clock::now()).empty()) {
                    m_part->fail(ENOSPC);
                }
            }
            m_part->append(bytes, static_cast<std::size_t>(count));
        }
        return count;
    }
    void flush() override {}

    [[nodiscard]] std::uint64_t bytes() const { return m_bytes; }

private:
    PartFile* m_part;
    Room& m_room;
    std::uint64_t m_bytes = 0;
    std::uint64_t m_next_check = room_checked_every;
};

class Sink : public DcmOutputStream {
public:
    explicit Sink(Consumer& consumer) : DcmOutputStream{&consumer} {}
};

class Association {
public:
    Association(const Config& config, const AssociationTask& task)
        : m_config{config}, m_task{task}, m_archive{config}, m_room{config, m_archive.spool()},
          m_layer{make_transport_layer(g_waiting)}, m_buffer(write_buffer_bytes)
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
        m_archive.end_association(m_peer.association);
        resolve_host(steady_clock::now()); // for the receiver's memory, if it is there by now
        report();
        log::info("association_ended", {{"assoc", m_peer.association},
                                        {"how", how},
                                        {"objects", m_objects},
                                        {"refused", m_refused},
                                        {"bytes", m_bytes},
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
                                   OFFalse, DUL_NOBLOCK, patience);
        if (result.bad()) {
            log::info("association_not_requested",
                      {{"address", m_peer.address}, {"reason", result.text()}});
            ASC_dropSCPAssociation(m_association, 0);
            return false;
        }
        const auto& parameters = m_association->params->DULparams;
        m_peer.caller = trimmed(&parameters.callingAPTitle[0]);
        m_peer.called = trimmed(&parameters.calledAPTitle[0]);
        return true;
    }

    bool reject(T_ASC_RejectParametersResult result, T_ASC_RejectParametersReason reason,
                std::string_view why)
    {
        log::warn("association_refused", {{"caller", printable(m_peer.caller)},
                                          {"called", printable(m_peer.called)},
                                          {"address", m_peer.address},
                                          {"reason", why}});
        const T_ASC_RejectParameters parameters{result, ASC_SOURCE_SERVICEUSER, reason};
        ASC_rejectAssociation(m_association, &parameters);
        ASC_dropSCPAssociation(m_association, seconds(close_patience));
        return false;
    }

    bool accept()
    {
        const auto& allowed = m_config.receiver.allowed_callers;
        if (!allowed.empty() && std::ranges::find(allowed, m_peer.caller) == allowed.end()) {
            return reject(ASC_RESULT_REJECTEDPERMANENT, ASC_REASON_SU_CALLINGAETITLENOTRECOGNIZED,
                          "calling AE title not allowed");
        }
        const auto contexts = negotiate(*m_association->params, m_config.receiver);
        if (contexts == 0) {
            return reject(ASC_RESULT_REJECTEDPERMANENT, ASC_REASON_SU_NOREASON,
                          "no acceptable presentation context");
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
            result = DIMSE_receiveCommand(m_association, DIMSE_NONBLOCKING, patience, &context,
                                          &message, nullptr);
            g_waiting.may_stop = false;
            if (result.good()) {
                result = answer(message, context);
            }
        }
        return end(result);
    }

    OFCondition answer(T_DIMSE_Message& message, T_ASC_PresentationContextID context)
    {
        if (message.CommandField == DIMSE_C_ECHO_RQ) {
            return DIMSE_sendEchoResponse(m_association, context, &message.msg.CEchoRQ,
                                          STATUS_Success, nullptr);
        }
        if (message.CommandField == DIMSE_C_STORE_RQ
            && message.msg.CStoreRQ.DataSetType != DIMSE_DATASET_NULL) {
            return receive_object(message.msg.CStoreRQ, context);
        }
        return DIMSE_BADCOMMANDTYPE;
    }

    OFCondition receive_object(T_DIMSE_C_StoreRQ& request, T_ASC_PresentationContextID context)
    {
        const auto start = steady_clock::now();
        T_ASC_PresentationContext accepted;
        auto result =
            ASC_findAcceptedPresentationContext(m_association->params, context, &accepted);
        if (result.bad()) {
            return result;
        }
        const ObjectClaim claim{&request.AffectedSOPClassUID[0], &request.AffectedSOPInstanceUID[0],
                                &accepted.acceptedTransferSyntax[0]};
        resolve_host(m_start + host_patience);
        const auto no_space = m_room.refusal(start);
        std::optional<PartFile> part;
        if (no_space.empty()) {
            part.emplace(m_config.paths.incoming_parts(), m_buffer);
            const auto meta = file_meta(claim, m_peer);
            part->append(meta.data(), meta.size());
        }
        Consumer consumer{part ? &*part : nullptr, m_room};
        Sink sink{consumer};
        T_ASC_PresentationContextID data_context = 0;
        result = DIMSE_receiveDataSetInFile(m_association, DIMSE_NONBLOCKING,
                                            seconds(m_config.receiver.dimse_timeout), &data_context,
                                            &sink, nullptr, nullptr);
        if (result.good() && data_context != context) {
            result = DIMSE_BADDATA; // the context changed inside the message
        }
        if (result.bad()) {
            return result; // the part goes with its owner; the sender knows that it has no answer
        }
        const auto verdict =
            part ? take_in(m_archive, *part, claim, &accepted.abstractSyntax[0], m_peer)
                 : no_room(no_space);
        note(verdict, claim, consumer.bytes(), start);
        if (!verdict.stored && part && verdict.status != status::out_of_resources) {
            set_aside(*part, verdict);
        }
        part.reset(); // nothing of a refused object is left when its sender reads the answer
        return respond(request, context, verdict);
    }

    void set_aside(PartFile& part, const Verdict& verdict)
    {
        // A flood of bad objects must not take the room of good ones: the sender still has it.
        if (m_room.disk() != store::DiskState::ok
            || !m_archive.set_aside(part, verdict.reason, verdict.detail, m_peer)) {
            log::warn("refused_object_dropped",
                      {{"assoc", m_peer.association}, {"reason", verdict.reason}});
        }
    }

    void note(const Verdict& verdict, const ObjectClaim& claim, std::uint64_t bytes,
              steady_clock::time_point start)
    {
        const auto code = fmt::format("{:04x}", verdict.status);
        const auto sop = is_uid(claim.sop_instance) ? claim.sop_instance : "illegal";
        if (!verdict.stored) {
            ++m_refused;
            log::warn("object_refused", {{"assoc", m_peer.association},
                                         {"caller", printable(m_peer.caller)},
                                         {"sop", sop},
                                         {"study", verdict.study},
                                         {"bytes", bytes},
                                         {"status", code},
                                         {"reason", verdict.reason},
                                         {"detail", verdict.detail}});
            report();
            return;
        }
        ++m_objects;
        m_bytes += bytes;
        log::info("object_stored", {{"assoc", m_peer.association},
                                    {"sop", sop},
                                    {"study", verdict.study},
                                    {"bytes", bytes},
                                    {"ms", since(start)},
                                    {"as", *verdict.stored == Stored::created ? "new" : "again"}});
        if (*verdict.stored == Stored::replaced) {
            log::warn("object_replaced", {{"assoc", m_peer.association},
                                          {"caller", printable(m_peer.caller)},
                                          {"sop", sop},
                                          {"study", verdict.study}});
        }
        if (steady_clock::now() >= m_next_report) {
            report();
        }
    }

    OFCondition respond(const T_DIMSE_C_StoreRQ& request, T_ASC_PresentationContextID context,
                        const Verdict& verdict)
    {
        T_DIMSE_C_StoreRSP response{};
        response.MessageIDBeingRespondedTo = request.MessageID;
        response.DataSetType = DIMSE_DATASET_NULL;
        response.DimseStatus = verdict.status;
        std::ranges::copy(request.AffectedSOPClassUID, &response.AffectedSOPClassUID[0]);
        std::ranges::copy(request.AffectedSOPInstanceUID, &response.AffectedSOPInstanceUID[0]);
        response.opts =
            O_STORE_AFFECTEDSOPCLASSUID | O_STORE_AFFECTEDSOPINSTANCEUID
            | ((request.opts & O_STORE_RQ_BLANK_PADDING) != 0 ? O_STORE_RSP_BLANK_PADDING : 0U);
        DcmDataset detail;
        if (!verdict.comment.empty()) {
            detail.putAndInsertString(DCM_ErrorComment, std::string{verdict.comment}.c_str());
        }
        if (verdict.offending) {
            detail.putAndInsertTagKey(DCM_OffendingElement, DcmTagKey{verdict.offending->group,
                                                                      verdict.offending->element});
        }
        return DIMSE_sendStoreResponse(m_association, context, &request, &response,
                                       verdict.stored ? nullptr : &detail);
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
        send_report(m_task.report_pipe, {::getpid(), m_peer.caller, m_peer.called, m_peer.address,
                                         m_known_host, m_objects, m_bytes, m_refused});
    }

    const Config& m_config;
    const AssociationTask& m_task;
    steady_clock::time_point m_start = steady_clock::now();
    ReceiverPeer m_peer;
    std::optional<HostLookup> m_lookup;
    std::string m_known_host;
    Archive m_archive;
    Room m_room;
    TransportLayer m_layer;
    T_ASC_Network* m_network = nullptr;
    T_ASC_Association* m_association = nullptr;
    std::vector<char> m_buffer;
    std::uint64_t m_objects = 0;
    std::uint64_t m_refused = 0;
    std::uint64_t m_bytes = 0;
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
