// SPDX-License-Identifier: MIT
#include "libfiona/classify/vendor_value.h"

#include "libfiona/dicom/element_text.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>

namespace fiona::classify {

namespace {

constexpr std::uint16_t usual_block = 0x10;

template <typename T>
std::vector<std::string> numbers(std::span<const std::byte> bytes)
{
    static_assert(std::endian::native == std::endian::little); // as all UN is, PS3.5 §6.2.2 note 2
    std::vector<std::string> values;
    for (; bytes.size() >= sizeof(T); bytes = bytes.subspan(sizeof(T))) {
        T value{};
        std::memcpy(&value, bytes.data(), sizeof(T));
        values.push_back(dicom::python_float(static_cast<double>(value)));
    }
    return values;
}

bool are_numbers(const std::vector<std::string>& values)
{
    return !values.empty() && std::ranges::all_of(values, [](const std::string& value) {
        return as_number(value).has_value();
    });
}

std::optional<TagValue> value_at(const dicom::Header& header, const dicom::Path& path,
                                 Encoding encoding)
{
    auto values = header.values_at(path);
    if (!values) {
        return std::nullopt;
    }
    if (encoding != Encoding::text && !are_numbers(*values)) {
        if (const auto bytes = header.bytes_at(path)) {
            values =
                encoding == Encoding::float32 ? numbers<float>(*bytes) : numbers<double>(*bytes);
        }
    }
    return tag_value(std::move(*values), "UN");
}

} // namespace

std::optional<TagValue> vendor_value(const dicom::Header& header, const VendorElement& wanted)
{
    const auto& [group, creator, element, encoding] = wanted;
    auto value = value_at(header, {{{group, element}, creator}}, encoding);
    if (!value && !header.has({group, usual_block})) {
        constexpr unsigned bits = 8;
        const auto number = static_cast<std::uint16_t>((usual_block << bits) | element);
        value = value_at(header, {{{group, number}}}, encoding);
    }
    return value;
}

} // namespace fiona::classify
