// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/check.h"
#include "tests/support/phantom_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <memory>

namespace phantom {

using fiona::dicom::check;

namespace {

constexpr std::string_view uid_root = "1.2.826.0.1.3680043.10.999.";

std::string latin1(std::string_view utf8)
{
    std::string result;
    for (std::size_t i = 0; i < utf8.size(); ++i) {
        const auto byte = static_cast<unsigned char>(utf8[i]);
        if (byte == 0xc2 || byte == 0xc3) {
            result += static_cast<char>(((byte & 0x03U) << 6U)
                                        | (static_cast<unsigned char>(utf8[++i]) & 0x3fU));
        } else if (byte < 0x80) {
            result += utf8[i];
        } else {
            throw std::runtime_error{"this name does not fit into ISO_IR 100"};
        }
    }
    return result;
}

Charset fitting_charset(std::string_view utf8)
{
    auto result = Charset::ascii;
    for (const char c : utf8) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte > 0xc3) {
            return Charset::utf8;
        }
        if (byte >= 0x80) {
            result = Charset::latin1;
        }
    }
    return result;
}

/// Eighteen digits, the first of them not zero.
std::string digits(const fiona::Sha256Digest& digest, std::size_t offset)
{
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) {
        value = (value << 8U) | std::to_integer<std::uint64_t>(digest.at(offset + i));
    }
    constexpr std::uint64_t ten_to_17 = 100'000'000'000'000'000U;
    return fmt::format("{}", ten_to_17 + value % (9 * ten_to_17));
}

unsigned hash_below(std::string_view seed, std::string_view what, unsigned limit)
{
    const auto digest = fiona::sha256(fmt::format("{}/{}", seed, what));
    return (std::to_integer<unsigned>(digest[0]) << 8U | std::to_integer<unsigned>(digest[1]))
           % limit;
}

/// No telephone directory has these.
std::string person(std::string_view seed, const std::string& role, Charset charset)
{
    constexpr std::array plain{"Kvistholten", "Ramstjernet", "Ulvedalsli",
                               "Tverrlinden", "Grimsbotten", "Havrestrand"};
    constexpr std::array accented{"Kvistbråten", "Ramstjørnet", "Ulvedølsli",
                                  "Tverrlåtten", "Grimsbøtten", "Hævrestrand"};
    constexpr std::array given{"Torvaldine", "Ingelinda", "Asbjorga", "Hallgrimus", "Sigtrygge"};
    const auto family = hash_below(seed, role + "/family", plain.size());
    return fmt::format("{}^{}", charset == Charset::ascii ? plain.at(family) : accented.at(family),
                       given.at(hash_below(seed, role + "/given", given.size())));
}

void put_patient(Writer& writer, const Facts& facts)
{
    const auto& patient = facts.patient;
    writer.text(DCM_PatientName, patient.name)
        .text(DCM_PatientID, patient.id)
        .text(DCM_IssuerOfPatientID, facts.issuer)
        .text(DCM_PatientBirthDate, patient.birth_date)
        .text(DCM_PatientBirthTime, "061500")
        .text(DCM_PatientSex, patient.sex)
        .text(DCM_RETIRED_OtherPatientIDs, facts.other_id)
        .text(DCM_OtherPatientNames, facts.birth_name)
        .text(DCM_PatientBirthName, facts.birth_name)
        .text(DCM_PatientMotherBirthName, facts.mothers_birth_name)
        .text(DCM_PatientAge, "053Y")
        .text(DCM_PatientSize, "1.71")
        .text(DCM_PatientWeight, "70.5")
        .text(DCM_PatientAddress, facts.patient_address)
        .text(DCM_RETIRED_InsurancePlanIdentification, facts.insurance)
        .text(DCM_PatientTelephoneNumbers, facts.telephone)
        .text(DCM_EthnicGroup, "unknown")
        .text(DCM_Occupation, "lamplighter")
        .text(DCM_AdditionalPatientHistory, fmt::format("Seen before as {}", patient.id))
        .text(DCM_PatientComments, fmt::format("Patient {} wants a copy", patient.name))
        .text(DCM_PatientIdentityRemoved, "NO");
    auto other = writer.item(DCM_OtherPatientIDsSequence);
    other.text(DCM_PatientID, facts.other_id)
        .text(DCM_IssuerOfPatientID, facts.issuer)
        .text(DCM_TypeOfPatientID, "TEXT");
}

