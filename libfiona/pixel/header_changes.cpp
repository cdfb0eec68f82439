// SPDX-License-Identifier: MIT
#include "libfiona/pixel/header_changes.h"

#include "libfiona/dicom/check.h"
#include "libfiona/dicom/pixel_element.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::pixel {

namespace {

using dicom::check;

constexpr const char* method = "fiona: burned-in text masked";

bool is_picture_group(std::uint16_t group)
{
    constexpr std::uint16_t last_repeated = 0x1e;
    return (group & 1U) == 0
           && ((group >= 0x5000 && group <= 0x5000 + last_repeated)
               || (group >= 0x6000 && group <= 0x6000 + last_repeated));
}

bool is_pixel_data(const DcmObject& object)
{
    const DcmTagKey key{object.getGTag(), object.getETag()};
    return key == DCM_PixelData || key == DCM_FloatPixelData || key == DCM_DoubleFloatPixelData;
}

/// Pixel data, overlays or curves anywhere below.
bool holds_picture(DcmObject& object)
{
    std::vector<DcmObject*> open{&object};
    while (!open.empty()) {
        auto* const container = open.back();
        open.pop_back();
        for (auto* child = container->nextInContainer(nullptr); child != nullptr;
             child = container->nextInContainer(child)) {
            if (is_pixel_data(*child) || is_picture_group(child->getGTag())) {
                return true;
            }
            if (!child->isLeaf()) {
                open.push_back(child);
            }
        }
    }
    return false;
}

/// DCMTK gives what is taken out to the caller.
void remove(DcmItem& item, DcmObject* object)
{
    const std::unique_ptr<DcmObject> gone{item.remove(object)};
}

bool has_code(DcmItem& data_set, const char* code)
{
    DcmSequenceOfItems* sequence = nullptr;
    if (data_set.findAndGetSequence(DCM_DeidentificationMethodCodeSequence, sequence).bad()) {
        return false;
    }
    for (unsigned long i = 0; i < sequence->card(); ++i) {
        OFString value;
        if (sequence->getItem(i)->findAndGetOFString(DCM_CodeValue, value).good()
            && value == code) {
            return true;
        }
    }
    return false;
}

// PS3.16 CID 7050.
void add_method_code(DcmItem& data_set)
{
    constexpr const char* clean_pixel_data = "113101";
    if (has_code(data_set, clean_pixel_data)) {
        return;
    }
    DcmItem* item = nullptr;
    check(data_set.findOrCreateSequenceItem(DCM_DeidentificationMethodCodeSequence, item, -2),
          "add a method code");
    check(item->putAndInsertString(DCM_CodeValue, clean_pixel_data), "add a method code");
    check(item->putAndInsertString(DCM_CodingSchemeDesignator, "DCM"), "add a method code");
    check(item->putAndInsertString(DCM_CodeMeaning, "Clean Pixel Data Option"),
          "add a method code");
}

/// Adds a value of at most 64 bytes to (0012,0063) once.
void add_method(DcmItem& data_set)
{
    OFString text;
    data_set.findAndGetOFStringArray(DCM_DeidentificationMethod, text);
    if (text.find(method) == OFString_npos) {
        text = text.empty() ? OFString{method} : text + "\\" + method;
        check(data_set.putAndInsertOFStringArray(DCM_DeidentificationMethod, text),
              "name the method");
    }
}

} // namespace

bool remove_other_pictures(DcmItem& data_set)
{
    std::vector<DcmObject*> doomed;
    for (auto* object = data_set.nextInContainer(nullptr); object != nullptr;
         object = data_set.nextInContainer(object)) {
        const DcmTagKey key{object->getGTag(), object->getETag()};
        if (is_picture_group(object->getGTag()) || key == DCM_IconImageSequence
            || (!object->isLeaf() && holds_picture(*object))) {
            doomed.push_back(object);
        }
    }
    for (auto* const object : doomed) {
        remove(data_set, object);
    }
    return !doomed.empty();
}

bool has_embedded_overlay(DcmItem& data_set)
{
    return dicom::has_overlay_in_samples(
        {[&](dicom::Tag tag) {
             Uint16 value = 0;
             const auto found = data_set.findAndGetUint16({tag.group, tag.element}, value);
             return found.good() ? std::optional<unsigned>{value} : std::nullopt;
         },
         [&](dicom::Tag tag) {
             return data_set.tagExistsWithValue({tag.group, tag.element});
         }});
}

void clear_unused_bits(Frame& frame)
{
    const auto& layout = frame.layout;
    if (layout.bits_stored == layout.bits_allocated) {
        return;
    }
    const auto shift = layout.high_bit + 1 - layout.bits_stored;
    const unsigned used = ((1U << layout.bits_stored) - 1) << shift;
    const unsigned sign = 1U << layout.high_bit;
    const auto width = layout.bytes_per_sample();
    for (std::size_t i = 0; i + width <= frame.samples.size(); i += width) {
        unsigned word = frame.samples[i];
        if (width == 2) {
            word |= static_cast<unsigned>(frame.samples[i + 1]) << 8U;
        }
        const bool is_negative = layout.is_signed && (word & sign) != 0;
        word &= used;
        if (is_negative) {
            word |= ~((sign << 1U) - 1);
        }
        frame.samples[i] = static_cast<std::uint8_t>(word);
        if (width == 2) {
            frame.samples[i + 1] = static_cast<std::uint8_t>(word >> 8U);
        }
    }
}

void declare_clean(DcmItem& data_set, PixelsWere pixels)
{
    check(data_set.putAndInsertString(DCM_BurnedInAnnotation, "NO"), "declare clean");
    add_method_code(data_set);
    add_method(data_set);
    OFString types;
    if (pixels == PixelsWere::masked
        && data_set.findAndGetOFStringArray(DCM_ImageType, types).good()) {
        const auto rest = types.find('\\');
        types = OFString{"DERIVED"} + (rest == OFString_npos ? OFString{} : types.substr(rest));
        check(data_set.putAndInsertOFStringArray(DCM_ImageType, types), "declare derived");
    }
}

void describe_pixels(DcmItem& data_set, const PixelLayout& layout)
{
    const std::string word{word_of(layout.photometric)};
    check(data_set.putAndInsertString(DCM_PhotometricInterpretation, word.c_str()),
          "describe the pixels");
    if (layout.samples > 1) {
        check(data_set.putAndInsertUint16(DCM_PlanarConfiguration, layout.is_planar ? 1 : 0),
              "describe the pixels");
    }
    // These speak of the element as it was.
    data_set.findAndDeleteElement(DCM_ExtendedOffsetTable);
    data_set.findAndDeleteElement(DCM_ExtendedOffsetTableLengths);
    data_set.findAndDeleteElement(DcmTagKey{0x7fe0, 0x0003});
}

} // namespace fiona::pixel
