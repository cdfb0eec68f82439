// SPDX-License-Identifier: MIT
#include "tests/support/scripted_pacs.h"

#include "tests/support/scripted_acceptor.h"

#include <dcmtk/dcmdata/dctk.h>

#include <condition_variable>
#include <mutex>
#include <utility>

struct ScriptedPacs::Data {
    Script script;
    std::vector<std::string> transfer_syntaxes;
    mutable std::mutex mutex;
    std::condition_variable_any stopped;
    std::vector<Received> received;
    std::vector<std::string> stored;
    std::size_t associations = 0;
    std::optional<Commitment> commitment;
    std::size_t questions = 0;
    std::optional<ScriptedAcceptor> acceptor; // last: stops before the rest goes

    void serve_association(T_ASC_Association& association, const std::stop_token& stop);
    bool serve_command(T_ASC_Association& association, const std::stop_token& stop);
    bool store(T_ASC_Association& association, unsigned char context, T_DIMSE_C_StoreRQ& request,
               const std::stop_token& stop);
    bool commit(T_ASC_Association& association, unsigned char context, T_DIMSE_N_ActionRQ& request);
    bool report(T_ASC_Association& association, unsigned char context, DcmDataset& question);
};

namespace {

struct Storing {
    std::uint16_t status = 0;
};

bool is_success(std::uint16_t status)
{
    return status == 0 || (status & 0xf000U) == 0xb000U;
}

void set_status(void* data, T_DIMSE_StoreProgress* progress, T_DIMSE_C_StoreRQ* /*request*/,
                char* /*file*/, DcmDataset** /*dataset*/, T_DIMSE_C_StoreRSP* response,
                DcmDataset** /*detail*/)
{
    if (progress->state == DIMSE_StoreEnd) {
        response->DimseStatus = static_cast<Storing*>(data)->status;
    }
}

} // namespace

void ScriptedPacs::Data::serve_association(T_ASC_Association& association,
                                           const std::stop_token& stop)
{
    {
        const std::lock_guard guard{mutex};
        ++associations;
    }
    std::vector<const char*> syntaxes;
    for (const auto& syntax : transfer_syntaxes) {
        syntaxes.push_back(syntax.c_str());
    }
    const char* verification = UID_VerificationSOPClass;
    const auto count = static_cast<int>(syntaxes.size());
    ASC_acceptContextsWithPreferredTransferSyntaxes(association.params, &verification, 1,
                                                    syntaxes.data(), count);
    ASC_acceptContextsWithPreferredTransferSyntaxes(association.params, dcmAllStorageSOPClassUIDs,
                                                    numberOfDcmAllStorageSOPClassUIDs,
                                                    syntaxes.data(), count);
    if (commitment) {
        const char* storage_commitment = UID_StorageCommitmentPushModelSOPClass;
        ASC_acceptContextsWithPreferredTransferSyntaxes(association.params, &storage_commitment, 1,
                                                        syntaxes.data(), count);
    }
    if (ASC_acknowledgeAssociation(&association).bad()) {
        return;
    }
    while (!stop.stop_requested() && serve_command(association, stop)) {
    }
}

bool ScriptedPacs::Data::serve_command(T_ASC_Association& association, const std::stop_token& stop)
{
    auto next = next_command(association);
    if (next.came != ScriptedCommand::Came::command) {
        return next.came == ScriptedCommand::Came::nothing;
    }
    auto& message = next.message;
    const auto context = next.context;
    if (message.CommandField == DIMSE_N_ACTION_RQ) {
        return commit(association, context, message.msg.NActionRQ);
    }
    if (message.CommandField == DIMSE_N_EVENT_REPORT_RSP) {
        return true;
    }
    return message.CommandField == DIMSE_C_STORE_RQ
           && store(association, context, message.msg.CStoreRQ, stop);
}

bool ScriptedPacs::Data::commit(T_ASC_Association& association, unsigned char context,
                                T_DIMSE_N_ActionRQ& request)
{
    DcmDataset* asked = nullptr;
    if (DIMSE_receiveDataSetInMemory(&association, DIMSE_NONBLOCKING, 5, &context, &asked, nullptr,
                                     nullptr)
            .bad()) {
        return false;
    }
    const std::unique_ptr<DcmDataset> question{asked};
    T_DIMSE_Message answer{};
    answer.CommandField = DIMSE_N_ACTION_RSP;
    auto& response = answer.msg.NActionRSP;
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.DimseStatus = commitment->action_status;
    response.DataSetType = DIMSE_DATASET_NULL;
    {
        const std::lock_guard guard{mutex};
        ++questions;
    }
    return DIMSE_sendMessageUsingMemoryData(&association, context, &answer, nullptr, nullptr,
                                            nullptr, nullptr)
               .good()
           && (!commitment->reports || commitment->action_status != 0
               || report(association, context, *question));
}