void put_study(Writer& writer, const Facts& facts)
{
    writer.text(DCM_StudyInstanceUID, facts.study)
        .text(DCM_StudyDate, facts.date)
        .text(DCM_StudyTime, facts.time)
        .text(DCM_StudyID, "1")
        .text(DCM_AccessionNumber, facts.accession)
        .text(DCM_StudyDescription, "Synthetic examination")
        .text(DCM_ReferringPhysicianName, facts.referring)
        .text(DCM_ReferringPhysicianAddress, facts.institution_address)
        .text(DCM_ReferringPhysicianTelephoneNumbers, facts.telephone)
        .text(DCM_PhysiciansOfRecord, facts.referring)
        .text(DCM_NameOfPhysiciansReadingStudy, facts.reading)
        .text(DCM_RequestingPhysician, facts.requesting)
        .text(DCM_RETIRED_StudyComments, fmt::format("Compare {}", facts.patient.name))
        .text(DCM_AdmissionID, facts.admission)
        .text(DCM_CurrentPatientLocation, facts.department)
        .reference(DCM_ReferencedStudySequence, UID_RETIRED_DetachedStudyManagementSOPClass,
                   facts.referenced_study);
}

void put_equipment(Writer& writer, const Facts& facts)
{
    writer.text(DCM_Manufacturer, "SIEMENS")
        .text(DCM_ManufacturerModelName, "Phantom")
        .text(DCM_SoftwareVersions, "syngo MR E11")
        .text(DCM_InstitutionName, facts.institution)
        .text(DCM_InstitutionAddress, facts.institution_address)
        .text(DCM_InstitutionalDepartmentName, facts.department)
        .text(DCM_StationName, facts.station)
        .text(DCM_DeviceSerialNumber, facts.device_serial)
        .text(DCM_DeviceUID, facts.device_uid)
        .text(DCM_PerformingPhysicianName, facts.performing)
        .text(DCM_OperatorsName, facts.operators);
}

void put_request(Writer& writer, const Facts& facts)
{
    writer.text(DCM_PerformedProcedureStepStartDate, facts.date)
        .text(DCM_PerformedProcedureStepStartTime, facts.time)
        .text(DCM_PerformedProcedureStepID, facts.accession)
        .text(DCM_PerformedProcedureStepDescription, "Synthetic examination")
        .text(DCM_RequestedProcedureDescription, "Synthetic examination")
        .text(DCM_RequestedProcedureComments,
              fmt::format("{} / {}", facts.patient.name, facts.telephone))
        .reference(DCM_ReferencedPerformedProcedureStepSequence,
                   UID_ModalityPerformedProcedureStepSOPClass, facts.performed_step);
    auto request = writer.item(DCM_RequestAttributesSequence);
    request.text(DCM_RequestedProcedureID, facts.accession)
        .text(DCM_AccessionNumber, facts.accession)
        .text(DCM_StudyInstanceUID, facts.study)
        .text(DCM_ScheduledProcedureStepID, "SPS1")
        .text(DCM_ScheduledProcedureStepDescription, fmt::format("Head of {}", facts.patient.name))
        .text(DCM_RequestedProcedureDescription, "Synthetic examination")
        .code(DCM_ScheduledProtocolCodeSequence, "X1", "99LOCAL", "Synthetic protocol");
}

/// `text` as it is, and its parts of four letters or more: a leak is rarely the whole value.
void add_words(std::vector<std::string>& values, const std::string& text)
{
    values.push_back(text);
    auto blanks = text;
    std::ranges::replace(blanks, '^', ' ');
    for (const auto word : fiona::split(blanks, ' ')) {
        const auto letters = std::ranges::count_if(
            word, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; });
        if (letters >= 4 && word != text) {
            values.emplace_back(word);
        }
    }
}

} // namespace

