// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_intake.h"

#include "libfiona/base/error.h"

#include <array>
#include <cerrno>

namespace fiona::pacs {

namespace {

constexpr dicom::Tag sop_class_tag{0x0008, 0x0016};
constexpr dicom::Tag sop_instance_tag{0x0008, 0x0018};
constexpr dicom::Tag study_tag{0x0020, 0x000d};
constexpr dicom::Tag series_tag{0x0020, 0x000e};

Verdict refusal(std::uint16_t status, std::string_view comment, std::string_view reason)
{
    Verdict verdict;
    verdict.status = status;
    verdict.comment = comment;
    verdict.reason = reason;
    return verdict;
}

/// What the command alone gives away.
std::optional<Verdict> judge_claim(const ObjectClaim& claim, std::string_view abstract_syntax)
{
    if (!is_uid(claim.sop_instance)) {
        return refusal(status::invalid_instance, "illegal SOP instance UID in the command",
                       "illegal_command_uid");
    }
    if (claim.sop_class != abstract_syntax) {
        return refusal(status::class_not_supported,
                       "SOP class of the command is not that of its context", "other_class");
    }
    return std::nullopt;
}

std::optional<Verdict> judge_uids(const dicom::Prescan& scan, const ObjectClaim& claim)
{
    struct Check {
        dicom::Tag tag;
        const std::string& value;
        const std::string* must_equal = nullptr;
    };
    const std::array<Check, 4> checks{
        Check{sop_class_tag, scan.sop_class, &claim.sop_class},
        Check{sop_instance_tag, scan.sop_instance, &claim.sop_instance},
        Check{study_tag, scan.study, nullptr}, Check{series_tag, scan.series, nullptr}};
    for (const auto& check : checks) {
        std::optional<Verdict> verdict;
        if (check.value.empty()) {
            verdict = refusal(status::bad_uid, "a UID is missing", "missing_uid");
        } else if (check.must_equal != nullptr && check.value != *check.must_equal) {
            verdict = refusal(status::mismatch, "data set and command disagree", "mismatch");
        } else if (!is_uid(check.value)) {
            verdict = refusal(status::bad_uid, "a UID is illegal", "illegal_uid");
        }
        if (verdict) {
            verdict->offending = check.tag;
            return verdict;
        }
    }
    return std::nullopt;
}

Verdict store_failure(int error_number)
{
    switch (error_number) {
    case ENOSPC:
    case EDQUOT: return no_room("no space left on the archive");
    case EROFS: return no_room("the archive is read-only");
    default: return no_room("the archive cannot be written");
    }
}

/// Everything behind the pre-scan. Throws what storing throws.
Verdict judge_and_store(Archive& archive, PartFile& part, const ObjectClaim& claim,
                        const ReceiverPeer& peer)
{
    dicom::Prescan scan;
    try {
        const auto held = part.held();
        scan = held ? dicom::prescan(*held) : dicom::prescan(part.fd());
    } catch (const Error& e) {
        if (e.fault() != Fault::data) {
            throw;
        }
        auto verdict = refusal(status::unparsable, "the data set cannot be read", "unparsable");
        verdict.detail = e.what();
        return verdict;
    }
    if (auto refused = judge_uids(scan, claim)) {
        refused->study = is_uid(scan.study) ? scan.study : "";
        return *refused;
    }
    Verdict verdict;
    verdict.study = scan.study;
    const ArchivedObject object{StudyUid{scan.study}, SeriesUid{scan.series},
                                SopInstanceUid{scan.sop_instance}, std::move(scan)};
    verdict.stored = archive.store(part, object, peer);
    return verdict;
}

} // namespace

Verdict no_room(std::string_view comment)
{
    return refusal(status::out_of_resources, comment, "no_room");
}

Verdict take_in(Archive& archive, PartFile& part, const ObjectClaim& claim,
                std::string_view abstract_syntax, const ReceiverPeer& peer)
{
    if (!part.held()) {
        part.flush(); // too long to be judged from memory
    }
    if (part.error_number() != 0) {
        return store_failure(part.error_number());
    }
    try {
        if (auto refused = judge_claim(claim, abstract_syntax)) {
            return *refused;
        }
        return judge_and_store(archive, part, claim, peer);
    } catch (const Error& e) {
        auto verdict = store_failure(part.error_number());
        verdict.detail = e.what();
        return verdict;
    }
}

} // namespace fiona::pacs
