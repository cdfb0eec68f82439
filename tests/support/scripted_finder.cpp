// SPDX-License-Identifier: MIT
#include "tests/support/scripted_finder.h"

#include "libfiona/base/text.h"
#include "tests/support/scripted_acceptor.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmnet/assoc.h>
#include <dcmtk/dcmnet/cond.h>
#include <dcmtk/dcmnet/dimse.h>

#include <array>
#include <atomic>
#include <optional>
#include <stdexcept>
#include <utility>

using fiona::pacs::Keys;

struct ScriptedFinder::Data {
    Script script;
    std::atomic<std::size_t> associations{0}, queries{0}, cancels{0}, sent{0};
    std::atomic<bool> must_hang_up{false};
    std::optional<ScriptedAcceptor> acceptor; // last: stops before the rest goes

    void serve_association(T_ASC_Association& association, const std::stop_token& stop);
    bool serve_command(T_ASC_Association& association);
    bool find(T_ASC_Association& association, unsigned char context, T_DIMSE_C_FindRQ& request);
    bool is_cancelled(T_ASC_Association& association, unsigned char context, std::uint16_t id);
};

namespace {

std::string keyword_of(const DcmElement& element)
{
    DcmTag tag{element.getTag()};
    return tag.getTagName();
}

std::pair<std::string, Keys> read_question(DcmDataset& data_set)
{
    Keys keys;
    std::string level;
    for (unsigned long i = 0; i < data_set.card(); ++i) {
        auto* const element = data_set.getElement(i);
        OFString value;
        static_cast<void>(element->getOFStringArray(value));
        if (element->getTag() == DCM_QueryRetrieveLevel) {
            level = value.c_str();
        } else {
            keys[keyword_of(*element)] = value.c_str();
        }
    }
    return {level, keys};
}

} // namespace

void ScriptedFinder::Data::serve_association(T_ASC_Association& association,
                                             const std::stop_token& stop)
{
    ++associations;
    must_hang_up = false;
    std::array classes{UID_VerificationSOPClass, UID_FINDStudyRootQueryRetrieveInformationModel,
                       UID_FINDPatientRootQueryRetrieveInformationModel};
    std::array syntaxes{UID_LittleEndianExplicitTransferSyntax,
                        UID_LittleEndianImplicitTransferSyntax};
    ASC_acceptContextsWithPreferredTransferSyntaxes(
        association.params, classes.data(), static_cast<int>(classes.size()), syntaxes.data(),
        static_cast<int>(syntaxes.size()));
    if (ASC_acknowledgeAssociation(&association).bad()) {
        return;
    }
    while (!stop.stop_requested() && !must_hang_up && serve_command(association)) {
    }
    if (must_hang_up) {
        ASC_closeTransportConnection(&association);
        must_hang_up = false;
    }
}

bool ScriptedFinder::Data::serve_command(T_ASC_Association& association)
{
    auto next = next_command(association);
    if (next.came != ScriptedCommand::Came::command) {
        return next.came == ScriptedCommand::Came::nothing;
    }
    auto& message = next.message;
    if (message.CommandField == DIMSE_C_CANCEL_RQ) { // came behind the last answer
        ++cancels;
        return true;
    }
    return message.CommandField == DIMSE_C_FIND_RQ
           && find(association, next.context, message.msg.CFindRQ);
}

bool ScriptedFinder::Data::is_cancelled(T_ASC_Association& association, unsigned char context,
                                        std::uint16_t id)
{
    if (DIMSE_checkForCancelRQ(&association, context, id).bad()) {
        return false;
    }
    ++cancels;
    return true;
}

