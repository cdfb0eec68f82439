// SPDX-License-Identifier: MIT
#include "libfiona/pacs/store_service.h"

#include "libfiona/base/log.h"
#include "libfiona/pacs/receiver_sink.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace fiona::pacs {

namespace {

using std::chrono::steady_clock;

constexpr std::size_t write_buffer_bytes = 1048576; // a typical slice is one write(2)
constexpr std::uint64_t room_checked_every = std::uint64_t{64} << 20U; // bytes of one object

std::int64_t milliseconds_since(steady_clock::time_point start)
{
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start)
        .count();
}

std::string_view loggable(const std::string& sop)
{
    return is_uid(sop) ? std::string_view{sop} : "illegal";
}

OFCondition respond(T_ASC_Association* association, const T_DIMSE_C_StoreRQ& request,
                    T_ASC_PresentationContextID context, const Verdict& verdict)
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
        detail.putAndInsertTagKey(DCM_OffendingElement,
                                  DcmTagKey{verdict.offending->group, verdict.offending->element});
    }
    return DIMSE_sendStoreResponse(association, context, &request, &response,
                                   verdict.stored ? nullptr : &detail);
}

} // namespace

StoreService::StoreService(const Config& config, const ReceiverPeer& peer,
                           const ReceiverCounters& counters)
    : m_config{config}, m_peer{peer},
      m_counters{counters}, m_archive{config}, m_room{config, m_archive.spool()},
      m_buffer(write_buffer_bytes)
{
}

OFCondition StoreService::serve(T_ASC_Association* association, const T_DIMSE_C_StoreRQ& request,
                                std::uint8_t context)
{
    const auto start = steady_clock::now();
    T_ASC_PresentationContext accepted{};
    auto result = ASC_findAcceptedPresentationContext(association->params, context, &accepted);
    if (result.bad()) {
        return result;
    }
    const ObjectClaim claim{&request.AffectedSOPClassUID[0], &request.AffectedSOPInstanceUID[0],
                            &accepted.acceptedTransferSyntax[0]};
    const auto no_space = m_room.refusal(start);
    std::optional<PartFile> part;
    if (no_space.empty()) {
        part.emplace(m_config.paths.incoming_parts(), m_buffer);
        const auto meta = file_meta(claim, m_peer);
        part->append(meta.data(), meta.size());
    }
    std::uint64_t bytes = 0;
    std::uint64_t next_check = room_checked_every;
    const auto take = [&](const void* fragment, std::size_t count) {
        bytes += count;
        if (!part) {
            return; // drained
        }
        if (bytes >= next_check) {
            next_check += room_checked_every;
            if (!m_room.refusal(steady_clock::now()).empty()) {
                part->fail(ENOSPC);
            }
        }
        part->append(fragment, count);
    };
    const auto patience = static_cast<int>(m_config.receiver.dimse_timeout.count());
    result = receive_data_set(association, context, patience, take);
    if (result.bad()) {
        return result; // the part goes with its owner; the sender knows that it has no answer
    }
    const auto verdict = part
                             ? take_in(m_archive, *part, claim, &accepted.abstractSyntax[0], m_peer)
                             : no_room(no_space);
    if (verdict.stored) {
        note_stored(verdict, claim, bytes, start);
    } else {
        note_refused(verdict, claim, bytes);
        if (part && verdict.status != status::out_of_resources) {
            set_aside(*part, verdict);
        }
    }
    part.reset(); // nothing of a refused object is left when its sender reads the answer
    return respond(association, request, context, verdict);
}

void StoreService::set_aside(PartFile& part, const Verdict& verdict)
{
    // A flood of bad objects must not take the room of good ones: the sender still has it.
    if (!m_config.receiver.keep_rejected || m_room.disk() != store::DiskState::ok
        || !m_archive.set_aside(part, verdict.reason, verdict.detail, m_peer)) {
        log::warn("refused_object_dropped",
                  {{"assoc", m_peer.association}, {"reason", verdict.reason}});
    }
}

void StoreService::note_refused(const Verdict& verdict, const ObjectClaim& claim,
                                std::uint64_t bytes)
{
    ++m_refused;
    m_counters.refuse_object(verdict.reason);
    log::warn("object_refused", {{"assoc", m_peer.association},
                                 {"caller", printable(m_peer.caller)},
                                 {"sop", loggable(claim.sop_instance)},
                                 {"study", verdict.study},
                                 {"bytes", bytes},
                                 {"status", fmt::format("{:04x}", verdict.status)},
                                 {"reason", verdict.reason},
                                 {"detail", verdict.detail}});
}

void StoreService::note_stored(const Verdict& verdict, const ObjectClaim& claim,
                               std::uint64_t bytes, Time start)
{
    using Count = ReceiverCounters::Count;
    ++m_objects;
    m_bytes += bytes;
    m_counters.add(Count::objects);
    m_counters.add(Count::bytes, bytes);
    log::info("object_stored", {{"assoc", m_peer.association},
                                {"sop", loggable(claim.sop_instance)},
                                {"study", verdict.study},
                                {"bytes", bytes},
                                {"ms", milliseconds_since(start)},
                                {"as", *verdict.stored == Stored::created ? "new" : "again"}});
    if (*verdict.stored == Stored::duplicate) {
        m_counters.add(Count::duplicates);
    }
    if (*verdict.stored == Stored::replaced) {
        m_counters.add(Count::replaced);
        log::warn("object_replaced", {{"assoc", m_peer.association},
                                      {"caller", printable(m_peer.caller)},
                                      {"sop", loggable(claim.sop_instance)},
                                      {"study", verdict.study}});
    }
}

} // namespace fiona::pacs
