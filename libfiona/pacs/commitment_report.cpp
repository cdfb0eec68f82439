// SPDX-License-Identifier: MIT
#include "libfiona/pacs/commitment_report.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/receiver_part.h"
#include "libfiona/pacs/receiver_peer.h"
#include "libfiona/pacs/receiver_sink.h"
#include "libfiona/store/atomic_file.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <system_error>

namespace fiona::pacs {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_report_bytes = std::size_t{16} << 20U; // some 100,000 objects

std::string text_of(DcmItem& item, const DcmTagKey& tag)
{
    OFString value;
    static_cast<void>(item.findAndGetOFString(tag, value)); // absent is empty
    return std::string{trimmed(std::string_view{value.c_str(), value.size()})};
}

void for_each_item(DcmDataset& data, const DcmTagKey& tag,
                   const std::function<void(DcmItem&, const std::string&)>& take)
{
    DcmSequenceOfItems* sequence = nullptr; // borrowed from the data set
    if (data.findAndGetSequence(tag, sequence).bad()) {
        return;
    }
    for (auto* object = sequence->nextInContainer(nullptr); object != nullptr;
         object = sequence->nextInContainer(object)) {
        if (auto* const item = dynamic_cast<DcmItem*>(object)) {
            auto instance = text_of(*item, DCM_ReferencedSOPInstanceUID);
            if (is_uid(instance)) {
                take(*item, instance);
            }
        }
    }
}

CommitmentReport read_report(const fs::path& file)
{
    static_cast<void>(dicom::prescan_file(file));
    DcmFileFormat format;
    if (format.loadFile(file.c_str()).bad()) {
        throw Error{Fault::data, "the report cannot be read"};
    }
    auto& data = *format.getDataset();
    CommitmentReport report;
    report.transaction = text_of(data, DCM_TransactionUID);
    if (!is_uid(report.transaction)) {
        throw Error{Fault::data, "the report names no transaction"};
    }
    for_each_item(data, DCM_ReferencedSOPSequence,
                  [&](DcmItem&, const std::string& sop) { report.committed.insert(sop); });
    for_each_item(data, DCM_FailedSOPSequence, [&](DcmItem& item, const std::string& sop) {
        constexpr Uint16 processing_failure = 0x0110;
        Uint16 reason = processing_failure;
        static_cast<void>(item.findAndGetUint16(DCM_FailureReason, reason));
        report.failed[sop] = reason;
        report.committed.erase(sop); // who says both has not got it
    });
    return report;
}

} // namespace

// PS3.3 §C.14.1.1.
std::string failure_words(std::uint16_t reason)
{
    const auto words = [reason]() -> std::string_view {
        switch (reason) {
        case 0x0110: return "processing failure";
        case 0x0112: return "it has no such object";
        case 0x0213: return "resource limitation";
        case 0x0122: return "it does not support the class";
        case 0x0119: return "it has another class under that UID";
        case 0x0131: return "the transaction was used before";
        default: return "no reason of the standard";
        }
    }();
    return fmt::format("{} ({:04X})", words, reason);
}

CommitmentReport receive_report(T_ASC_Association* association,
                                const T_DIMSE_N_EventReportRQ& request, std::uint8_t context,
                                const fs::path& scratch, int patience)
{
    if (request.DataSetType == DIMSE_DATASET_NULL) {
        throw Error{Fault::data, "a report without content"};
    }
    T_ASC_PresentationContext accepted{};
    if (ASC_findAcceptedPresentationContext(association->params, context, &accepted).bad()) {
        throw Error{Fault::unreachable, "a report outside of every context"};
    }
    WriteBuffer buffer{std::size_t{1} << 16U};
    make_directories(scratch);
    PartFile part{scratch, buffer};
    const auto meta =
        file_meta({UID_StorageCommitmentPushModelSOPClass,
                   UID_StorageCommitmentPushModelSOPInstance, &accepted.acceptedTransferSyntax[0]},
                  ReceiverPeer{});
    part.append(meta.data(), meta.size());
    const auto received =
        receive_data_set(association, context, patience, [&](const void* bytes, std::size_t count) {
            if (part.bytes() + count > max_report_bytes) {
                part.fail(EFBIG);
            }
            part.append(bytes, count);
        });
    if (received.bad()) {
        throw Error{Fault::unreachable, "association lost inside a report"};
    }
    part.flush();
    if (part.error_number() != 0) {
        throw os_error(part.error_number(), "keep a report of storage commitment");
    }
    if (std::string_view{&accepted.abstractSyntax[0]} != UID_StorageCommitmentPushModelSOPClass) {
        throw Error{Fault::data, "a report of something else"};
    }
    return read_report(part.path());
}

