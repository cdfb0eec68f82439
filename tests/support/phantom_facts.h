// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/phantom.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace phantom {

/// What all objects of one study share.
struct Facts {
    Patient patient;
    Charset charset = Charset::ascii;
    unsigned seed = 0;
    std::string study, frame_of_reference, referenced_study, performed_step, device_uid;
    std::string date, time; ///< of the study
    std::string accession, other_id, admission, issuer, insurance;
    std::string institution, institution_address, department, station, device_serial;
    std::string referring, performing, reading, requesting, operators;
    std::string telephone, patient_address, birth_name, mothers_birth_name;
};

[[nodiscard]] Facts make_facts(Patient patient, unsigned seed, Charset charset);
[[nodiscard]] Identity identity_of(const Facts& facts);

/// One item or data set being filled; text is converted from UTF-8 to the study's character set.
class Writer {
public:
    Writer(DcmItem& item, Charset charset) : m_item{item}, m_charset{charset} {}

    /// The VR comes from the dictionary. Several values are separated by `\`.
    Writer& text(const DcmTagKey& tag, std::string_view utf8);
    Writer& text(const DcmTagKey& tag, DcmEVR vr, std::string_view utf8);
    Writer& number(const DcmTagKey& tag, std::uint16_t value);
    Writer& bytes(const DcmTagKey& tag, DcmEVR vr, std::span<const std::uint8_t> bytes);
    /// Appends an item to a sequence of this one.
    [[nodiscard]] Writer item(const DcmTag& sequence);
    /// Appends an item with code value, scheme and meaning.
    Writer& code(const DcmTagKey& sequence, const char* value, const char* scheme,
                 const char* meaning);
    /// Appends an item with (0008,1150) and (0008,1155).
    Writer& reference(const DcmTagKey& sequence, const std::string& sop_class,
                      const std::string& uid);

    [[nodiscard]] DcmItem& dcmtk() { return m_item; }

private:
    DcmItem& m_item;
    Charset m_charset;
};

struct Instance {
    std::string modality;
    std::string sop_class;
    std::string series;
    std::string uid;
    std::string description;
    unsigned series_number = 1;
    unsigned number = 1; ///< of the instance
};

/// Patient, study, series, equipment, request and SOP common modules.
void put_header(Writer& writer, const Facts& facts, const Instance& instance);
/// Groups 0019, 0029, 0051 as Siemens writes them, and 0071 of an unknown creator.
void put_siemens_groups(Writer& writer, const Facts& facts, std::size_t csa_bytes);

struct Reference {
    std::string series;
    std::string sop_class;
    std::string uid;
};
void put_report_content(Writer& writer, const Facts& facts, const std::vector<Reference>& images);
void put_presentation_content(Writer& writer, const Facts& facts, const Reference& image);

} // namespace phantom
