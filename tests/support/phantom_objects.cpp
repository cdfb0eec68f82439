// SPDX-License-Identifier: MIT
#include "tests/support/phantom_facts.h"

#include <fmt/format.h>

namespace phantom {

namespace {

/// One item of the content tree (PS3.3 §C.17.3).
Writer content_item(Writer& parent, const char* relationship, const char* type)
{
    auto item = parent.item(DCM_ContentSequence);
    item.text(DCM_RelationshipType, relationship).text(DCM_ValueType, type);
    return item;
}

void put_evidence(Writer& writer, const Facts& facts, const std::vector<Reference>& images)
{
    auto study = writer.item(DCM_CurrentRequestedProcedureEvidenceSequence);
    study.text(DCM_StudyInstanceUID, facts.study);
    for (const auto& image : images) {
        auto series = study.item(DCM_ReferencedSeriesSequence);
        series.text(DCM_SeriesInstanceUID, image.series);
        series.reference(DCM_ReferencedSOPSequence, image.sop_class, image.uid);
    }
}

} // namespace

void put_report_content(Writer& writer, const Facts& facts, const std::vector<Reference>& images)
{
    writer.text(DCM_CompletionFlag, "COMPLETE")
        .text(DCM_VerificationFlag, "UNVERIFIED")
        .text(DCM_ValueType, "CONTAINER")
        .text(DCM_ContinuityOfContent, "SEPARATE")
        .code(DCM_ConceptNameCodeSequence, "11528-7", "LN", "Radiology Report");
    static_cast<void>(writer.item(DCM_PerformedProcedureCodeSequence)
                          .text(DCM_CodeValue, "X1")
                          .text(DCM_CodingSchemeDesignator, "99LOCAL")
                          .text(DCM_CodeMeaning, "Synthetic protocol"));
    put_evidence(writer, facts, images);

    auto observer = content_item(writer, "HAS OBS CONTEXT", "PNAME");
    observer.code(DCM_ConceptNameCodeSequence, "121008", "DCM", "Person Observer Name")
        .text(DCM_PersonName, facts.reading);
    auto subject = content_item(writer, "HAS OBS CONTEXT", "UIDREF");
    subject.code(DCM_ConceptNameCodeSequence, "121028", "DCM", "Subject UID")
        .text(DCM_UID, facts.referenced_study);
    auto finding = content_item(writer, "CONTAINS", "TEXT");
    finding.code(DCM_ConceptNameCodeSequence, "121071", "DCM", "Finding")
        .text(DCM_TextValue, fmt::format("{}, born {}, was examined at {}. No finding. Signed {}.",
                                         facts.patient.name, facts.patient.birth_date,
                                         facts.institution, facts.reading));
    for (const auto& image : images) {
        auto item = content_item(writer, "CONTAINS", "IMAGE");
        item.reference(DCM_ReferencedSOPSequence, image.sop_class, image.uid);
    }
}

void put_presentation_content(Writer& writer, const Facts& facts, const Reference& image)
{
    writer.text(DCM_ContentLabel, "PHANTOM")
        .text(DCM_ContentDescription, fmt::format("Marks for {}", facts.patient.name))
        .text(DCM_PresentationCreationDate, facts.date)
        .text(DCM_PresentationCreationTime, facts.time)
        .text(DCM_ContentCreatorName, facts.reading)
        .text(DCM_PresentationLUTShape, "IDENTITY");
    auto series = writer.item(DCM_ReferencedSeriesSequence);
    series.text(DCM_SeriesInstanceUID, image.series);
    series.reference(DCM_ReferencedImageSequence, image.sop_class, image.uid);

    auto area = writer.item(DCM_DisplayedAreaSelectionSequence);
    area.reference(DCM_ReferencedImageSequence, image.sop_class, image.uid)
        .text(DCM_DisplayedAreaTopLeftHandCorner, "1\\1")
        .text(DCM_DisplayedAreaBottomRightHandCorner, "64\\64")
        .text(DCM_PresentationSizeMode, "SCALE TO FIT")
        .text(DCM_PresentationPixelSpacing, "0.9\\0.9");

    auto annotation = writer.item(DCM_GraphicAnnotationSequence);
    annotation.reference(DCM_ReferencedImageSequence, image.sop_class, image.uid)
        .text(DCM_GraphicLayer, "NOTES");
    auto text = annotation.item(DCM_TextObjectSequence);
    text.text(DCM_AnchorPointAnnotationUnits, "PIXEL")
        .text(DCM_UnformattedTextValue, fmt::format("{} {}", facts.patient.name, facts.patient.id))
        .text(DCM_AnchorPoint, "10\\10")
        .text(DCM_AnchorPointVisibility, "N");
    auto layer = writer.item(DCM_GraphicLayerSequence);
    layer.text(DCM_GraphicLayer, "NOTES").text(DCM_GraphicLayerOrder, "1");
}

} // namespace phantom