std::string uid(unsigned seed, const std::string& what)
{
    const auto digest = fiona::sha256(fmt::format("{}/{}", seed, what));
    return fmt::format("{}{}{}", uid_root, digits(digest, 0), digits(digest, 8));
}

Facts make_facts(Patient patient, unsigned seed, Charset charset)
{
    Facts facts;
    facts.charset = charset == Charset::fitting ? fitting_charset(patient.name) : charset;
    facts.patient = std::move(patient);
    facts.seed = seed;
    for (const auto& [member, what] : {std::pair{&Facts::study, "study"},
                                       {&Facts::frame_of_reference, "frame of reference"},
                                       {&Facts::referenced_study, "referenced study"},
                                       {&Facts::performed_step, "performed step"},
                                       {&Facts::device_uid, "device"}}) {
        facts.*member = uid(seed, what);
    }
    const auto study_seed = fmt::format("{}", seed);
    const auto number = [&](std::string_view what, unsigned limit) {
        return hash_below(study_seed, what, limit);
    };
    const auto of_patient = [&](std::string_view what, unsigned limit) {
        return hash_below(facts.patient.id, what, limit); // the same in all studies of a patient
    };
    facts.date = fmt::format("2023{:02}{:02}", 1 + number("month", 12), 1 + number("day", 28));
    facts.time = fmt::format("{:02}{:02}12.345000", 7 + number("hour", 10), number("minute", 60));
    facts.accession = fmt::format("ACC{:05}{:04}", number("accession", 60000), seed % 10000);
    facts.other_id =
        fmt::format("NID{:05}{:05}", of_patient("id 1", 60000), of_patient("id 2", 60000));
    facts.admission = fmt::format("ADM{:05}{:04}", number("admission", 60000), seed % 10000);
    facts.issuer = "FJORDVIKA";
    facts.insurance = fmt::format("POLICY{:05}", of_patient("policy", 60000));
    facts.institution = "Fjordvika Sykehus";
    facts.institution_address = "Nordnesbakken 117, 5999 Fjordvika";
    facts.department = "Avdeling Havblikk";
    facts.station = fmt::format("FJVKMR{:04}", number("station", 10000));
    facts.device_serial =
        fmt::format("SN{:05}{:05}", number("serial 1", 60000), number("serial 2", 60000));
    facts.referring = person(study_seed, "referring", facts.charset);
    facts.performing = person(study_seed, "performing", facts.charset);
    facts.reading = person(study_seed, "reading", facts.charset);
    facts.requesting = person(study_seed, "requesting", facts.charset);
    facts.operators = person(study_seed, "operators", facts.charset);
    facts.telephone =
        fmt::format("+4700{:05}{:03}", of_patient("phone 1", 60000), of_patient("phone 2", 1000));
    facts.patient_address =
        fmt::format("Solsikkelia {}, 5999 Fjordvika", 100 + of_patient("house", 900));
    facts.birth_name = fmt::format("Solbergine^{}", fiona::split(facts.patient.name, '^').back());
    facts.mothers_birth_name = "Tindevolden";
    return facts;
}

Identity identity_of(const Facts& facts)
{
    Identity identity;
    add_words(identity["patient name"], facts.patient.name);
    for (const auto& name : {facts.birth_name, facts.mothers_birth_name}) {
        add_words(identity["patient name"], name);
    }
    for (const auto& name :
         {facts.referring, facts.performing, facts.reading, facts.requesting, facts.operators}) {
        add_words(identity["physician"], name);
    }
    const auto& born = facts.patient.birth_date;
    identity["birth date"] = {
        born, fmt::format("{}-{}-{}", born.substr(0, 4), born.substr(4, 2), born.substr(6)),
        fmt::format("{}.{}.{}", born.substr(6), born.substr(4, 2), born.substr(0, 4))};
    identity["patient id"] = {facts.patient.id, facts.other_id, facts.insurance};
    identity["accession number"] = {facts.accession, facts.admission};
    identity["institution"] = {facts.institution, facts.issuer, facts.institution_address,
                               facts.department};
    identity["address"] = {facts.patient_address, "Solsikkelia"};
    identity["telephone"] = {facts.telephone};
    identity["device"] = {facts.station, facts.device_serial};
    identity["uid"] = {facts.study, facts.frame_of_reference, facts.referenced_study,
                       facts.performed_step, facts.device_uid};
    return identity;
}

