// SPDX-License-Identifier: MIT
#include "tests/support/commitment_peer.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>
#include <dcmtk/dcmnet/scu.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <stdexcept>

namespace commitment {

namespace {

constexpr int seconds_to_wait = 20;

std::set<std::string> instances(DcmDataset& data, const DcmTagKey& name, std::uint16_t* reason)
{
    std::set<std::string> found;
    DcmSequenceOfItems* sequence = nullptr; // borrowed
    if (data.findAndGetSequence(name, sequence).bad()) {
        return found;
    }
    for (unsigned long i = 0; i < sequence->card(); ++i) {
        OFString uid;
        auto* const item = sequence->getItem(i);
        item->findAndGetOFString(DCM_ReferencedSOPInstanceUID, uid);
        found.emplace(uid.c_str());
        if (reason != nullptr && i == 0) {
            item->findAndGetUint16(DCM_FailureReason, *reason);
        }
    }
    return found;
}

Report read(DcmDataset& data, unsigned event_type)
{
    Report report;
    OFString transaction;
    data.findAndGetOFString(DCM_TransactionUID, transaction);
    report.event_type = event_type;
    report.transaction = transaction.c_str();
    report.committed = instances(data, DCM_ReferencedSOPSequence, nullptr);
    report.failed = instances(data, DCM_FailedSOPSequence, &report.first_reason);
    return report;
}

} // namespace

struct Requester::Data {
    DcmSCU scu;
    T_ASC_PresentationContextID context = 0;
};

Requester::Requester(std::uint16_t port, const std::string& own_title)
    : m_data{std::make_unique<Data>()}
{
    auto& scu = m_data->scu;
    scu.setPeerHostName("127.0.0.1");
    scu.setPeerPort(port);
    scu.setAETitle(own_title.c_str());
    scu.setPeerAETitle("FIONA");
    scu.setACSETimeout(seconds_to_wait);
    scu.setDIMSETimeout(seconds_to_wait);
    scu.setDIMSEBlockingMode(DIMSE_NONBLOCKING);
    OFList<OFString> syntaxes;
    syntaxes.push_back(UID_LittleEndianExplicitTransferSyntax);
    scu.addPresentationContext(UID_StorageCommitmentPushModelSOPClass, syntaxes);
    if (scu.initNetwork().bad() || scu.negotiateAssociation().bad()) {
        throw std::runtime_error{"no association for storage commitment"};
    }
    m_data->context = scu.findPresentationContextID(UID_StorageCommitmentPushModelSOPClass, "");
}

Requester::~Requester()
{
    m_data->scu.releaseAssociation();
}

std::uint16_t Requester::request(const std::string& transaction, const std::vector<Object>& objects)
{
    DcmDataset data;
    data.putAndInsertString(DCM_TransactionUID, transaction.c_str());
    for (const auto& object : objects) {
        DcmItem* item = nullptr; // borrowed from the data set
        constexpr long append = -2;
        data.findOrCreateSequenceItem(DCM_ReferencedSOPSequence, item, append);
        item->putAndInsertString(DCM_ReferencedSOPClassUID, object.sop_class.c_str());
        item->putAndInsertString(DCM_ReferencedSOPInstanceUID, object.sop_instance.c_str());
    }
    Uint16 status = 0xffff;
    constexpr Uint16 request_action = 1;
    if (m_data->scu
            .sendACTIONRequest(m_data->context, UID_StorageCommitmentPushModelSOPInstance,
                               request_action, &data, status)
            .bad()) {
        throw std::runtime_error{"no answer to the N-ACTION"};
    }
    return status;
}

std::optional<Report> Requester::report(std::chrono::seconds patience)
{
    DcmDataset* received = nullptr;
    Uint16 event_type = 0;
    const auto result = m_data->scu.handleEVENTREPORTRequest(received, event_type,
                                                             static_cast<int>(patience.count()));
    const std::unique_ptr<DcmDataset> data{received};
    return result.bad() || !data ? std::nullopt : std::optional{read(*data, event_type)};
}

struct Listener::Data {
    T_ASC_Network* network = nullptr;
    std::uint16_t port = 0;
};

Listener::Listener() : m_data{std::make_unique<Data>()}
{
    // DCMTK cannot say which port it got: ask the system for one that is free.
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const bool is_known =
        ::bind(probe, reinterpret_cast<sockaddr*>(&address), size) == 0
        && ::getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size) == 0;
    ::close(probe);
    m_data->port = ntohs(address.sin_port);
    if (!is_known
        || ASC_initializeNetwork(NET_ACCEPTOR, m_data->port, seconds_to_wait, &m_data->network)
               .bad()) {
        throw std::runtime_error{"no port for reports"};
    }
}

Listener::~Listener()
{
    ASC_dropNetwork(&m_data->network);
}

std::uint16_t Listener::port() const
{
    return m_data->port;
}

std::optional<Report> Listener::report(std::chrono::seconds patience)
{
    struct Close {
        void operator()(T_ASC_Association* one) const
        {
            ASC_dropAssociation(one);
            ASC_destroyAssociation(&one);
        }
    };
    T_ASC_Association* accepted = nullptr;
    const auto result =
        ASC_receiveAssociation(m_data->network, &accepted, ASC_DEFAULTMAXPDU, nullptr, nullptr,
                               OFFalse, DUL_NOBLOCK, static_cast<int>(patience.count()));
    const std::unique_ptr<T_ASC_Association, Close> association{accepted};
    std::array<const char*, 1> classes{UID_StorageCommitmentPushModelSOPClass};
    std::array<const char*, 1> syntaxes{UID_LittleEndianExplicitTransferSyntax};
    if (result.bad()
        || ASC_acceptContextsWithPreferredTransferSyntaxes(accepted->params, classes.data(), 1,
                                                           syntaxes.data(), 1, ASC_SC_ROLE_SCP)
               .bad()
        || ASC_acknowledgeAssociation(accepted).bad()) {
        return std::nullopt;
    }
    T_DIMSE_Message message{};
    T_ASC_PresentationContextID context = 0;
    DcmDataset* received = nullptr;
    if (DIMSE_receiveCommand(accepted, DIMSE_NONBLOCKING, seconds_to_wait, &context, &message,
                             nullptr)
            .bad()
        || message.CommandField != DIMSE_N_EVENT_REPORT_RQ
        || DIMSE_receiveDataSetInMemory(accepted, DIMSE_NONBLOCKING, seconds_to_wait, &context,
                                        &received, nullptr, nullptr)
               .bad()) {
        return std::nullopt;
    }
    const std::unique_ptr<DcmDataset> data{received};
    const auto& request = message.msg.NEventReportRQ;
    auto report = read(*data, request.EventTypeID);
    T_DIMSE_Message answer{};
    answer.CommandField = DIMSE_N_EVENT_REPORT_RSP;
    auto& response = answer.msg.NEventReportRSP;
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.DimseStatus = STATUS_N_Success;
    response.DataSetType = DIMSE_DATASET_NULL;
    DIMSE_sendMessageUsingMemoryData(accepted, context, &answer, nullptr, nullptr, nullptr,
                                     nullptr);
    // The provider releases.
    T_DIMSE_Message end{};
    if (DIMSE_receiveCommand(accepted, DIMSE_NONBLOCKING, seconds_to_wait, &context, &end, nullptr)
        == DUL_PEERREQUESTEDRELEASE) {
        ASC_acknowledgeRelease(accepted);
    }
    return report;
}

} // namespace commitment
