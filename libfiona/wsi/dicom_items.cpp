// SPDX-License-Identifier: MIT
#include "libfiona/wsi/dicom_items.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/check.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <memory>

namespace fiona::wsi {

namespace {

constexpr std::string_view doing = "put a value into the header of a slide";

std::string one_line(std::string_view text, std::size_t most)
{
    std::string line;
    std::size_t characters = 0;
    for (const char byte : text) {
        const auto value = static_cast<unsigned char>(byte);
        const bool begins_character = (value & 0xc0U) != 0x80U;
        characters += begins_character ? 1 : 0;
        if (characters > most) {
            break;
        }
        line.push_back(byte == '\\' ? '/' : (value < ' ' || value == 0x7f ? ' ' : byte));
    }
    return line;
}

std::string decimal(double value)
{
    if (!std::isfinite(value)) {
        throw Error{Fault::data, "a measure of the slide is no number"};
    }
    return fmt::format("{:.9g}", value); // 15 characters at most
}

} // namespace

void put_text(DcmItem& item, const DcmTag& tag, std::string_view text, std::size_t most)
{
    dicom::check(item.putAndInsertString(tag, one_line(text, most).c_str()), doing);
}

void put_list(DcmItem& item, const DcmTag& tag, const std::string& values)
{
    dicom::check(item.putAndInsertString(tag, values.c_str()), doing);
}

void put_number(DcmItem& item, const DcmTag& tag, std::uint64_t value)
{
    if (value > std::numeric_limits<Uint16>::max()) {
        throw Error{Fault::data, "{} is too large for a header", value};
    }
    dicom::check(item.putAndInsertUint16(tag, static_cast<Uint16>(value)), doing);
}

void put_long(DcmItem& item, const DcmTag& tag, std::uint64_t value)
{
    if (value > std::numeric_limits<Uint32>::max()) {
        throw Error{Fault::data, "{} is too large for a header", value};
    }
    dicom::check(item.putAndInsertUint32(tag, static_cast<Uint32>(value)), doing);
}

void put_real(DcmItem& item, const DcmTag& tag, double value)
{
    dicom::check(item.putAndInsertFloat32(tag, static_cast<Float32>(value)), doing);
}

void put_decimal(DcmItem& item, const DcmTag& tag, double value)
{
    put_list(item, tag, decimal(value));
}

void put_decimals(DcmItem& item, const DcmTag& tag, const std::vector<double>& values)
{
    std::string text;
    for (const auto value : values) {
        text += (text.empty() ? "" : "\\") + decimal(value);
    }
    put_list(item, tag, text);
}

void put_tag(DcmItem& item, const DcmTag& tag, const DcmTagKey& value)
{
    dicom::check(item.putAndInsertTagKey(tag, value), doing);
}

void put_bytes(DcmItem& item, const DcmTag& tag, const std::string& value)
{
    auto bytes = value;
    bytes.resize(bytes.size() + bytes.size() % 2, '\0');
    std::vector<Uint8> copy(bytes.begin(), bytes.end());
    dicom::check(item.putAndInsertUint8Array(tag, copy.data(), copy.size()), doing);
}

void put_sequence(DcmItem& item, const DcmTag& tag, const std::vector<DcmItem>& items)
{
    auto sequence = std::make_unique<DcmSequenceOfItems>(tag);
    for (const auto& one : items) {
        auto copy = std::make_unique<DcmItem>(one);
        dicom::check(sequence->append(copy.get()), doing);
        static_cast<void>(copy.release()); // the sequence owns it now
    }
    dicom::check(item.insert(sequence.get(), true), doing);
    static_cast<void>(sequence.release()); // the item owns it now
}

void put_code(DcmItem& item, const DcmTag& tag, const Code& code)
{
    DcmItem one;
    put_text(one, DCM_CodeValue, code.value, 16);
    put_text(one, DCM_CodingSchemeDesignator, code.scheme, 16);
    put_text(one, DCM_CodeMeaning, code.meaning, 64);
    put_sequence(item, tag, {one});
}

} // namespace fiona::wsi
