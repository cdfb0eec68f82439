// SPDX-License-Identifier: MIT
#include "libfiona/pacs/query.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/pacs/association.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcdatset.h>
#include <dcmtk/dcmdata/dcdeftag.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/dimse.h>

#include <algorithm>

namespace fiona::pacs {

namespace {

const char* level_name(Level level)
{
    switch (level) {
    case Level::patient: return "PATIENT";
    case Level::study: return "STUDY";
    case Level::series: return "SERIES";
    case Level::image: break;
    }
    return "IMAGE";
}

// PS3.4 §C.6.2.1: the study root model has no patient level.
const char* model_of(Level level)
{
    return level == Level::patient ? UID_FINDPatientRootQueryRetrieveInformationModel
                                   : UID_FINDStudyRootQueryRetrieveInformationModel;
}

/// Keys go out in the default repertoire (no Specific Character Set), so anything else would be
/// read by the peer as it likes.
void check_key(std::string_view keyword, std::string_view value)
{
    const bool printable = std::ranges::all_of(value, [](char c) { return c >= 0x20 && c < 0x7f; });
    if (!printable) {
        throw Error{Fault::data, "query key {}: only printable ASCII can be asked for", keyword};
    }
}

DcmTag tag_of(const std::string& keyword)
{
    DcmTag tag;
    // DCMTK's dictionary also has private elements; their numbers mean nothing to a peer.
    if (DcmTag::findTagFromName(keyword.c_str(), tag).bad() || tag.isPrivate()) {
        throw Error{Fault::data, "query key {}: no keyword of the dictionary", keyword};
    }
    return tag;
}

std::unique_ptr<DcmDataset> identifier(Level level, const Keys& keys)
{
    auto dataset = std::make_unique<DcmDataset>();
    for (const auto& [keyword, value] : keys) {
        check_key(keyword, value);
        if (dataset->putAndInsertString(tag_of(keyword), value.c_str()).bad()) {
            throw Error{Fault::data, "query key {}: cannot be asked for as text", keyword};
        }
    }
    dataset->putAndInsertString(DCM_QueryRetrieveLevel, level_name(level));
    return dataset;
}

/// What is left of a text in an unknown or wrong character set: its ASCII.
std::string ascii_only(std::string_view text)
{
    std::string safe;
    for (const char c : text) {
        if (c >= 0) {
            safe += c;
        } else if (!safe.ends_with("\xEF\xBF\xBD")) {
            safe += "\xEF\xBF\xBD"; // U+FFFD
        }
    }
    return safe;
}

struct Answers {
    const Keys& asked;
    std::vector<Keys> found;
};

void collect(void* context, T_DIMSE_C_FindRQ* /*request*/, int /*count*/,
             T_DIMSE_C_FindRSP* /*response*/, DcmDataset* identifiers)
{
    auto& answers = *static_cast<Answers*>(context);
    if (identifiers == nullptr) {
        return;
    }
    // On failure the data set stays as it was and ascii_only() below takes care.
    static_cast<void>(identifiers->convertToUTF8());
    Keys row;
    for (const auto& [keyword, ignored] : answers.asked) {
        DcmTag tag;
        OFString value;
        if (DcmTag::findTagFromName(keyword.c_str(), tag).good()) {
            static_cast<void>(identifiers->findAndGetOFStringArray(tag, value));
        }
        const std::string_view text{value.c_str(), value.length()};
        row[keyword] = is_utf8(text) ? std::string{trimmed(text)} : ascii_only(trimmed(text));
    }
    answers.found.push_back(std::move(row));
}

} // namespace

std::vector<Keys> find(const Peer& peer, Level level, const Keys& keys)
{
    const auto question = identifier(level, keys);
    Association association{
        peer,
        {{model_of(level),
          {UID_LittleEndianExplicitTransferSyntax, UID_LittleEndianImplicitTransferSyntax}}}};
    const auto context = association.accepted(0);
    if (!context) {
        throw Error{Fault::protocol, "{} does not answer queries", peer.called_aet};
    }
    T_DIMSE_C_FindRQ request{};
    request.MessageID = association.next_message_id();
    OFStandard::strlcpy(request.AffectedSOPClassUID, model_of(level),
                        sizeof request.AffectedSOPClassUID);
    request.DataSetType = DIMSE_DATASET_PRESENT;
    request.Priority = DIMSE_PRIORITY_MEDIUM;
    T_DIMSE_C_FindRSP answer{};
    DcmDataset* raw_detail = nullptr;
    int count = 0;
    Answers answers{keys, {}};
    const auto asked =
        DIMSE_findUser(association.handle(), context->id, &request, question.get(), count, collect,
                       &answers, DIMSE_NONBLOCKING, association.timeout(), &answer, &raw_detail);
    const std::unique_ptr<DcmDataset> detail{raw_detail};
    if (asked.bad()) {
        association.give_up();
        throw Error{Fault::unreachable, "{} did not finish its answer to a query", peer.called_aet};
    }
    if (answer.DimseStatus != STATUS_Success) {
        throw Error{Fault::protocol, "{} answers a query with status {:04X}", peer.called_aet,
                    answer.DimseStatus};
    }
    return std::move(answers.found);
}

} // namespace fiona::pacs
