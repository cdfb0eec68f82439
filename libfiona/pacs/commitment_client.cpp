// SPDX-License-Identifier: MIT
#include "libfiona/pacs/commitment_client.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/check.h"
#include "libfiona/pacs/association.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>

namespace fiona::pacs {

namespace {

using dicom::check;
using std::chrono::steady_clock;

/// Transaction and references, PS3.4 table J.3-1.
std::unique_ptr<DcmDataset> action_information(const CommitmentQuestion& question)
{
    auto data = std::make_unique<DcmDataset>();
    check(data->putAndInsertString(DCM_TransactionUID, question.transaction.c_str()),
          "ask for storage commitment");
    auto sequence = std::make_unique<DcmSequenceOfItems>(DCM_ReferencedSOPSequence);
    for (const auto& object : question.objects) {
        auto item = std::make_unique<DcmItem>();
        check(item->putAndInsertString(DCM_ReferencedSOPClassUID, object.sop_class.c_str()),
              "ask for storage commitment");
        check(item->putAndInsertString(DCM_ReferencedSOPInstanceUID, object.sop_instance.c_str()),
              "ask for storage commitment");
        check(sequence->append(item.get()), "ask for storage commitment");
        static_cast<void>(item.release()); // the sequence owns it now
    }
    check(data->insert(sequence.get()), "ask for storage commitment");
    static_cast<void>(sequence.release()); // the data set owns it now
    return data;
}

/// One question and its answers, in whatever order they come.
class Conversation {
public:
    Conversation(Association& association, const Context& context,
                 const CommitmentQuestion& question)
        : m_association{association}, m_context{context}, m_question{question}
    {
    }

    CommitmentAnswer run()
    {
        ask();
        auto deadline = steady_clock::now() + std::chrono::seconds{m_association.timeout()};
        while (!m_is_answered) {
            if (!receive(deadline)) {
                m_association.give_up();
                throw Error{Fault::unreachable, "no answer to the request for storage commitment"};
            }
        }
        deadline = steady_clock::now() + m_question.wait;
        while (m_answer.kind == CommitmentAnswer::Kind::accepted && receive(deadline)) {
        }
        return std::move(m_answer);
    }

private:
    void ask()
    {
        m_message_id = m_association.next_message_id();
        T_DIMSE_Message message{};
        message.CommandField = DIMSE_N_ACTION_RQ;
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) the message is DCMTK's
        auto& request = message.msg.NActionRQ;
        request.MessageID = m_message_id;
        request.ActionTypeID = 1; // PS3.4 table J.3-1
        request.DataSetType = DIMSE_DATASET_PRESENT;
        OFStandard::strlcpy(request.RequestedSOPClassUID, UID_StorageCommitmentPushModelSOPClass,
                            sizeof request.RequestedSOPClassUID);
        OFStandard::strlcpy(request.RequestedSOPInstanceUID,
                            UID_StorageCommitmentPushModelSOPInstance,
                            sizeof request.RequestedSOPInstanceUID);
        const auto data = action_information(m_question);
        if (DIMSE_sendMessageUsingMemoryData(m_association.handle(), m_context.id, &message,
                                             nullptr, data.get(), nullptr, nullptr)
                .bad()) {
            m_association.give_up();
            throw Error{Fault::unreachable, "association lost"};
        }
    }

    /// One message of the peer; false if none comes before the deadline, or the association ends.
    bool receive(steady_clock::time_point deadline)
    {
        const auto left = std::chrono::ceil<std::chrono::seconds>(deadline - steady_clock::now());
        if (left.count() <= 0) {
            return false;
        }
        T_DIMSE_Message message{};
        T_ASC_PresentationContextID context = 0;
        const auto received =
            DIMSE_receiveCommand(m_association.handle(), DIMSE_NONBLOCKING,
                                 static_cast<int>(left.count()), &context, &message, nullptr);
        if (received == DIMSE_NODATAAVAILABLE) {
            return false;
        }
        if (received.bad()) {
            m_association.give_up();
            return false;
        }
        // NOLINTBEGIN(cppcoreguidelines-pro-type-union-access) the message is DCMTK's
        if (message.CommandField == DIMSE_N_ACTION_RSP
            && message.msg.NActionRSP.MessageIDBeingRespondedTo == m_message_id) {
            take(message.msg.NActionRSP);
            return true;
        }
        if (message.CommandField == DIMSE_N_EVENT_REPORT_RQ) {
            take(message.msg.NEventReportRQ, context);
            return true;
        }
        // NOLINTEND(cppcoreguidelines-pro-type-union-access)
        m_association.give_up();
        return false;
    }

    void take(const T_DIMSE_N_ActionRSP& response)
    {
        m_is_answered = true;
        if (m_answer.kind == CommitmentAnswer::Kind::reported) {
            return;
        }
        m_answer.status = response.DimseStatus;
        m_answer.kind = response.DimseStatus == STATUS_N_Success ? CommitmentAnswer::Kind::accepted
                                                                 : CommitmentAnswer::Kind::refused;
    }

    void take(const T_DIMSE_N_EventReportRQ& request, std::uint8_t context)
    {
        auto confirmation = Confirmation::unreadable;
        try {
            auto report = receive_report(m_association.handle(), request, context,
                                         m_question.scratch, m_association.timeout());
            confirmation = Confirmation::unknown_transaction;
            if (report.transaction == m_question.transaction) {
                confirmation = Confirmation::accepted;
                m_answer.kind = CommitmentAnswer::Kind::reported;
                m_answer.report = std::move(report);
            }
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                m_association.give_up();
                throw;
            }
            log::warn("commitment_report_unreadable", {{"reason", e.what()}});
        }
        if (!confirm_report(m_association.handle(), request, context, confirmation)) {
            m_association.give_up(); // it will be reported again; we know already
        }
    }

    Association& m_association;
    const Context& m_context;
    const CommitmentQuestion& m_question;
    std::uint16_t m_message_id = 0;
    bool m_is_answered = false;
    CommitmentAnswer m_answer;
};

} // namespace

std::string new_transaction()
{
    constexpr std::size_t digits = 38; // less than 2 to the 128th, as PS3.5 §B.2 wants it
    std::string uid = "2.25.";
    const auto random = random_bytes(digits);
    for (std::size_t i = 0; i < digits; ++i) {
        const auto value = std::to_integer<unsigned>(random[i]);
        uid += static_cast<char>(i == 0 ? '1' + value % 3 : '0' + value % 10);
    }
    return uid;
}

CommitmentAnswer ask_commitment(const Peer& peer, const CommitmentQuestion& question)
{
    const std::vector<std::string> syntaxes{UID_LittleEndianExplicitTransferSyntax,
                                            UID_LittleEndianImplicitTransferSyntax};
    // Verification, so that a peer without storage commitment has something to accept.
    Association association{
        peer,
        {{UID_StorageCommitmentPushModelSOPClass, syntaxes}, {UID_VerificationSOPClass, syntaxes}}};
    const auto context = association.accepted(0);
    if (!context) {
        return {};
    }
    return Conversation{association, *context, question}.run();
}

} // namespace fiona::pacs
