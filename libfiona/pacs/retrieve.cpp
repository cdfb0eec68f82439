// SPDX-License-Identifier: MIT
#include "libfiona/pacs/retrieve.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pacs/association.h"
#include "libfiona/pacs/query_messages.h"
#include "libfiona/pacs/retrieve_intake.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

namespace fiona::pacs {

namespace fs = std::filesystem;

namespace {

using std::chrono::steady_clock;

Keys identifying_keys(const Wanted& wanted)
{
    Keys keys{{"StudyInstanceUID", wanted.study.str()}};
    if (wanted.series) {
        keys["SeriesInstanceUID"] = wanted.series->str();
    }
    return keys;
}

Level level_of(const Wanted& wanted)
{
    return wanted.series ? Level::series : Level::study;
}

std::vector<Keys> complete_answer(QuerySession& session, Level level, const Keys& keys)
{
    std::vector<Keys> found;
    const auto result = session.find(level, keys, [&](const Keys& answer) {
        found.push_back(answer);
        return Next::more;
    });
    if (result.ending != Ending::complete) {
        throw Error{Fault::protocol, "{} does not say what it holds: {}", session.peer().called_aet,
                    describe(result.ending, result.status)};
    }
    return found;
}

/// Compressed images are kept as they are, so each syntax needs a context of its own; the commonest
/// first, for there is room for 128.
std::vector<std::vector<std::string>> syntaxes_by_use()
{
    std::vector<std::vector<std::string>> groups{identifier_syntaxes()};
    constexpr std::array compressed{UID_JPEG2000LosslessOnlyTransferSyntax,
                                    UID_JPEGProcess14SV1TransferSyntax,
                                    UID_JPEG2000TransferSyntax,
                                    UID_JPEGProcess1TransferSyntax,
                                    UID_JPEGLSLosslessTransferSyntax,
                                    UID_RLELosslessTransferSyntax,
                                    UID_JPEGProcess2_4TransferSyntax,
                                    UID_JPEGLSLossyTransferSyntax,
                                    UID_MPEG4HighProfileLevel4_1TransferSyntax,
                                    UID_MPEG2MainProfileAtMainLevelTransferSyntax,
                                    UID_DeflatedExplicitVRLittleEndianTransferSyntax};
    for (const auto* const syntax : compressed) {
        groups.push_back({syntax});
    }
    return groups;
}

/// The first is for the request itself.
std::vector<Proposal> proposals_for(const std::vector<Holding>& holdings)
{
    std::set<std::string> classes;
    for (const auto& holding : holdings) {
        if (is_uid(holding.sop_class)) {
            classes.insert(holding.sop_class);
        }
    }
    if (classes.empty()) { // an archive that does not tell
        classes.insert(&dcmLongSCUStorageSOPClassUIDs[0],
                       &dcmLongSCUStorageSOPClassUIDs[0] + numberOfDcmLongSCUStorageSOPClassUIDs);
    }
    std::vector<Proposal> proposals{
        {UID_GETStudyRootQueryRetrieveInformationModel, identifier_syntaxes()}};
    for (const auto& syntaxes : syntaxes_by_use()) {
        for (const auto& sop_class : classes) {
            if (proposals.size() < max_proposals) {
                proposals.push_back({sop_class, syntaxes, Proposal::Role::provider});
            }
        }
    }
    return proposals;
}

template <typename Response>
void note_counts(Retrieved& result, const Response& response)
{
    result.status = response.DimseStatus;
    result.ending = ending_of(response.DimseStatus);
    result.completed = response.NumberOfCompletedSubOperations;
    result.failed = response.NumberOfFailedSubOperations;
    result.warnings = response.NumberOfWarningSubOperations;
    result.remaining = response.NumberOfRemainingSubOperations;
}

/// True when it was the last one.
template <typename Response>
bool take_response(Exchange& exchange, const Incoming& incoming, const Response& response,
                   std::uint16_t message_id, Retrieved& result)
{
    if (response.MessageIDBeingRespondedTo != message_id) {
        throw exchange.nonsense("answers something that was not asked");
    }
    if (response.DataSetType != DIMSE_DATASET_NULL) { // the UIDs that failed; the counts say enough
        static_cast<void>(exchange.receive_identifier(incoming.context));
    }
    const bool is_pending = response.DimseStatus == STATUS_Pending;
    if (!is_pending || response.NumberOfCompletedSubOperations > 0) {
        note_counts(result, response);
    }
    return !is_pending;
}

Context required(const Association& association, const Peer& peer, std::string_view what)
{
    const auto context = association.accepted(0);
    if (!context) {
        throw Error{Fault::protocol, "{} does not {}", peer.called_aet, what};
    }
    return *context;
}

template <typename Request>
void fill(Request& request, const char* sop_class, std::uint16_t message_id)
{
    request.MessageID = message_id;
    OFStandard::strlcpy(&request.AffectedSOPClassUID[0], sop_class,
                        sizeof request.AffectedSOPClassUID);
    request.DataSetType = DIMSE_DATASET_PRESENT;
    request.Priority = DIMSE_PRIORITY_MEDIUM;
}

} // namespace

std::vector<Holding> find_holdings(QuerySession& session, const Wanted& wanted)
{
    auto series_keys = identifying_keys(wanted);
    series_keys.try_emplace("SeriesInstanceUID");
    std::vector<Holding> holdings;
    for (const auto& series : complete_answer(session, Level::series, series_keys)) {
        const auto& uid = series.at("SeriesInstanceUID");
        for (const auto& image : complete_answer(session, Level::image,
                                                 {{"StudyInstanceUID", wanted.study.str()},
                                                  {"SeriesInstanceUID", uid},
                                                  {"SOPInstanceUID", ""},
                                                  {"SOPClassUID", ""}})) {
            holdings.push_back({uid, image.at("SOPInstanceUID"), image.at("SOPClassUID")});
        }
    }
    return holdings;
}

Retrieved get(const Peer& peer, const Wanted& wanted, const std::vector<Holding>& holdings,
              const fs::path& directory, std::chrono::seconds deadline)
{
    if (holdings.empty()) {
        throw Error{Fault::missing, "{} does not have the study", peer.called_aet};
    }
    const auto identifier = make_identifier(level_of(wanted), identifying_keys(wanted));
    Association association{peer, proposals_for(holdings)};
    const auto context = required(association, peer, "give out objects by C-GET");
    Exchange exchange{association, peer.called_aet, steady_clock::now() + deadline};
    const auto message_id = association.next_message_id();
    T_DIMSE_Message message{};
    message.CommandField = DIMSE_C_GET_RQ;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) DCMTK's messages are a union
    fill(message.msg.CGetRQ, UID_GETStudyRootQueryRetrieveInformationModel, message_id);
    exchange.send(context, message, *identifier);

