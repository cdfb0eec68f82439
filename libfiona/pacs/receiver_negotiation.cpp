// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_negotiation.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>
#include <dcmtk/dcmdata/dcxfer.h>
#include <dcmtk/dcmnet/assoc.h>

#include <algorithm>
#include <array>

namespace fiona::pacs {

namespace {

// The order of the original for the first three; then what loses nothing; then the rest.
constexpr std::array<E_TransferSyntax, 3> uncompressed{
    EXS_LittleEndianExplicit, EXS_BigEndianExplicit, EXS_LittleEndianImplicit};
constexpr std::array<E_TransferSyntax, 7> lossless{EXS_JPEGProcess14SV1,
                                                   EXS_JPEGProcess14,
                                                   EXS_JPEGLSLossless,
                                                   EXS_RLELossless,
                                                   EXS_JPEG2000LosslessOnly,
                                                   EXS_JPEG2000MulticomponentLosslessOnly,
                                                   EXS_DeflatedLittleEndianExplicit};

/// Classes whose messages are not kept.
bool is_service(std::string_view abstract_syntax)
{
    return abstract_syntax == UID_VerificationSOPClass
           || abstract_syntax == UID_StorageCommitmentPushModelSOPClass;
}

std::string uid_of(E_TransferSyntax syntax)
{
    const auto* const uid = DcmXfer{syntax}.getXferID();
    return uid == nullptr ? "" : uid;
}

} // namespace

std::vector<std::string> preferred_syntaxes(ReceiverConfig::TransferSyntaxes profile)
{
    std::vector<std::string> syntaxes;
    const auto add = [&](E_TransferSyntax syntax) {
        auto uid = uid_of(syntax);
        if (!uid.empty() && std::ranges::find(syntaxes, uid) == syntaxes.end()) {
            syntaxes.push_back(std::move(uid));
        }
    };
    std::ranges::for_each(uncompressed, add);
    if (profile == ReceiverConfig::TransferSyntaxes::any) {
        std::ranges::for_each(lossless, add);
        for (int i = EXS_LittleEndianImplicit; i <= EXS_PrivateGE_LEI_WithBigEndianPixelData; ++i) {
            if (i != EXS_BigEndianImplicit) { // never was a syntax of the standard
                add(static_cast<E_TransferSyntax>(i));
            }
        }
    }
    return syntaxes;
}

bool is_acceptable_class(std::string_view abstract_syntax, bool is_promiscuous)
{
    const std::string uid{abstract_syntax};
    return is_service(uid) || dcmIsaStorageSOPClassUID(uid.c_str(), ESSC_All)
           || (is_promiscuous && dcmFindNameOfUID(uid.c_str()) == nullptr);
}

std::optional<std::string> choose(const std::vector<std::string>& preferred,
                                  const std::vector<std::string>& proposed)
{
    const auto found = std::ranges::find_if(preferred, [&](const auto& syntax) {
        return std::ranges::find(proposed, syntax) != proposed.end();
    });
    return found == preferred.end() ? std::nullopt : std::optional{*found};
}

std::size_t negotiate(T_ASC_Parameters& parameters, const ReceiverConfig& config)
{
    const auto preferred = preferred_syntaxes(config.transfer_syntaxes);
    const auto for_services = preferred_syntaxes(ReceiverConfig::TransferSyntaxes::uncompressed);
    std::size_t accepted = 0;
    const int count = ASC_countPresentationContexts(&parameters);
    for (int i = 0; i < count; ++i) {
        T_ASC_PresentationContext context{};
        if (ASC_getPresentationContext(&parameters, i, &context).bad()) {
            continue;
        }
        const std::string_view abstract_syntax{&context.abstractSyntax[0]};
        const auto id = context.presentationContextID;
        if (!is_acceptable_class(abstract_syntax, config.promiscuous)) {
            ASC_refusePresentationContext(&parameters, id, ASC_P_ABSTRACTSYNTAXNOTSUPPORTED);
            continue;
        }
        std::vector<std::string> proposed;
        proposed.reserve(context.transferSyntaxCount);
        for (int k = 0; k < context.transferSyntaxCount; ++k) {
            proposed.emplace_back(&context.proposedTransferSyntaxes[k][0]);
        }
        const auto chosen =
            choose(is_service(abstract_syntax) ? for_services : preferred, proposed);
        // A provider of storage commitment that comes to report (PS3.4 §J.3.3) keeps its role.
        const auto role = abstract_syntax == UID_StorageCommitmentPushModelSOPClass
                              ? context.proposedRole
                              : ASC_SC_ROLE_DEFAULT;
        if (chosen
            && ASC_acceptPresentationContext(&parameters, id, chosen->c_str(), role).good()) {
            ++accepted;
        } else if (!chosen) {
            ASC_refusePresentationContext(&parameters, id, ASC_P_TRANSFERSYNTAXESNOTSUPPORTED);
        }
    }
    return accepted;
}

} // namespace fiona::pacs
