// SPDX-License-Identifier: MIT
#include "libfiona/pacs/commitment_reporter.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/pacs/association.h"
#include "libfiona/pacs/commitment.h"
#include "libfiona/pacs/commitment_message.h"
#include "libfiona/pacs/commitment_search.h"
#include "libfiona/pacs/receiver_peer.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/dcmnet/dimse.h>

#include <sys/prctl.h>
#include <unistd.h>

#include <csignal>
#include <set>

namespace fiona::pacs {

namespace {

constexpr std::chrono::minutes search_patience{5};

/// Throws Error if the report is not confirmed.
void report(const PeerAddress& address, const Config& config, const CommitmentRequest& request)
{
    const auto verdicts = find_committed(config.paths.archive(), request.objects,
                                         std::chrono::steady_clock::now() + search_patience);
    Association association{
        {.host = address.host,
         .port = address.port,
         .called_aet = request.caller,
         .calling_aet = request.called,
         .timeout = config.receiver.dimse_timeout},
        {{UID_StorageCommitmentPushModelSOPClass,
          {UID_LittleEndianExplicitTransferSyntax, UID_LittleEndianImplicitTransferSyntax},
          Proposal::Role::provider}}};
    const auto context = association.accepted(0);
    if (!context) {
        throw Error{Fault::protocol, "the requester does not take reports"};
    }
    const auto id = association.next_message_id();
    T_DIMSE_Message answer{};
    T_ASC_PresentationContextID answer_context = 0;
    if (send_event_report(association.handle(), context->id, id, request, verdicts).bad()
        || DIMSE_receiveCommand(association.handle(), DIMSE_NONBLOCKING, association.timeout(),
                                &answer_context, &answer, nullptr)
               .bad()
        || answer.CommandField != DIMSE_N_EVENT_REPORT_RSP) {
        association.give_up();
        throw Error{Fault::unreachable, "the requester does not answer the report"};
    }
    const auto status = answer.msg.NEventReportRSP.DimseStatus;
    if (status != STATUS_N_Success) {
        throw Error{Fault::protocol, "the requester refuses the report: {:04x}", status};
    }
}

class Reporter {
public:
    Reporter(const Config& config, const ReceiverCounters& counters)
        : m_config{config}, m_counters{counters}, m_queue{config.paths.commitments()}
    {
    }

    void run()
    {
        for (const auto& name : m_queue.waiting()) {
            try {
                if (auto claim = m_queue.claim(name)) {
                    work_on(std::move(*claim));
                }
            } catch (const Error& e) {
                log::error("commitment_set_aside", {{"request", name}, {"reason", e.what()}});
                if (e.fault() != Fault::data) {
                    throw;
                }
                m_queue.set_aside(name);
            }
        }
    }

private:
    void work_on(CommitmentQueue::Claim claim)
    {
        auto& request = claim.request;
        if (request.due > Clock::now() || m_silent.contains(request.caller)) {
            return;
        }
        const auto peer = m_config.receiver.peers.find(request.caller);
        try {
            if (peer == m_config.receiver.peers.end()) {
                throw Error{Fault::config, "RECEIVER.peers has no address of the requester"};
            }
            report(peer->second, m_config, request);
        } catch (const Error& e) {
            m_silent.insert(request.caller);
            failed(std::move(claim), e);
            return;
        }
        m_queue.settle(claim);
        m_counters.add(ReceiverCounters::Count::commitments_reported);
        log::info("commitment_reported", {{"caller", printable(request.caller)},
                                          {"transaction", request.transaction},
                                          {"on", "new association"}});
    }

    void failed(CommitmentQueue::Claim claim, const Error& reason)
    {
        auto& request = claim.request;
        const auto now = Clock::now();
        ++request.attempts;
        const bool is_late = now - request.received > m_config.receiver.commitment_give_up;
        log::warn(is_late ? "commitment_given_up" : "commitment_postponed",
                  {{"caller", printable(request.caller)},
                   {"transaction", request.transaction},
                   {"attempts", request.attempts},
                   {"reason", reason.what()}});
        if (is_late) {
            m_queue.give_up(claim);
            m_counters.add(ReceiverCounters::Count::commitments_given_up);
            return;
        }
        request.due = now + back_off(m_config.receiver.commitment_retry, request.attempts);
        m_queue.postpone(std::move(claim));
    }

    const Config& m_config;
    const ReceiverCounters& m_counters;
    CommitmentQueue m_queue;
    std::set<std::string> m_silent; ///< requesters that did not take a report in this run
};

} // namespace

void report_commitments(const Config& config, const ReceiverCounters& counters)
{
    Reporter{config, counters}.run();
}

void run_commitment_reporter(const Config& config, const ReceiverCounters& counters, pid_t receiver)
{
    constexpr unsigned first_inherited = 3;
    int exit_code = 1;
    try {
        ::close_range(first_inherited, ~0U, 0); // the ports and the lock of the receiver
        for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) {
            static_cast<void>(std::signal(number, SIG_DFL));
        }
        sigset_t none;
        ::sigemptyset(&none);
        ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
        ::prctl(PR_SET_PDEATHSIG, SIGTERM); // at any moment: what is not confirmed is sent again
        if (::getppid() == receiver) {
            report_commitments(config, counters);
        }
        exit_code = 0;
    } catch (const std::exception& e) {
        log::error("commitments_not_reported", {{"reason", e.what()}});
    }
    ::_exit(exit_code); // the receiver's objects are not ours to destroy
}

} // namespace fiona::pacs