    Retrieved result;
    RetrieveIntake intake{directory, wanted, peer};
    for (bool is_over = false; !is_over;) {
        const auto incoming = exchange.receive();
        if (incoming.message->CommandField == DIMSE_C_STORE_RQ) {
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) DCMTK's messages are a union
            const auto& request = incoming.message->msg.CStoreRQ;
            if (intake.take(association, incoming.context, request, exchange.patience())
                == RetrieveIntake::Connection::lost) {
                throw exchange.lost();
            }
        } else if (incoming.message->CommandField == DIMSE_C_GET_RSP) {
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) DCMTK's messages are a union
            const auto& response = incoming.message->msg.CGetRSP;
            is_over = take_response(exchange, incoming, response, message_id, result);
        } else {
            throw exchange.nonsense("talks of something else than the retrieval");
        }
    }
    sync_directory(directory);
    result.refused = intake.refused();
    result.files = intake.files();
    result.missing = static_cast<std::size_t>(std::ranges::count_if(
        holdings, [&](const Holding& holding) { return !intake.has(holding.sop); }));
    return result;
}

Retrieved move(const Peer& peer, const Wanted& wanted, const std::vector<Holding>& holdings,
               const AeTitle& destination, std::chrono::seconds deadline)
{
    if (holdings.empty()) {
        throw Error{Fault::missing, "{} does not have the study", peer.called_aet};
    }
    const auto identifier = make_identifier(level_of(wanted), identifying_keys(wanted));
    constexpr const char* model = UID_MOVEStudyRootQueryRetrieveInformationModel;
    Association association{peer, {{model, identifier_syntaxes()}}};
    const auto context = required(association, peer, "send objects on by C-MOVE");
    Exchange exchange{association, peer.called_aet, steady_clock::now() + deadline};
    const auto message_id = association.next_message_id();
    T_DIMSE_Message message{};
    message.CommandField = DIMSE_C_MOVE_RQ;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) DCMTK's messages are a union
    auto& request = message.msg.CMoveRQ;
    fill(request, model, message_id);
    OFStandard::strlcpy(&request.MoveDestination[0], destination.str().c_str(),
                        sizeof request.MoveDestination);
    exchange.send(context, message, *identifier);

    Retrieved result;
    for (bool is_over = false; !is_over;) {
        const auto incoming = exchange.receive();
        if (incoming.message->CommandField != DIMSE_C_MOVE_RSP) {
            throw exchange.nonsense("talks of something else than the retrieval");
        }
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) DCMTK's messages are a union
        const auto& response = incoming.message->msg.CMoveRSP;
        is_over = take_response(exchange, incoming, response, message_id, result);
    }
    const std::size_t moved = std::size_t{result.completed} + result.warnings;
    result.missing = holdings.size() > moved ? holdings.size() - moved : 0;
    return result;
}

} // namespace fiona::pacs
