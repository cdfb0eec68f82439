// SPDX-License-Identifier: MIT
#include "libfiona/dicom/element_text.h"

#include "libfiona/base/text.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

namespace fiona::dicom {

namespace {

constexpr Uint32 longest_binary_text = 65536; // anything longer is data, whatever its first bytes

using Bytes = std::span<const Uint8>;

/// The characters VR of PS3.5 §6.2 whose text follows Specific Character Set.
bool follows_charset(DcmEVR vr)
{
    switch (vr) {
    case EVR_LO:
    case EVR_LT:
    case EVR_PN:
    case EVR_SH:
    case EVR_ST:
    case EVR_UC:
    case EVR_UT: return true;
    default: return false;
    }
}

/// One value whatever it holds, and blanks at its start mean something.
bool is_one_text(DcmEVR vr)
{
    return vr == EVR_LT || vr == EVR_ST || vr == EVR_UT || vr == EVR_UR;
}

std::string_view without_padding(std::string_view text, DcmEVR vr)
{
    if (!is_one_text(vr)) {
        return trimmed(text);
    }
    const auto last = text.find_last_not_of(std::string_view{" \0", 2});
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

std::string_view delimiters_of(DcmEVR vr)
{
    return vr == EVR_PN ? "\\^=" : is_one_text(vr) ? "" : "\\";
}

ElementValues characters(std::string_view bytes, DcmEVR vr, const Charset& charset)
{
    static const Charset ascii;
    const auto decoded = (follows_charset(vr) ? charset : ascii).decode(bytes, delimiters_of(vr));
    const auto text = without_padding(decoded.utf8, vr);
    ElementValues result{{}, decoded.guessed};
    if (text.empty()) {
        return result;
    }
    if (is_one_text(vr)) {
        result.values.emplace_back(text);
        return result;
    }
    for (const auto part : split(text, '\\')) {
        auto value = trimmed(part);
        while (vr == EVR_PN
               && value.ends_with('=')) { // PS3.5 §6.2: trailing empty groups say nothing
            value.remove_suffix(1);
        }
        result.values.emplace_back(value);
    }
    return result;
}

/// Little-endian, as all UN is (PS3.5 §6.2.2 note 2).
template <typename T>
std::vector<std::string> numbers(Bytes bytes)
{
    static_assert(std::endian::native == std::endian::little);
    std::vector<std::string> values;
    for (; bytes.size() >= sizeof(T); bytes = bytes.subspan(sizeof(T))) {
        T value{};
        std::memcpy(&value, bytes.data(), sizeof(T));
        if constexpr (std::is_floating_point_v<T>) {
            values.push_back(python_float(static_cast<double>(value)));
        } else {
            values.push_back(fmt::format("{}", value));
        }
    }
    return values;
}

std::vector<std::string> numbers_as(DcmEVR vr, Bytes bytes)
{
    switch (vr) {
    case EVR_US: return numbers<Uint16>(bytes);
    case EVR_SS: return numbers<Sint16>(bytes);
    case EVR_UL: return numbers<Uint32>(bytes);
    case EVR_SL: return numbers<Sint32>(bytes);
    case EVR_UV: return numbers<Uint64>(bytes);
    case EVR_SV: return numbers<Sint64>(bytes);
    case EVR_FL: return numbers<Float32>(bytes);
    case EVR_FD: return numbers<Float64>(bytes);
    default: return {};
    }
}

template <typename T>
Bytes bytes_of(const T* values, std::size_t bytes)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) raw bytes of plain numbers
    const auto* const first = reinterpret_cast<const Uint8*>(values);
    return first == nullptr ? Bytes{} : Bytes{first, bytes};
}

/// Binary numbers; DCMTK has swapped them to our byte order.
std::vector<std::string> native_numbers(DcmElement& element)
{
    const std::size_t length = element.getLengthField();
    const auto get = [&](auto getter, auto sample) {
        decltype(sample)* data = nullptr;
        return (element.*getter)(data).good() ? bytes_of(data, length) : Bytes{};
    };
    switch (element.ident()) {
    case EVR_US: return numbers_as(EVR_US, get(&DcmElement::getUint16Array, Uint16{}));
    case EVR_SS: return numbers_as(EVR_SS, get(&DcmElement::getSint16Array, Sint16{}));
    case EVR_UL: return numbers_as(EVR_UL, get(&DcmElement::getUint32Array, Uint32{}));
    case EVR_SL: return numbers_as(EVR_SL, get(&DcmElement::getSint32Array, Sint32{}));
    case EVR_UV: return numbers_as(EVR_UV, get(&DcmElement::getUint64Array, Uint64{}));
    case EVR_SV: return numbers_as(EVR_SV, get(&DcmElement::getSint64Array, Sint64{}));
    case EVR_FL: return numbers_as(EVR_FL, get(&DcmElement::getFloat32Array, Float32{}));
    case EVR_FD: return numbers_as(EVR_FD, get(&DcmElement::getFloat64Array, Float64{}));
    default: return {};
    }
}

std::vector<std::string> attribute_tags(DcmElement& element)
{
    std::vector<std::string> values;
    for (unsigned long i = 0; i < element.getVM(); ++i) {
        DcmTagKey key;
        if (dynamic_cast<DcmAttributeTag&>(element).getTagVal(key, i).good()) {
            values.push_back(fmt::format("({:04x},{:04x})", key.getGroup(), key.getElement()));
        }
    }
    return values;
}

bool is_printable(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0x20 && byte != 0x7f) || c == '\t' || c == '\n' || c == '\r' || c == '\f';
    });
}

