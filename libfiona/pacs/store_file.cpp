// SPDX-License-Identifier: MIT
#include "libfiona/pacs/store_file.h"

#include "libfiona/base/error.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/check.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/pacs/store_command.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcfilefo.h>
#include <dcmtk/dcmnet/dimse.h>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

namespace fiona::pacs {

namespace fs = std::filesystem;

namespace {

/// Bytes of the data set from the file, as they are, to the peer; a deflated one gets the NUL that its
/// writer owes (PS3.5 §A.5).
void stream(Association& association, const Context& context, int fd, const dicom::Prescan& scan)
{
    constexpr std::size_t block_size = std::size_t{256} << 10U;
    std::vector<std::byte> block(block_size);
    auto offset = scan.data_set_offset;
    while (offset < scan.file_bytes) {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(block_size, scan.file_bytes - offset));
        std::size_t filled = 0;
        while (filled < wanted) {
            const auto got = ::pread(fd, block.data() + filled, wanted - filled,
                                     static_cast<off_t>(offset + filled));
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got <= 0) {
                association.give_up(); // in the middle of a data set nothing else can be said
                throw Error{Fault::io, "a file became shorter while it was sent"};
            }
            filled += static_cast<std::size_t>(got);
        }
        offset += wanted;
        const bool is_last = offset == scan.file_bytes;
        if (is_last && has_odd_length(scan)) {
            block.resize(wanted);
            block.push_back(std::byte{0});
            filled = block.size();
        }
        association.write(context, Association::Stream::data, {block.data(), filled},
                          is_last ? Association::Last::yes : Association::Last::no);
    }
}

} // namespace

bool has_odd_length(const dicom::Prescan& scan)
{
    return (scan.file_bytes - scan.data_set_offset) % 2 != 0;
}

std::uint16_t store_as_it_is(Association& association, const Context& context, const fs::path& file,
                             const dicom::Prescan& scan)
{
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
    if (!fd) {
        throw os_error(errno, "open a file to send");
    }
    const auto message_id = association.next_message_id();
    auto command = store_command(scan.sop_class, scan.sop_instance, message_id);
    association.write(context, Association::Stream::command, command, Association::Last::yes);
    stream(association, context, fd.get(), scan);

    T_DIMSE_Message answer{};
    T_ASC_PresentationContextID answered_on = 0;
    DcmDataset* raw_detail = nullptr;
    const auto received = DIMSE_receiveCommand(association.handle(), DIMSE_NONBLOCKING,
                                               store_patience * association.timeout(), &answered_on,
                                               &answer, &raw_detail);
    const std::unique_ptr<DcmDataset> detail{raw_detail}; // the peer's words are not used
    if (received.bad()) {
        association.give_up();
        throw Error{Fault::unreachable, "{}",
                    received == DIMSE_NODATAAVAILABLE ? "no answer in time" : "association lost"};
    }
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) the message is DCMTK's
    const auto& response = answer.msg.CStoreRSP;
    if (answer.CommandField != DIMSE_C_STORE_RSP
        || response.MessageIDBeingRespondedTo != message_id) {
        association.give_up();
        throw Error{Fault::protocol, "the peer answered something else"};
    }
    return response.DimseStatus;
}

std::uint16_t store_rewritten(Association& association, const Context& context,
                              const fs::path& file, const dicom::Prescan& scan)
{
    constexpr std::uint32_t longest_value_in_memory = 4096;
    DcmFileFormat format;
    dicom::check(format.loadFile(file.c_str(), EXS_Unknown, EGL_noChange, longest_value_in_memory),
                 "read a file to send");
    dicom::check(format.getDataset()->chooseRepresentation(
                     DcmXfer{context.transfer_syntax.c_str()}.getXfer(), nullptr),
                 "rewrite a file to send");
    T_DIMSE_C_StoreRQ request{};
    request.MessageID = association.next_message_id();
    OFStandard::strlcpy(request.AffectedSOPClassUID, scan.sop_class.c_str(),
                        sizeof request.AffectedSOPClassUID);
    OFStandard::strlcpy(request.AffectedSOPInstanceUID, scan.sop_instance.c_str(),
                        sizeof request.AffectedSOPInstanceUID);
    request.DataSetType = DIMSE_DATASET_PRESENT;
    request.Priority = DIMSE_PRIORITY_MEDIUM;
    T_DIMSE_C_StoreRSP answer{};
    DcmDataset* raw_detail = nullptr;
    const auto sent = DIMSE_storeUser(association.handle(), context.id, &request, nullptr,
                                      format.getDataset(), nullptr, nullptr, DIMSE_NONBLOCKING,
                                      store_patience * association.timeout(), &answer, &raw_detail);
    const std::unique_ptr<DcmDataset> detail{raw_detail};
    if (sent.bad()) {
        association.give_up();
        throw Error{Fault::unreachable, "association lost"};
    }
    return answer.DimseStatus;
}

} // namespace fiona::pacs
