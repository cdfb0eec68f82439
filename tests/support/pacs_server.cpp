// SPDX-License-Identifier: MIT
#include "tests/support/pacs_server.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/cond.h>
#include <dcmtk/dcmnet/dimse.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>

namespace fs = std::filesystem;

namespace {

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

bool listens(std::uint16_t port)
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(port);
    const bool connected =
        ::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    ::close(fd);
    return connected;
}

} // namespace

std::uint16_t unused_port()
{
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto address = loopback(0);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    const bool bound = ::bind(fd, generic, length) == 0 && ::getsockname(fd, generic, &length) == 0;
    ::close(fd);
    if (!bound) {
        throw std::runtime_error{"no free port"};
    }
    return ntohs(address.sin_port);
}

void wait_for_port(std::uint16_t port, std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!listens(port)) {
        if (std::chrono::steady_clock::now() >= deadline) {
            throw std::runtime_error{"nothing listens on port " + std::to_string(port)};
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

PacsServer::PacsServer(const std::map<std::string, std::uint16_t>& destinations)
    : m_port{unused_port()}
{
    fs::create_directories(storage());
    std::string hosts;
    for (const auto& [title, port] : destinations) {
        hosts += title + " = (" + title + ", 127.0.0.1, " + std::to_string(port) + ")\n";
    }
    const auto file = m_directory / "dcmqrscp.cfg";
    std::ofstream{file} << "NetworkTCPPort = " << m_port << "\nMaxPDUSize = 16384\n"
                        << "MaxAssociations = 16\n"
                        << "HostTable BEGIN\n"
                        << hosts << "HostTable END\nVendorTable BEGIN\nVendorTable END\n"
                        << "AETable BEGIN\n"
                        << aet() << " " << storage().native() << " RW (1000, 1024mb) ANY\n"
                        << "AETable END\n";
    m_process.emplace(
        std::vector<std::string>{"dcmqrscp", "-c", file.native(), std::to_string(m_port)},
        m_directory / "process");
    wait_for_port(m_port);
}

fiona::pacs::Peer PacsServer::peer() const
{
    return {"127.0.0.1", m_port, aet(), "FIONA", std::chrono::seconds{10}};
}

std::vector<fs::path> PacsServer::files() const
{
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator{storage()}) {
        if (entry.path().filename() != "index.dat") {
            found.push_back(entry.path());
        }
    }
    std::ranges::sort(found);
    return found;
}

struct ScriptedPacs::Data {
    Script script;
    std::vector<std::string> transfer_syntaxes;
    std::uint16_t port = unused_port();
    T_ASC_Network* network = nullptr;
    mutable std::mutex mutex;
    std::condition_variable_any stopped;
    std::vector<Received> received;
    std::vector<std::string> stored;
    std::size_t associations = 0;
    std::optional<Commitment> commitment;
    std::size_t questions = 0;
    std::jthread thread; // last: stops before the rest goes

    void serve(const std::stop_token& stop);
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

void set_status(void* data, T_DIMSE_StoreProgress* progress, T_DIMSE_C_StoreRQ* /*request*/,
                char* /*file*/, DcmDataset** /*dataset*/, T_DIMSE_C_StoreRSP* response,
                DcmDataset** /*detail*/)
{
    if (progress->state == DIMSE_StoreEnd) {
        response->DimseStatus = static_cast<Storing*>(data)->status;
    }
}

} // namespace

void ScriptedPacs::Data::serve(const std::stop_token& stop)
{
    while (!stop.stop_requested()) {
        T_ASC_Association* association = nullptr;
        const auto got = ASC_receiveAssociation(network, &association, ASC_MAXIMUMPDUSIZE, nullptr,
                                                nullptr, OFFalse, DUL_NOBLOCK, 1);
        if (got.good()) {
            serve_association(*association, stop);
        }
        ASC_dropSCPAssociation(association);
        ASC_destroyAssociation(&association);
    }
}

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
    T_DIMSE_Message message{};
    T_ASC_PresentationContextID context = 0;
    DcmDataset* detail = nullptr;
    const auto got =
        DIMSE_receiveCommand(&association, DIMSE_NONBLOCKING, 1, &context, &message, &detail);
    const std::unique_ptr<DcmDataset> owned{detail};
    if (got == DIMSE_NODATAAVAILABLE) {
        return true;
    }
    if (got == DUL_PEERREQUESTEDRELEASE) {
        ASC_acknowledgeRelease(&association);
        return false;
    }
    if (got.bad()) {
        return false;
    }
    if (message.CommandField == DIMSE_C_ECHO_RQ) {
        return DIMSE_sendEchoResponse(&association, context, &message.msg.CEchoRQ, STATUS_Success,
                                      nullptr)
            .good();
    }
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
    if (answer.status == 0 || (answer.status & 0xf000U) == 0xb000U) {
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
    if (ASC_initializeNetwork(NET_ACCEPTOR, m_data->port, 10, &m_data->network).bad()) {
        throw std::runtime_error{"the scripted PACS cannot listen"};
    }
    m_data->thread =
        std::jthread{[data = m_data.get()](const std::stop_token& stop) { data->serve(stop); }};
}

ScriptedPacs::~ScriptedPacs()
{
    m_data->thread.request_stop();
    static_cast<void>(listens(m_data->port)); // wakes the thread if it waits for a caller
    m_data->thread.join();
    ASC_dropNetwork(&m_data->network);
}

fiona::pacs::Peer ScriptedPacs::peer() const
{
    return {"127.0.0.1", m_data->port, "SCRIPTED", "FIONA", std::chrono::seconds{10}};
}

std::uint16_t ScriptedPacs::port() const
{
    return m_data->port;
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
