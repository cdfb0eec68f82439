// SPDX-License-Identifier: MIT
#include "libfiona/pixel/header_changes.h"
#include "tests/unit/pixel/pictures.h"

#include <catch2/catch.hpp>

using namespace fiona::pixel;

TEST_CASE("overlays, curves, icons and pixels inside sequences are removed, the rest stays")
{
    DcmDataset data;
    pictures::describe(data, {});
    const std::vector<Uint8> some(8, 1);
    data.putAndInsertUint16(DcmTag{0x6000, 0x0010, EVR_US}, 8);
    data.putAndInsertUint8Array(DcmTag{0x6002, 0x3000, EVR_OB}, some.data(), some.size());
    data.putAndInsertUint8Array(DcmTag{0x5000, 0x3000, EVR_OB}, some.data(), some.size());
    DcmItem* icon = nullptr;
    REQUIRE(data.findOrCreateSequenceItem(DCM_IconImageSequence, icon, 0).good());
    icon->putAndInsertUint16(DCM_Rows, 64);
    DcmItem* outer = nullptr;
    DcmItem* inner = nullptr;
    REQUIRE(data.findOrCreateSequenceItem(DCM_ReferencedImageSequence, outer, 0).good());
    REQUIRE(outer->findOrCreateSequenceItem(DCM_PurposeOfReferenceCodeSequence, inner, 0).good());
    inner->putAndInsertUint8Array(DCM_PixelData, some.data(), some.size());
    DcmItem* harmless = nullptr;
    REQUIRE(data.findOrCreateSequenceItem(DCM_ReferencedStudySequence, harmless, 0).good());
    harmless->putAndInsertString(DCM_ReferencedSOPInstanceUID, "1.2");

    CHECK(remove_other_pictures(data));

    CHECK_FALSE(data.tagExists(DcmTagKey{0x6000, 0x0010}));
    CHECK_FALSE(data.tagExists(DcmTagKey{0x6002, 0x3000}));
    CHECK_FALSE(data.tagExists(DcmTagKey{0x5000, 0x3000}));
    CHECK_FALSE(data.tagExists(DCM_IconImageSequence));
    CHECK_FALSE(data.tagExists(DCM_ReferencedImageSequence));
    CHECK(data.tagExists(DCM_ReferencedStudySequence));
    CHECK(data.tagExists(DCM_Rows));
    CHECK_FALSE(remove_other_pictures(data));
}

TEST_CASE("an overlay in unused bits is noticed and cleared")
{
    DcmDataset data;
    pictures::describe(data, {.bits_allocated = 16, .bits_stored = 12});
    CHECK_FALSE(has_embedded_overlay(data));
    data.putAndInsertUint16(DcmTag{0x6000, 0x0102, EVR_US}, 12);
    CHECK(has_embedded_overlay(data));
    data.putAndInsertUint8Array(DcmTag{0x6000, 0x3000, EVR_OB}, nullptr, 0);
    CHECK(has_embedded_overlay(data));
    const std::vector<Uint8> drawn(8, 1);
    data.putAndInsertUint8Array(DcmTag{0x6000, 0x3000, EVR_OB}, drawn.data(), drawn.size());
    CHECK(has_embedded_overlay(data));
    data.putAndInsertUint16(DcmTag{0x6000, 0x0102, EVR_US}, 0);
    CHECK_FALSE(has_embedded_overlay(data));
    PixelLayout layout{
        .rows = 1, .columns = 2, .bits_allocated = 16, .bits_stored = 12, .high_bit = 11};
    Frame frame{layout, {0x34, 0xf2, 0xff, 0x18}};

    clear_unused_bits(frame);

    CHECK(frame.samples == Bytes{0x34, 0x02, 0xff, 0x08});
    frame.layout.is_signed = true; // the sign goes on to the left
    clear_unused_bits(frame);
    CHECK(frame.samples == Bytes{0x34, 0x02, 0xff, 0xf8});
}

TEST_CASE("cleanness is declared once")
{
    DcmDataset data;
    pictures::describe(data, {});

    declare_clean(data, PixelsWere::masked);
    declare_clean(data, PixelsWere::masked);

    DcmSequenceOfItems* codes = nullptr;
    REQUIRE(data.findAndGetSequence(DCM_DeidentificationMethodCodeSequence, codes).good());
    CHECK(codes->card() == 1);
    OFString text;
    REQUIRE(data.findAndGetOFStringArray(DCM_DeidentificationMethod, text).good());
    CHECK(text.find('\\') == OFString_npos);
}