bool ScriptedPacs::Data::report(T_ASC_Association& association, unsigned char context,
                                DcmDataset& question)
{
    OFString transaction;
    question.findAndGetOFString(DCM_TransactionUID, transaction);
    DcmDataset data;
    data.putAndInsertString(DCM_TransactionUID, transaction.c_str());
    bool all = true;
    DcmItem* item = nullptr; // borrowed from the question
    for (long i = 0; question.findAndGetSequenceItem(DCM_ReferencedSOPSequence, item, i).good();
         ++i) {
        OFString sop;
        OFString sop_class;
        item->findAndGetOFString(DCM_ReferencedSOPInstanceUID, sop);
        item->findAndGetOFString(DCM_ReferencedSOPClassUID, sop_class);
        const bool is_kept = commitment->keeps(questions, sop.c_str());
        all = all && is_kept;
        constexpr long append = -2;
        DcmItem* told = nullptr; // borrowed from the report
        data.findOrCreateSequenceItem(is_kept ? DCM_ReferencedSOPSequence : DCM_FailedSOPSequence,
                                      told, append);
        told->putAndInsertString(DCM_ReferencedSOPClassUID, sop_class.c_str());
        told->putAndInsertString(DCM_ReferencedSOPInstanceUID, sop.c_str());
        if (!is_kept) {
            told->putAndInsertUint16(DCM_FailureReason, 0x0112);
        }
    }
    T_DIMSE_Message message{};
    message.CommandField = DIMSE_N_EVENT_REPORT_RQ;
    auto& event = message.msg.NEventReportRQ;
    event.MessageID = association.nextMsgID++;
    event.EventTypeID = all ? 1 : 2;
    event.DataSetType = DIMSE_DATASET_PRESENT;
    OFStandard::strlcpy(event.AffectedSOPClassUID, UID_StorageCommitmentPushModelSOPClass,
                        sizeof event.AffectedSOPClassUID);
    OFStandard::strlcpy(event.AffectedSOPInstanceUID, UID_StorageCommitmentPushModelSOPInstance,
                        sizeof event.AffectedSOPInstanceUID);
    return DIMSE_sendMessageUsingMemoryData(&association, context, &message, nullptr, &data,
                                            nullptr, nullptr)
        .good();
}

bool ScriptedPacs::Data::store(T_ASC_Association& association, unsigned char context,
                               T_DIMSE_C_StoreRQ& request, const std::stop_token& stop)
{
    std::size_t number = 0;
    {
        const std::lock_guard guard{mutex};
        number = received.size() + 1;
    }
    const auto answer = script(number);
    T_ASC_PresentationContext accepted{};
    ASC_findAcceptedPresentationContext(association.params, context, &accepted);
    DcmDataset dataset;
    DcmDataset* borrowed = &dataset;
    if (answer.drop || answer.delay.count() > 0) {
        // Takes the data set, then lets the sender wait.
        if (DIMSE_receiveDataSetInMemory(&association, DIMSE_NONBLOCKING, 5, &context, &borrowed,
                                         nullptr, nullptr)
                .bad()) {
            return false;
        }
        std::unique_lock lock{mutex};
        received.push_back(
            {request.AffectedSOPInstanceUID, accepted.acceptedTransferSyntax, dataset.card()});
        if (answer.drop) {
            ASC_closeTransportConnection(&association);
            return false;
        }
        stopped.wait_for(lock, stop, answer.delay, [] { return false; });
        if (!stop.stop_requested() && is_success(answer.status)) {
            stored.emplace_back(request.AffectedSOPInstanceUID);
        }
        lock.unlock();
        T_DIMSE_C_StoreRSP response{};
        response.DimseStatus = answer.status;
        response.MessageIDBeingRespondedTo = request.MessageID;
        response.DataSetType = DIMSE_DATASET_NULL;
        return DIMSE_sendStoreResponse(&association, context, &request, &response, nullptr).good();
    }
    Storing storing{answer.status};
    const auto done = DIMSE_storeProvider(&association, context, &request, nullptr, 0, &borrowed,
                                          set_status, &storing, DIMSE_NONBLOCKING, 5);
    const std::lock_guard guard{mutex};
    received.push_back(
        {request.AffectedSOPInstanceUID, accepted.acceptedTransferSyntax, dataset.card()});
    if (is_success(answer.status)) {
        stored.emplace_back(request.AffectedSOPInstanceUID);
    }
    return done.good();
}

ScriptedPacs::ScriptedPacs(Script script, std::vector<std::string> transfer_syntaxes,
                           std::optional<Commitment> commitment)
    : m_data{std::make_unique<Data>()}
{
    m_data->commitment = std::move(commitment);
    m_data->script = std::move(script);
    m_data->transfer_syntaxes = std::move(transfer_syntaxes);
    m_data->acceptor.emplace(
        [data = m_data.get()](T_ASC_Association& association, const std::stop_token& stop) {
            data->serve_association(association, stop);
        });
}

ScriptedPacs::~ScriptedPacs() = default;

fiona::pacs::Peer ScriptedPacs::peer() const
{
    return m_data->acceptor->peer();
}

std::uint16_t ScriptedPacs::port() const
{
    return m_data->acceptor->port();
}

std::vector<ScriptedPacs::Received> ScriptedPacs::received() const
{
    const std::lock_guard guard{m_data->mutex};
    return m_data->received;
}

std::vector<std::string> ScriptedPacs::stored() const
{
    const std::lock_guard guard{m_data->mutex};
    return m_data->stored;
}

std::size_t ScriptedPacs::questions() const
{
    const std::lock_guard guard{m_data->mutex};
    return m_data->questions;
}

std::size_t ScriptedPacs::associations() const
{
    const std::lock_guard guard{m_data->mutex};
    return m_data->associations;
}
