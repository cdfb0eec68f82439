// SPDX-License-Identifier: MIT
#include "libfiona/pacs/commitment_message.h"

#include "libfiona/base/error.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/check.h"
#include "libfiona/dicom/prescan.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>
#include <memory>

namespace fiona::pacs {

namespace {

std::string text_of(DcmItem& item, const DcmTagKey& tag)
{
    OFString value;
    static_cast<void>(item.findAndGetOFString(tag, value)); // absent is empty
    return std::string{trimmed(std::string_view{value.c_str(), value.size()})};
}

void add_reference(DcmDataset& report, const DcmTagKey& sequence, const ObjectReference& object,
                   Commitment verdict)
{
    DcmItem* item = nullptr; // borrowed from the data set
    constexpr long append = -2;
    dicom::check(report.findOrCreateSequenceItem(sequence, item, append), "add to a report");
    dicom::check(item->putAndInsertString(DCM_ReferencedSOPClassUID, object.sop_class.c_str()),
                 "add to a report");
    dicom::check(
        item->putAndInsertString(DCM_ReferencedSOPInstanceUID, object.sop_instance.c_str()),
        "add to a report");
    if (verdict != Commitment::committed) {
        dicom::check(item->putAndInsertUint16(DCM_FailureReason, failure_reason(verdict)),
                     "add to a report");
    }
}

} // namespace

ActionInformation read_action_information(const std::filesystem::path& file)
{
    static_cast<void>(dicom::prescan_file(file));
    DcmFileFormat format;
    if (format.loadFile(file.c_str()).bad()) {
        throw Error{Fault::data, "the data set cannot be read"};
    }
    auto& data = *format.getDataset();
    ActionInformation information;
    information.transaction = text_of(data, DCM_TransactionUID);
    DcmSequenceOfItems* sequence = nullptr; // borrowed from the data set
    if (!is_uid(information.transaction)
        || data.findAndGetSequence(DCM_ReferencedSOPSequence, sequence).bad()
        || sequence->card() == 0) {
        throw Error{Fault::data, "no transaction UID, or no object"};
    }
    // Item by item from the front: getItem(n) walks the whole list each time.
    for (auto* object = sequence->nextInContainer(nullptr); object != nullptr;
         object = sequence->nextInContainer(object)) {
        if (auto* const item = dynamic_cast<DcmItem*>(object)) {
            information.objects.push_back({text_of(*item, DCM_ReferencedSOPClassUID),
                                           text_of(*item, DCM_ReferencedSOPInstanceUID)});
        }
    }
    return information;
}

OFCondition send_event_report(T_ASC_Association* association, std::uint8_t context,
                              std::uint16_t message_id, const CommitmentRequest& request,
                              const std::vector<Commitment>& verdicts)
{
    constexpr std::uint16_t all_committed = 1; // event types of PS3.4 table J.3-2
    constexpr std::uint16_t failures_exist = 2;
    DcmDataset report;
    dicom::check(report.putAndInsertString(DCM_TransactionUID, request.transaction.c_str()),
                 "make a report");
    for (std::size_t i = 0; i < request.objects.size(); ++i) {
        const auto verdict = verdicts.at(i);
        add_reference(report,
                      verdict == Commitment::committed ? DCM_ReferencedSOPSequence
                                                       : DCM_FailedSOPSequence,
                      request.objects[i], verdict);
    }
    const bool is_complete = std::ranges::count(verdicts, Commitment::committed)
                             == static_cast<std::ptrdiff_t>(verdicts.size());
    T_DIMSE_Message message{};
    message.CommandField = DIMSE_N_EVENT_REPORT_RQ;
    auto& event = message.msg.NEventReportRQ;
    event.MessageID = message_id;
    event.EventTypeID = is_complete ? all_committed : failures_exist;
    event.DataSetType = DIMSE_DATASET_PRESENT;
    OFStandard::strlcpy(event.AffectedSOPClassUID, UID_StorageCommitmentPushModelSOPClass,
                        sizeof event.AffectedSOPClassUID);
    OFStandard::strlcpy(event.AffectedSOPInstanceUID, UID_StorageCommitmentPushModelSOPInstance,
                        sizeof event.AffectedSOPInstanceUID);
    return DIMSE_sendMessageUsingMemoryData(association, context, &message, nullptr, &report,
                                            nullptr, nullptr);
}

} // namespace fiona::pacs