bool ScriptedFinder::Data::find(T_ASC_Association& association, unsigned char context,
                                T_DIMSE_C_FindRQ& request)
{
    DcmDataset* raw = nullptr;
    T_ASC_PresentationContextID data_context = 0;
    if (DIMSE_receiveDataSetInMemory(&association, DIMSE_NONBLOCKING, 5, &data_context, &raw,
                                     nullptr, nullptr)
            .bad()) {
        return false;
    }
    const std::unique_ptr<DcmDataset> question{raw};
    const auto [level, keys] = read_question(*question);
    ++queries;
    const auto answer = script(level, keys);
    T_DIMSE_C_FindRSP response{};
    response.MessageIDBeingRespondedTo = request.MessageID;
    response.opts = O_FIND_AFFECTEDSOPCLASSUID;
    OFStandard::strlcpy(&response.AffectedSOPClassUID[0], &request.AffectedSOPClassUID[0],
                        sizeof response.AffectedSOPClassUID);
    auto status = answer.status;
    for (const auto& match : answer.matches) {
        if (is_cancelled(association, context, request.MessageID)) {
            status = STATUS_FIND_Cancel_MatchingTerminatedDueToCancelRequest;
            break;
        }
        DcmDataset identifier;
        identifier.putAndInsertString(DCM_QueryRetrieveLevel, level.c_str());
        for (const auto& [keyword, value] : match) {
            DcmTag tag;
            if (DcmTag::findTagFromName(keyword.c_str(), tag).good()) {
                identifier.putAndInsertString(tag, value.c_str());
            }
        }
        response.DimseStatus = STATUS_Pending;
        response.DataSetType = DIMSE_DATASET_PRESENT;
        ++sent;
        if (DIMSE_sendFindResponse(&association, context, &request, &response, &identifier, nullptr)
                .bad()) {
            return false;
        }
    }
    if (answer.drop) {
        ASC_closeTransportConnection(&association);
        return false;
    }
    response.DimseStatus = status;
    response.DataSetType = DIMSE_DATASET_NULL;
    return DIMSE_sendFindResponse(&association, context, &request, &response, nullptr, nullptr)
        .good();
}

ScriptedFinder::ScriptedFinder(Script script) : m_data{std::make_unique<Data>()}
{
    m_data->script = std::move(script);
    m_data->acceptor.emplace(
        [data = m_data.get()](T_ASC_Association& association, const std::stop_token& stop) {
            data->serve_association(association, stop);
        });
}

ScriptedFinder::~ScriptedFinder() = default;

fiona::pacs::Peer ScriptedFinder::peer() const
{
    return m_data->acceptor->peer();
}

std::uint16_t ScriptedFinder::port() const
{
    return m_data->acceptor->port();
}
std::size_t ScriptedFinder::associations() const
{
    return m_data->associations;
}
std::size_t ScriptedFinder::queries() const
{
    return m_data->queries;
}
std::size_t ScriptedFinder::cancels() const
{
    return m_data->cancels;
}
std::size_t ScriptedFinder::sent() const
{
    return m_data->sent;
}

void ScriptedFinder::hang_up()
{
    m_data->must_hang_up = true;
    while (m_data->must_hang_up) {
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
}

namespace {

const std::string& value_of(const Keys& keys, const std::string& keyword)
{
    static const std::string none;
    const auto found = keys.find(keyword);
    return found == keys.end() ? none : found->second;
}

bool matches_date(const std::string& asked, const std::string& date)
{
    const auto dash = asked.find('-');
    if (asked.empty() || asked == date) {
        return true;
    }
    if (dash == std::string::npos || date.empty()) {
        return false;
    }
    const auto first = asked.substr(0, dash);
    const auto last = asked.substr(dash + 1);
    return (first.empty() || first <= date) && (last.empty() || date <= last);
}

bool matches_text(const std::string& asked, const std::string& value)
{
    return asked.empty() || asked == value
           || (asked.ends_with('*') && value.starts_with(asked.substr(0, asked.size() - 1)));
}

bool matches_list(const std::string& asked, const std::string& value)
{
    if (asked.empty()) {
        return true;
    }
    for (const auto one : fiona::split(asked, '\\')) {
        if (one == value) {
            return true;
        }
    }
    return false;
}

} // namespace

ScriptedFinder::Script archive_of(std::vector<Keys> studies, std::size_t limit, TooMany behaviour)
{
    return [studies = std::move(studies), limit, behaviour](const std::string& /*level*/,
                                                            const Keys& keys) {
        ScriptedFinder::Answer answer;
        for (const auto& study : studies) {
            if (matches_date(value_of(keys, "StudyDate"), value_of(study, "StudyDate"))
                && matches_text(value_of(keys, "PatientID"), value_of(study, "PatientID"))
                && matches_text(value_of(keys, "InstitutionName"),
                                value_of(study, "InstitutionName"))
                && matches_list(value_of(keys, "StudyInstanceUID"),
                                value_of(study, "StudyInstanceUID"))) {
                answer.matches.push_back(study);
            }
        }
        if (limit != 0 && answer.matches.size() > limit) {
            const bool is_cut = behaviour == TooMany::cut || behaviour == TooMany::cut_in_secret;
            answer.matches.resize(is_cut ? limit : 0);
            answer.status = behaviour == TooMany::refuse    ? 0xa700
                            : behaviour == TooMany::give_up ? 0xc001
                            : behaviour == TooMany::cut     ? 0xfe00
                                                            : 0x0000;
        }
        return answer;
    };
}