Writer& Writer::text(const DcmTagKey& tag, std::string_view utf8)
{
    return text(tag, DcmTag{tag}.getEVR(), utf8);
}

Writer& Writer::text(const DcmTagKey& tag, DcmEVR vr, std::string_view utf8)
{
    const auto encoded = m_charset == Charset::latin1 ? latin1(utf8) : std::string{utf8};
    DcmElement* made = nullptr;
    check(DcmItem::newDicomElementWithVR(made, DcmTag{tag, DcmVR{vr}}), "make an element");
    std::unique_ptr<DcmElement> element{made};
    check(element->putString(encoded.data(), static_cast<Uint32>(encoded.size())),
          fmt::format("set ({:04x},{:04x})", tag.getGroup(), tag.getElement()));
    check(m_item.insert(element.get(), true), "insert text");
    static_cast<void>(element.release()); // only now does DCMTK own it
    return *this;
}

Writer& Writer::number(const DcmTagKey& tag, std::uint16_t value)
{
    check(m_item.putAndInsertUint16(DcmTag{tag}, value), "insert a number");
    return *this;
}

Writer& Writer::bytes(const DcmTagKey& tag, DcmEVR vr, std::span<const std::uint8_t> bytes)
{
    check(m_item.putAndInsertUint8Array(DcmTag{tag, DcmVR{vr}}, bytes.data(), bytes.size()),
          "insert bytes");
    return *this;
}

Writer Writer::item(const DcmTag& sequence)
{
    constexpr long append = -2;
    DcmItem* added = nullptr;
    check(m_item.findOrCreateSequenceItem(sequence, added, append), "append an item");
    return Writer{*added, m_charset};
}

Writer& Writer::code(const DcmTagKey& sequence, const char* value, const char* scheme,
                     const char* meaning)
{
    item(sequence)
        .text(DCM_CodeValue, value)
        .text(DCM_CodingSchemeDesignator, scheme)
        .text(DCM_CodeMeaning, meaning);
    return *this;
}

Writer& Writer::reference(const DcmTagKey& sequence, const std::string& sop_class,
                          const std::string& uid)
{
    item(sequence)
        .text(DCM_ReferencedSOPClassUID, sop_class)
        .text(DCM_ReferencedSOPInstanceUID, uid);
    return *this;
}

void put_header(Writer& writer, const Facts& facts, const Instance& instance)
{
    if (facts.charset != Charset::ascii) {
        writer.text(DCM_SpecificCharacterSet,
                    facts.charset == Charset::latin1 ? "ISO_IR 100" : "ISO_IR 192");
    }
    writer.text(DCM_SOPClassUID, instance.sop_class)
        .text(DCM_SOPInstanceUID, instance.uid)
        .text(DCM_InstanceCreationDate, facts.date)
        .text(DCM_InstanceCreationTime, facts.time)
        .text(DCM_Modality, instance.modality)
        .text(DCM_SeriesInstanceUID, instance.series)
        .text(DCM_SeriesNumber, fmt::format("{}", instance.series_number))
        .text(DCM_SeriesDescription, instance.description)
        .text(DCM_ProtocolName, instance.description)
        .text(DCM_SeriesDate, facts.date)
        .text(DCM_SeriesTime, facts.time)
        .text(DCM_InstanceNumber, fmt::format("{}", instance.number))
        .text(DCM_ContentDate, facts.date)
        .text(DCM_ContentTime, facts.time);
    put_patient(writer, facts);
    put_study(writer, facts);
    put_equipment(writer, facts);
    put_request(writer, facts);
}

} // namespace phantom
