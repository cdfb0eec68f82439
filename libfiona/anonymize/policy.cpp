// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/policy.h"

#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>

namespace fiona::anonymize {

namespace {

struct Refused {
    std::string_view prefix; ///< of the SOP class, or of the transfer syntax
    std::string_view reason;
};

constexpr std::string_view document_class = "1.2.840.10008.5.1.4.1.1.104.";

/// Who dictates says whom it is about, and no search hears it.
constexpr std::string_view sound = "recordings of sound are refused by policy";

constexpr std::array<Refused, 8> classes{
    {{"1.2.840.10008.1.3.10", "a DICOMDIR is made anew, not de-identified"},
     {document_class, "encapsulated documents are refused by policy"},
     {"1.2.840.10008.5.1.4.1.1.66", "raw data is refused by policy"},
     {"1.2.840.10008.5.1.4.1.1.9.4.", sound},
     {"1.2.840.10008.5.1.4.1.1.77.1.1.1", "video is refused by policy"},
     {"1.2.840.10008.5.1.4.1.1.77.1.2.1", "video is refused by policy"},
     {"1.2.840.10008.5.1.4.1.1.77.1.4.1", "video is refused by policy"},
     {"1.2.840.10008.10.", "real-time video is refused by policy"}}};

// By prefix: MPEG-2, MPEG-4 and HEVC are 4.100 to 4.108 and their fragmentable variants, SMPTE ST 2110
// is 7.x; JPIP deflate is a header that cannot be rewritten in place.
constexpr std::array<Refused, 3> syntaxes{
    {{"1.2.840.10008.1.2.4.10", "video is refused by policy"},
     {"1.2.840.10008.1.2.7.", "video is refused by policy"},
     {"1.2.840.10008.1.2.4.95", "deflated JPIP references are refused"}}};

std::string_view value_at(const Item& root, Tag tag)
{
    const auto* const found = root.find(tag);
    return found == nullptr ? std::string_view{} : trimmed(found->stored);
}

/// A prefix that ends in a dot stands for a branch, another one for itself alone: 66 is raw data,
/// 66.1 to 66.6 are registrations and segmentations, which may pass.
bool matches(std::string_view uid, std::string_view prefix)
{
    return prefix.ends_with('.') ? uid.starts_with(prefix) : uid == prefix;
}

} // namespace

std::string_view refusal(const Item& root, std::string_view transfer_syntax, Documents documents)
{
    const auto sop_class = value_at(root, {0x0008, 0x0016});
    const bool documents_pass = documents == Documents::if_clean;
    for (const auto& refused : classes) {
        if (documents_pass && refused.prefix == document_class) {
            continue; // looked into when the identity of the study is known
        }
        if (matches(sop_class, refused.prefix)) {
            return refused.reason;
        }
    }
    for (const auto& refused : syntaxes) {
        if (transfer_syntax.starts_with(refused.prefix)) {
            return refused.reason;
        }
    }
    if (root.find({0x0042, 0x0011}) != nullptr
        && !(documents_pass && sop_class.starts_with(document_class))) {
        return "encapsulated documents are refused by policy";
    }
    if (root.find({0x5400, 0x0100}) != nullptr && root.find({0x0040, 0xb020}) != nullptr) {
        return "waveforms with annotations are refused by policy";
    }
    if (root.find({0x5400, 0x0100}) != nullptr && value_at(root, {0x0008, 0x0060}) == "AU") {
        return sound; // in a class of its own making
    }
    if (root.find({0x0004, 0x1220}) != nullptr) {
        return "a DICOMDIR is made anew, not de-identified";
    }
    // What no later step could do without.
    constexpr std::array<Tag, 4> needed{
        {{0x0008, 0x0016}, {0x0008, 0x0018}, {0x0020, 0x000d}, {0x0020, 0x000e}}};
    const bool complete =
        std::ranges::all_of(needed, [&](Tag tag) { return is_uid(value_at(root, tag)); });
    return complete ? "" : "no legal SOP class, SOP instance, study and series UID";
}

std::string_view refusal_of_output(const Item& root, const Settings& settings)
{
    const auto study = value_at(root, {0x0020, 0x000d});
    const bool is_ours = (study.starts_with("2.25.") || study.starts_with("1.3.6.1.4.1.45037."))
                         && value_at(root, {0x0012, 0x0062}) == "YES"
                         && value_at(root, {0x0012, 0x0020}) == settings.project.str()
                         && value_at(root, {0x0010, 0x0020}) == settings.participant.str();
    return is_ours ? "it has been de-identified for this project and participant already" : "";
}

} // namespace fiona::anonymize
