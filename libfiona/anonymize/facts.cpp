// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/facts.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/anonymize/date_shift.h"
#include "libfiona/anonymize/fold.h"
#include "libfiona/anonymize/rules.h"
#include "libfiona/anonymize/text_encoding.h"
#include "libfiona/anonymize/uid_map.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <set>

namespace fiona::anonymize {

namespace {

using std::chrono::year_month_day;

struct Origin {
    Tag tag;
    IdentityKind kind = IdentityKind::name;
};

/// Where identifiers stand that are no PN: those are names wherever they are. Sorted.
constexpr std::array<Origin, 54> origins{{
    {{0x0008, 0x0050}, IdentityKind::identifier}, // AccessionNumber
    {{0x0008, 0x0080}, IdentityKind::place},      // InstitutionName
    {{0x0008, 0x0081}, IdentityKind::place},      // InstitutionAddress
    {{0x0008, 0x0092}, IdentityKind::place},      // ReferringPhysicianAddress
    {{0x0008, 0x0094}, IdentityKind::contact},    // ReferringPhysicianTelephoneNumbers
    {{0x0008, 0x1010}, IdentityKind::place},      // StationName
    {{0x0008, 0x1040}, IdentityKind::place},      // InstitutionalDepartmentName
    {{0x0010, 0x0020}, IdentityKind::identifier}, // PatientID
    {{0x0010, 0x0030}, IdentityKind::date},       // PatientBirthDate
    {{0x0010, 0x1000}, IdentityKind::identifier}, // OtherPatientIDs
    {{0x0010, 0x1040}, IdentityKind::place},      // PatientAddress
    {{0x0010, 0x1050}, IdentityKind::identifier}, // InsurancePlanIdentification
    {{0x0010, 0x1090}, IdentityKind::identifier}, // MedicalRecordLocator
    {{0x0010, 0x2154}, IdentityKind::contact},    // PatientTelephoneNumbers
    {{0x0010, 0x2155}, IdentityKind::contact},    // PatientTelecomInformation
    {{0x0010, 0x2299}, IdentityKind::place},      // ResponsibleOrganization
    {{0x0012, 0x0031}, IdentityKind::place},      // ClinicalTrialSiteName
    {{0x0012, 0x0040}, IdentityKind::identifier}, // ClinicalTrialSubjectID
    {{0x0012, 0x0042}, IdentityKind::identifier}, // ClinicalTrialSubjectReadingID
    {{0x0012, 0x0060}, IdentityKind::place},      // ClinicalTrialCoordinatingCenterName
    {{0x0018, 0x1000}, IdentityKind::identifier}, // DeviceSerialNumber
    {{0x0020, 0x0010}, IdentityKind::identifier}, // StudyID
    {{0x0032, 0x1033}, IdentityKind::place},      // RequestingService
    {{0x0038, 0x0010}, IdentityKind::identifier}, // AdmissionID
    {{0x0038, 0x001e}, IdentityKind::place},      // ScheduledPatientInstitutionResidence
    {{0x0038, 0x0060}, IdentityKind::identifier}, // ServiceEpisodeID
    {{0x0038, 0x0300}, IdentityKind::place},      // CurrentPatientLocation
    {{0x0038, 0x0400}, IdentityKind::place},      // PatientInstitutionResidence
    {{0x0040, 0x0009}, IdentityKind::identifier}, // ScheduledProcedureStepID
    {{0x0040, 0x0243}, IdentityKind::place},      // PerformedLocation
    {{0x0040, 0x0253}, IdentityKind::identifier}, // PerformedProcedureStepID
    {{0x0040, 0x0512}, IdentityKind::identifier}, // ContainerIdentifier
    {{0x0040, 0x0551}, IdentityKind::identifier}, // SpecimenIdentifier
    {{0x0040, 0x1001}, IdentityKind::identifier}, // RequestedProcedureID
    {{0x0040, 0x1005}, IdentityKind::place},      // RequestedProcedureLocation
    {{0x0040, 0x1102}, IdentityKind::place},      // PersonAddress
    {{0x0040, 0x1103}, IdentityKind::contact},    // PersonTelephoneNumbers
    {{0x0040, 0x1104}, IdentityKind::contact},    // PersonTelecomInformation
    {{0x0040, 0x2006}, IdentityKind::identifier}, // PlacerOrderNumber (retired)
    {{0x0040, 0x2007}, IdentityKind::identifier}, // FillerOrderNumber (retired)
    {{0x0040, 0x2009}, IdentityKind::place},      // OrderEntererLocation
    {{0x0040, 0x2010}, IdentityKind::contact},    // OrderCallbackPhoneNumber
    {{0x0040, 0x2011}, IdentityKind::contact},    // OrderCallbackTelecomInformation
    {{0x0040, 0x2016}, IdentityKind::identifier}, // PlacerOrderNumberImagingServiceRequest
    {{0x0040, 0x2017}, IdentityKind::identifier}, // FillerOrderNumberImagingServiceRequest
    {{0x0040, 0x4036}, IdentityKind::place},      // HumanPerformerOrganization
    {{0x0040, 0xa027}, IdentityKind::place},      // VerifyingOrganization
    {{0x2200, 0x0005}, IdentityKind::identifier}, // BarcodeValue
    {{0x3010, 0x001b}, IdentityKind::identifier}, // DeviceAlternateIdentifier
    {{0x4008, 0x0040}, IdentityKind::identifier}, // ResultsID
    {{0x4008, 0x0042}, IdentityKind::place},      // ResultsIDIssuer
    {{0x4008, 0x011a}, IdentityKind::place},      // DistributionAddress
    {{0x4008, 0x0200}, IdentityKind::identifier}, // InterpretationID
    {{0x4008, 0x0202}, IdentityKind::place},      // InterpretationIDIssuer
}};
static_assert(std::ranges::is_sorted(origins, {}, &Origin::tag));

/// Numbers that are only sometimes numbers ("MR HEAD" as a procedure's id): without a digit they
/// identify nobody.
constexpr std::array<Tag, 8> loose_numbers{{{0x0010, 0x1050},
                                            {0x0020, 0x0010},
                                            {0x0040, 0x0009},
                                            {0x0040, 0x0253},
                                            {0x0040, 0x1001},
                                            {0x2200, 0x0005},
                                            {0x4008, 0x0040},
                                            {0x4008, 0x0200}}};

std::optional<IdentityKind> kind_of(Tag tag, Vr vr)
{
    if (vr == Vr{"PN"}) {
        return IdentityKind::name;
    }
    const auto* const at = std::ranges::lower_bound(origins, tag, {}, &Origin::tag);
    return at == origins.end() || at->tag != tag ? std::nullopt : std::optional{at->kind};
}

/// "SN", "1.5T", "1234" and "000000" are in many texts and tell no device from another.
bool is_serial_number(std::string_view value)
{
    constexpr std::size_t least = 5;
    constexpr std::size_t least_different = 3;
    std::string folded = fold_text(value);
    std::erase_if(folded, [](char c) { return !is_word_letter(c) && !is_digit(c); });
    const std::set<char> different{folded.begin(), folded.end()};
    return folded.size() >= least && different.size() >= least_different
           && std::ranges::any_of(folded, is_digit);
}

bool is_useful(Tag tag, std::string_view value)
{
    if (tag == Tag{0x0018, 0x1000}) {
        return is_serial_number(value);
    }
    const bool loose = std::ranges::find(loose_numbers, tag) != loose_numbers.end();
    return !loose || value.find_first_of("0123456789") != std::string_view::npos;
}

void add_values(IdentityCollector& identity, IdentityKind kind, Tag tag, std::string_view text)
{
    for (const auto part : split(text, '\\')) {
        const auto value = trimmed(part);
        if (value.empty() || !is_useful(tag, value)) {
            continue;
        }
        if (kind == IdentityKind::date) {
            if (const auto day = day_of(value)) {
                identity.add_date(*day);
            }
        } else {
            identity.add(kind, value);
        }
    }
}

bool is_study_day(Tag tag)
{
    return tag.group == 0x0008
           && ((tag.element >= 0x0020 && tag.element <= 0x0023) || tag.element == 0x002a);
}

void keep_newest(std::optional<year_month_day>& newest, year_month_day day)
{
    newest = newest ? std::max(*newest, day) : day;
}

} // namespace

void Facts::add(const Item& root, const Profile& profile)
{
    add_item(root, "", profile);
    const auto* const study = root.find({0x0020, 0x000d});
    auto& dates = studies[study == nullptr ? std::string{} : std::string{trimmed(study->stored)}];
    for (const auto& element : root.elements) {
        if (!is_study_day(element.tag) || element.is_sequence) {
            continue;
        }
        if (const auto day = day_of(trimmed(element.stored))) {
            keep_newest(
                element.tag.element == 0x0020 ? dates.newest_study_date : dates.newest_other, *day);
        }
    }
}

void Facts::add_dates(const Element& element)
{
    for (const auto part : split(trimmed(element.stored), '\\')) {
        for (const auto piece : split(part, '-')) {
            const auto day = day_of(piece);
            if (!day) {
                continue;
            }
            days.insert(*day);
            if (is_study_day(element.tag) || element.tag == Tag{0x0010, 0x0030}) {
                identity.add_date(*day);
            }
        }
    }
}

void Facts::add_uids(const Element& element, const Profile& profile)
{
    const auto* const row = is_private(element.tag) ? nullptr : profile.find(element.tag);
    // A profile may keep other UIDs; those of study, series and instance identify always.
    const bool is_kept = row != nullptr && row->rule.action == Action::keep
                         && !is_instance_place({element.tag.group, element.tag.element});
    if (is_kept || !uid_names_instance(element.tag)) {
        return;
    }
    for (const auto uid : split(trimmed(element.stored), '\\')) {
        if (!is_standard_uid(trimmed(uid))) {
            identity.add_uid(trimmed(uid));
        }
    }
}

void Facts::add_item(const Item& item, std::string_view around, const Profile& profile)
{
    const auto declared = declared_charset(item, around);
    std::optional<Charset> charset; // made when it is needed
    for (const auto& element : item.elements) {
        for (const auto& nested : element.items) {
            add_item(nested, declared, profile);
        }
        const auto bare = trimmed(element.stored);
        if (element.is_sequence || bare.empty()) {
            continue;
        }
        const auto vr = effective_vr(element);
        if (vr == Vr{"SQ"}) { // hidden in VR UN
            const auto items = read_unknown_sequence(element.stored);
            for (const auto& nested : items.value_or(std::vector<Item>{})) {
                add_item(nested, declared, profile);
            }
        } else if (vr == Vr{"DA"} || vr == Vr{"DT"}) {
            add_dates(element);
        } else if (vr == Vr{"UI"}) {
            add_uids(element, profile);
        } else if (const auto kind = kind_of(element.tag, vr)) {
            if (!charset) {
                charset.emplace(declared);
            }
            // What is declared may be a lie: both readings identify.
            add_values(identity, *kind, element.tag, charset->decode(bare, vr).utf8);
            if (!is_ascii(bare)) {
                add_values(identity, *kind, element.tag,
                           is_utf8(bare) ? std::string{bare} : utf8_from_latin1(bare));
            }
        }
    }
}

void Facts::add(const json::Value& given)
{
    if (given.is_array()) {
        for (const auto& value : given.array()) {
            if (value.is_string()) {
                if (const auto day = day_of(value.string())) {
                    identity.add_date(*day);
                }
                if (is_uid(value.string())) {
                    identity.add_uid(value.string());
                } else {
                    identity.add(IdentityKind::given, value.string());
                }
            } else {
                add(value);
            }
        }
    } else if (given.is_object()) {
        for (const auto& [key, value] : given.object()) {
            const auto tag = Attributes::standard().tag_of(key);
            const auto* const known = tag ? Attributes::standard().find(*tag) : nullptr;
            const auto kind = known == nullptr ? std::nullopt : kind_of(known->tag, known->vr);
            if (value.is_string() && kind) {
                add_values(identity, *kind, known->tag, value.string());
            } else if (value.is_string() && known != nullptr && known->vr == Vr{"UI"}) {
                identity.add_uid(is_standard_uid(value.string()) ? "" : value.string());
            } else {
                add(value);
            }
        }
    }
}

void Facts::merge(Facts&& other)
{
    identity.merge(std::move(other.identity));
    days.merge(other.days);
    for (const auto& [study, dates] : other.studies) {
        auto& ours = studies[study];
        if (dates.newest_study_date) {
            keep_newest(ours.newest_study_date, *dates.newest_study_date);
        }
        if (dates.newest_other) {
            keep_newest(ours.newest_other, *dates.newest_other);
        }
    }
}

} // namespace fiona::anonymize