/// OB, OW, UN: text or numbers if the dictionary says so, text if it looks like it.
ElementValues binary(DcmElement& element, const Charset& charset)
{
    if (element.getLengthField() == 0 || element.getLengthField() > longest_binary_text) {
        return {};
    }
    Bytes bytes;
    if (element.getVR() == EVR_OW) {
        Uint16* data = nullptr;
        bytes = element.getUint16Array(data).good() ? bytes_of(data, element.getLengthField())
                                                    : Bytes{};
    } else {
        Uint8* data = nullptr;
        bytes =
            element.getUint8Array(data).good() ? bytes_of(data, element.getLengthField()) : Bytes{};
    }
    const auto known = DcmTag{element.getTag().getXTag()}.getEVR();
    if (element.getVR() == EVR_UN) {
        if (auto values = numbers_as(known, bytes); !values.empty()) {
            return {std::move(values), false};
        }
    }
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) bytes as text
    const auto* const first = reinterpret_cast<const char*>(bytes.data());
    const std::string_view text{first, bytes.size()};
    const auto bare = trimmed(text);
    if (!is_printable(bare)) {
        return {};
    }
    return characters(bare, DcmVR{known}.isaString() != OFFalse ? known : EVR_LO, charset);
}

} // namespace

std::string python_float(double value)
{
    auto text = fmt::format("{}", value);
    if (text.find_first_of(".enai") == std::string::npos) {
        text += ".0";
    }
    return text;
}

std::string raw_string(DcmElement& element)
{
    char* data = nullptr;
    Uint32 length = 0;
    if (element.isaString() == OFFalse || element.getString(data, length).bad()
        || data == nullptr) {
        return {};
    }
    return {data, length};
}

ElementValues element_values(DcmElement& element, const Charset& charset)
{
    if (element.isaString() != OFFalse) {
        return characters(raw_string(element), element.getVR(), charset);
    }
    if (element.getVR() == EVR_AT) {
        return {attribute_tags(element), false};
    }
    if (auto values = native_numbers(element); !values.empty()) {
        return {std::move(values), false};
    }
    switch (element.getVR()) {
    case EVR_OB:
    case EVR_OW:
    case EVR_UN:
    case EVR_ox: return binary(element, charset);
    default: return {};
    }
}

} // namespace fiona::dicom
