// SPDX-License-Identifier: MIT
#include "libfiona/wsi/dicom_header.h"
#include "libfiona/wsi/dicom_items.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>

namespace fiona::wsi {

namespace {

// PS3.16 TID 8001 to 8003. Some codes are of the retired SNOMED RT: archives in use look for these.
const Code& specimen_identifier()
{
    static const Code code{"121041", "DCM", "Specimen Identifier"};
    return code;
}

DcmItem text_content(const Code& name, const std::string& text)
{
    DcmItem content;
    put_text(content, DCM_ValueType, "TEXT", 16);
    put_code(content, DCM_ConceptNameCodeSequence, name);
    put_text(content, DCM_TextValue, text.empty() ? "unknown" : text, 1024);
    return content;
}

DcmItem code_content(const Code& name, const Code& value)
{
    DcmItem content;
    put_text(content, DCM_ValueType, "CODE", 16);
    put_code(content, DCM_ConceptNameCodeSequence, name);
    put_code(content, DCM_ConceptCodeSequence, value);
    return content;
}

DcmItem step(const std::vector<DcmItem>& contents)
{
    DcmItem item;
    put_sequence(item, DCM_SpecimenPreparationStepContentItemSequence, contents);
    return item;
}

Code processing_type()
{
    return {"111701", "DCM", "Processing type"};
}

bool is_code(const std::string& text)
{
    return !text.empty() && text.size() <= 16
           && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

DcmItem sampling(const SlideRecord& record, const std::string& identifier)
{
    const auto specimen = coded_name(record.specimen).name;
    return step(
        {text_content(specimen_identifier(), identifier),
         code_content(processing_type(), {"P3-4000A", "SRT", "Sampling of tissue specimen"}),
         text_content({"111709", "DCM", "Location of sampling site"},
                      specimen + ", block " + record.block_nr)});
}

DcmItem staining(const SlideRecord& record, const std::string& identifier)
{
    const auto stain = coded_name(record.stain);
    std::vector<DcmItem> contents{text_content(specimen_identifier(), identifier),
                                  code_content(processing_type(), {"P3-00003", "SRT", "Staining"}),
                                  text_content({"F-61D98", "SRT", "Stain"}, stain.name)};
    if (is_code(stain.code)) {
        contents.push_back(
            code_content({"424361007", "SCT", "Using substance"},
                         {stain.code, "SCT", stain.name.empty() ? "Stain" : stain.name}));
    }
    return step(contents);
}

/// Of the glass: every part that tells one from another.
std::string container_identifier(const SlideRecord& record)
{
    std::string text = record.record_id;
    for (const auto* part :
         {&record.block_nr, &record.biopsy_nr, &record.slide_nr, &record.slide_id}) {
        if (!part->empty()) {
            text += "_" + *part;
        }
    }
    return text;
}

} // namespace

void put_specimen(DcmItem& item, const SlideHeader& header)
{
    const auto& record = header.record;
    const auto identifier = container_identifier(record);
    put_text(item, DCM_ContainerIdentifier, identifier, 64);
    put_sequence(item, DCM_IssuerOfTheContainerIdentifierSequence, {});
    put_code(item, DCM_ContainerTypeCodeSequence, {"433466003", "SCT", "Microscope slide"});

    DcmItem specimen;
    put_text(specimen, DCM_SpecimenIdentifier, identifier, 64);
    put_sequence(specimen, DCM_IssuerOfTheSpecimenIdentifierSequence, {});
    put_text(specimen, DCM_SpecimenUID, header.uids.specimen, 64);
    const auto name = coded_name(record.specimen);
    if (!name.name.empty()) {
        put_text(specimen, DCM_SpecimenShortDescription, name.name, 64);
    }
    if (is_code(name.code)) {
        put_code(specimen, DCM_PrimaryAnatomicStructureSequence,
                 {name.code, "SCT", name.name.empty() ? "Specimen" : name.name});
    }
    put_sequence(specimen, DCM_SpecimenPreparationSequence,
                 {sampling(record, identifier), staining(record, identifier)});
    put_sequence(item, DCM_SpecimenDescriptionSequence, {specimen});
}

} // namespace fiona::wsi
