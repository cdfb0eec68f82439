// SPDX-License-Identifier: MIT
#include "libfiona/pacs/retrieve_intake.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/receiver_archive.h"
#include "libfiona/pacs/receiver_sink.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>
#include <utility>

namespace fiona::pacs {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t write_buffer_bytes = 1048576;

bool is_what_it_says(const dicom::Prescan& scan, const ObjectClaim& claim, const Wanted& wanted)
{
    return scan.sop_class == claim.sop_class && scan.sop_instance == claim.sop_instance
           && scan.study == wanted.study.str() && is_uid(scan.series)
           && (!wanted.series || scan.series == wanted.series->str());
}

} // namespace

RetrieveIntake::RetrieveIntake(fs::path directory, const Wanted& wanted, const Peer& peer)
    : m_directory{std::move(directory)}, m_wanted{wanted}, m_buffer{write_buffer_bytes}
{
    m_peer.caller = peer.called_aet;
    m_peer.called = peer.calling_aet;
    m_peer.address = peer.host;
}

RetrieveIntake::Connection RetrieveIntake::take(Association& association, std::uint8_t context,
                                                const T_DIMSE_C_StoreRQ& request, int patience)
{
    T_ASC_PresentationContext accepted{};
    if (ASC_findAcceptedPresentationContext(association.handle()->params, context, &accepted)
            .bad()) {
        return Connection::lost;
    }
    const ObjectClaim claim{&request.AffectedSOPClassUID[0], &request.AffectedSOPInstanceUID[0],
                            &accepted.acceptedTransferSyntax[0]};
    PartFile part{m_directory, m_buffer};
    const auto meta = file_meta(claim, m_peer);
    part.append(meta.data(), meta.size());
    const auto append = [&](const void* bytes, std::size_t count) { part.append(bytes, count); };
    if (receive_data_set(association.handle(), context, std::max(patience, 1), append).bad()) {
        return Connection::lost;
    }
    T_DIMSE_C_StoreRSP response{};
    response.DimseStatus = keep(part, claim);
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.DataSetType = DIMSE_DATASET_NULL;
    std::ranges::copy(request.AffectedSOPClassUID, &response.AffectedSOPClassUID[0]);
    std::ranges::copy(request.AffectedSOPInstanceUID, &response.AffectedSOPInstanceUID[0]);
    response.opts = O_STORE_AFFECTEDSOPCLASSUID | O_STORE_AFFECTEDSOPINSTANCEUID;
    const bool answered =
        DIMSE_sendStoreResponse(association.handle(), context, &request, &response, nullptr).good();
    return answered ? Connection::kept : Connection::lost;
}

std::uint16_t RetrieveIntake::keep(PartFile& part, const ObjectClaim& claim)
{
    part.sync();
    if (part.error_number() != 0) {
        throw os_error(part.error_number(), "keep a fetched object");
    }
    dicom::Prescan scan;
    try {
        scan = dicom::prescan(part.fd());
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        ++m_refused;
        log::warn("fetched_object_refused", {{"sop", claim.sop_instance}, {"detail", e.what()}});
        return status::unparsable;
    }
    if (!is_uid(claim.sop_instance) || !is_what_it_says(scan, claim, m_wanted)) {
        ++m_refused;
        log::warn("fetched_object_refused", {{"detail", "it is another one than announced"}});
        return status::mismatch;
    }
    const auto target =
        m_directory / archive_name(claim.sop_class, SopInstanceUid{claim.sop_instance});
    fs::rename(part.path(), target);
    part.moved_away();
    if (m_instances.insert(claim.sop_instance).second) {
        m_files.push_back(target);
    }
    return status::success;
}

} // namespace fiona::pacs
