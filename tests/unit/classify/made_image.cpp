// SPDX-License-Identifier: MIT
#include "tests/unit/classify/made_image.h"

#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <cstring>

using namespace fiona;

dicom::Header made_image(Attributes attributes, const std::function<void(DcmDataset&)>& change)
{
    static const TempDir scratch;
    static unsigned count = 0;
    const auto file = scratch.path / fmt::format("image{}", ++count);
    attributes.merge(Attributes{{"0008,0018", sop_uid(1, 1)}, {"0020,000e", series_uid(1)}});
    write_image(file, attributes);
    if (change) {
        DcmFileFormat format;
        REQUIRE(format.loadFile(file.c_str()).good());
        change(*format.getDataset());
        REQUIRE(format.saveFile(file.c_str(), EXS_LittleEndianExplicit).good());
    }
    return dicom::Header::read(file);
}

void put_bytes(DcmItem& item, dicom::Tag tag, BytesVr vr, const std::vector<std::byte>& bytes)
{
    auto element = std::make_unique<DcmOtherByteOtherWord>(
        DcmTag{tag.group, tag.element, vr == BytesVr::ob ? EVR_OB : EVR_UN});
    std::vector<Uint8> values(bytes.size());
    std::memcpy(values.data(), bytes.data(), bytes.size());
    REQUIRE(element->putUint8Array(values.data(), values.size()).good());
    REQUIRE(item.insert(element.release(), true).good());
}

std::vector<std::byte> bytes_of(std::string_view text)
{
    std::vector<std::byte> bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    return bytes;
}

DcmItem& add_item(DcmItem& parent, dicom::Tag sequence)
{
    const DcmTag tag{sequence.group, sequence.element, EVR_SQ};
    DcmElement* found = nullptr;
    if (parent.findAndGetElement(tag, found).bad()) {
        found = std::make_unique<DcmSequenceOfItems>(tag).release();
        REQUIRE(parent.insert(found).good());
    }
    auto* const list = dynamic_cast<DcmSequenceOfItems*>(found);
    REQUIRE(list != nullptr);
    auto* const item = std::make_unique<DcmItem>().release();
    REQUIRE(list->append(item).good());
    return *item;
}

void put_text(DcmItem& item, dicom::Tag tag, std::string_view vr, const std::string& text)
{
    const DcmVR kind{std::string{vr}.c_str()};
    REQUIRE(item.putAndInsertString(DcmTag{tag.group, tag.element, kind}, text.c_str()).good());
}