bool confirm_report(T_ASC_Association* association, const T_DIMSE_N_EventReportRQ& request,
                    std::uint8_t context, Confirmation confirmation)
{
    T_DIMSE_Message message{};
    message.CommandField = DIMSE_N_EVENT_REPORT_RSP;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) the message is DCMTK's
    auto& response = message.msg.NEventReportRSP;
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.DimseStatus = confirmation == Confirmation::accepted ? STATUS_N_Success
                           : confirmation == Confirmation::unknown_transaction
                               ? STATUS_N_NoSuchSOPInstance
                               : STATUS_N_InvalidArgumentValue;
    response.EventTypeID = request.EventTypeID;
    response.DataSetType = DIMSE_DATASET_NULL;
    std::ranges::copy(request.AffectedSOPClassUID, &response.AffectedSOPClassUID[0]);
    std::ranges::copy(request.AffectedSOPInstanceUID, &response.AffectedSOPInstanceUID[0]);
    response.opts = O_NEVENTREPORT_AFFECTEDSOPCLASSUID | O_NEVENTREPORT_AFFECTEDSOPINSTANCEUID
                    | O_NEVENTREPORT_EVENTTYPEID;
    return DIMSE_sendMessageUsingMemoryData(association, context, &message, nullptr, nullptr,
                                            nullptr, nullptr)
        .good();
}

CommitmentInbox::CommitmentInbox(fs::path directory) : m_directory{std::move(directory)} {}

fs::path CommitmentInbox::asked(const std::string& transaction) const
{
    return m_directory / "asked" / transaction;
}

fs::path CommitmentInbox::reported(const std::string& transaction) const
{
    return m_directory / "reports" / (transaction + ".json");
}

void CommitmentInbox::expect(const std::string& transaction) const
{
    make_directories(m_directory / "asked");
    make_directories(m_directory / "reports");
    store::write_file(asked(transaction), "");
}

bool CommitmentInbox::keep(const CommitmentReport& report) const
{
    std::error_code problem;
    if (!fs::exists(asked(report.transaction), problem)) {
        return false;
    }
    json::Object failed;
    for (const auto& [sop, reason] : report.failed) {
        failed[sop] = reason;
    }
    store::write_file(reported(report.transaction),
                      json::write(json::Object{{"committed", json::Array(report.committed.begin(),
                                                                         report.committed.end())},
                                               {"failed", std::move(failed)}}));
    return true;
}

std::optional<CommitmentReport> CommitmentInbox::find(const std::string& transaction) const
{
    const auto text = read_file_if_any(reported(transaction));
    if (!text) {
        return std::nullopt;
    }
    const auto document = json::parse(*text, "a report of storage commitment");
    CommitmentReport report;
    report.transaction = transaction;
    if (const auto* const committed = document.find("committed")) {
        for (const auto& sop : committed->array()) {
            report.committed.insert(sop.string());
        }
    }
    if (const auto* const failed = document.find("failed")) {
        for (const auto& [sop, reason] : failed->object()) {
            report.failed[sop] = static_cast<std::uint16_t>(reason.integer());
        }
    }
    return report;
}

void CommitmentInbox::forget(const std::string& transaction) const
{
    std::error_code ignored; // sweep() comes again
    fs::remove(asked(transaction), ignored);
    fs::remove(reported(transaction), ignored);
}

void CommitmentInbox::sweep(TimePoint now) const
{
    constexpr std::chrono::hours longest{7 * 24};
    const auto limit =
        fs::file_time_type::clock::now() - longest
        - std::chrono::duration_cast<fs::file_time_type::duration>(Clock::now() - now);
    for (const auto* const name : {"asked", "reports"}) {
        std::error_code problem;
        for (const auto& entry : fs::directory_iterator{m_directory / name, problem}) {
            const auto changed = entry.last_write_time(problem);
            if (!problem && changed < limit) {
                fs::remove(entry.path(), problem);
            }
        }
    }
}

} // namespace fiona::pacs
