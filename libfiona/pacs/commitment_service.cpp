// SPDX-License-Identifier: MIT
#include "libfiona/pacs/commitment_service.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/pacs/commitment_message.h"
#include "libfiona/pacs/commitment_search.h"
#include "libfiona/pacs/receiver_part.h"
#include "libfiona/pacs/receiver_sink.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>
#include <cerrno>

namespace fiona::pacs {

namespace {

// Some 70,000 objects; DCMTK needs ten times as much for reading it.
constexpr std::size_t max_request_bytes = std::size_t{8} << 20U;
constexpr std::size_t max_waiting = 10'000;
constexpr std::uint16_t request_action = 1;         // PS3.4 table J.3-1
constexpr std::chrono::seconds search_patience{10}; // the peer waits meanwhile

/// What the command alone is refused for; success otherwise.
std::uint16_t judge(const T_DIMSE_N_ActionRQ& request, std::string_view abstract_syntax)
{
    if (abstract_syntax != UID_StorageCommitmentPushModelSOPClass
        || std::string_view{&request.RequestedSOPClassUID[0]} != abstract_syntax) {
        return STATUS_N_NoSuchSOPClass;
    }
    if (std::string_view{&request.RequestedSOPInstanceUID[0]}
        != UID_StorageCommitmentPushModelSOPInstance) {
        return STATUS_N_NoSuchSOPInstance;
    }
    if (request.ActionTypeID != request_action) {
        return STATUS_N_NoSuchAction;
    }
    return request.DataSetType == DIMSE_DATASET_NULL ? STATUS_N_InvalidArgumentValue
                                                     : STATUS_N_Success;
}

OFCondition respond(T_ASC_Association* association, const T_DIMSE_N_ActionRQ& request,
                    std::uint8_t context, std::uint16_t status)
{
    T_DIMSE_Message message{};
    message.CommandField = DIMSE_N_ACTION_RSP;
    auto& response = message.msg.NActionRSP;
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.DimseStatus = status;
    response.ActionTypeID = request.ActionTypeID;
    response.DataSetType = DIMSE_DATASET_NULL;
    std::ranges::copy(request.RequestedSOPClassUID, &response.AffectedSOPClassUID[0]);
    std::ranges::copy(request.RequestedSOPInstanceUID, &response.AffectedSOPInstanceUID[0]);
    response.opts =
        O_NACTION_AFFECTEDSOPCLASSUID | O_NACTION_AFFECTEDSOPINSTANCEUID | O_NACTION_ACTIONTYPEID;
    return DIMSE_sendMessageUsingMemoryData(association, context, &message, nullptr, nullptr,
                                            nullptr, nullptr);
}

} // namespace

CommitmentService::CommitmentService(const Config& config, const ReceiverPeer& peer,
                                     const ReceiverCounters& counters)
    : m_config{config}, m_peer{peer}, m_counters{counters}, m_queue{config.paths.commitments()}
{
}

CommitmentService::~CommitmentService()
{
    while (!m_owed.empty()) {
        auto owed = std::move(m_owed.front());
        m_owed.pop_front();
        const bool was_sent = owed.message_id.has_value(); // and perhaps taken: no haste
        const auto wait =
            was_sent ? m_config.receiver.commitment_retry : std::chrono::seconds::zero();
        leave(std::move(owed), Clock::now() + wait);
    }
}

/// Never throws: an unwritten due time is a later report and no lost one.
void CommitmentService::leave(Owed owed, TimePoint due)
{
    try {
        owed.claim.request.due = due;
        m_queue.postpone(std::move(owed.claim));
    } catch (const std::exception& e) {
        log::warn("commitment_not_postponed", {{"reason", e.what()}});
    }
}

OFCondition CommitmentService::serve(T_ASC_Association* association,
                                     const T_DIMSE_N_ActionRQ& request, std::uint8_t context)
{
    T_ASC_PresentationContext accepted{};
    auto result = ASC_findAcceptedPresentationContext(association->params, context, &accepted);
    if (result.bad()) {
        return result;
    }
    auto status = judge(request, &accepted.abstractSyntax[0]);
    if (request.DataSetType != DIMSE_DATASET_NULL) {
        WriteBuffer buffer{std::size_t{1} << 16U};
        PartFile part{m_config.paths.incoming_parts(), buffer};
        const auto meta = file_meta({UID_StorageCommitmentPushModelSOPClass,
                                     UID_StorageCommitmentPushModelSOPInstance,
                                     &accepted.acceptedTransferSyntax[0]},
                                    m_peer);
        part.append(meta.data(), meta.size());
        const auto patience = static_cast<int>(m_config.receiver.dimse_timeout.count());
        result = receive_data_set(association, context, patience,
                                  [&](const void* bytes, std::size_t count) {
                                      if (part.bytes() + count > max_request_bytes) {
                                          part.fail(EFBIG);
                                      }
                                      part.append(bytes, count);
                                  });
        if (result.bad()) {
            return result;
        }
        part.flush();
        if (status == STATUS_N_Success) {
            status =
                part.error_number() != 0 ? STATUS_N_ResourceLimitation : keep(part.path(), context);
        }
    }
    if (status != STATUS_N_Success) {
        log::warn("commitment_refused", {{"assoc", m_peer.association},
                                         {"caller", printable(m_peer.caller)},
                                         {"status", fmt::format("{:04x}", status)}});
    }
    return respond(association, request, context, status);
}

/// The status for the requester; with success the request is on durable storage.
std::uint16_t CommitmentService::keep(const std::filesystem::path& part, std::uint8_t context)
{
    try {
        if (m_queue.waiting(max_waiting).size() >= max_waiting) {
            return STATUS_N_ResourceLimitation;
        }
        auto information = read_action_information(part);
        const auto now = Clock::now();
        const CommitmentRequest request{std::move(information.transaction),
                                        m_peer.caller,
                                        m_peer.called,
                                        std::move(information.objects),
                                        now,
                                        now + m_config.receiver.commitment_retry,
                                        0};
        auto claim = m_queue.add(request);
        m_counters.add(ReceiverCounters::Count::commitments_requested);
        log::info("commitment_requested", {{"assoc", m_peer.association},
                                           {"caller", printable(m_peer.caller)},
                                           {"transaction", request.transaction},
                                           {"objects", request.objects.size()}});
        if (claim) {
            m_owed.push_back({std::move(*claim), context, std::nullopt});
        }
        return STATUS_N_Success;
    } catch (const Error& e) {
        log::warn("commitment_not_kept", {{"assoc", m_peer.association}, {"reason", e.what()}});
        return e.fault() == Fault::data ? STATUS_N_InvalidArgumentValue
                                        : STATUS_N_ProcessingFailure;
    }
}

bool CommitmentService::has_report() const
{
    return !m_owed.empty() && !m_owed.front().message_id;
}

OFCondition CommitmentService::send_report(T_ASC_Association* association)
{
    auto& owed = m_owed.front();
    const auto& request = owed.claim.request;
    const auto verdicts = find_committed(m_config.paths.archive(), request.objects,
                                         std::chrono::steady_clock::now() + search_patience);
    const bool is_known = std::ranges::find(verdicts, Commitment::unknown) == verdicts.end();
    if (!is_known && m_config.receiver.peers.contains(m_peer.caller)) {
        // Whoever reports on an association of its own may search longer.
        leave(std::move(owed), Clock::now());
        m_owed.pop_front();
        return EC_Normal;
    }
    owed.message_id = association->nextMsgID++;
    return send_event_report(association, owed.context, *owed.message_id, request, verdicts);
}

void CommitmentService::take(const T_DIMSE_N_EventReportRSP& response)
{
    if (m_owed.empty() || m_owed.front().message_id != response.MessageIDBeingRespondedTo) {
        return; // of nothing that we asked
    }
    auto owed = std::move(m_owed.front());
    m_owed.pop_front();
    const auto& request = owed.claim.request;
    if (response.DimseStatus == STATUS_N_Success) {
        m_queue.settle(owed.claim);
        m_counters.add(ReceiverCounters::Count::commitments_reported);
        log::info("commitment_reported", {{"caller", printable(request.caller)},
                                          {"transaction", request.transaction},
                                          {"on", "same association"}});
        return;
    }
    log::warn("commitment_report_refused",
              {{"caller", printable(request.caller)},
               {"transaction", request.transaction},
               {"status", fmt::format("{:04x}", response.DimseStatus)}});
    ++owed.claim.request.attempts;
    leave(std::move(owed), Clock::now() + m_config.receiver.commitment_retry);
}

} // namespace fiona::pacs
