// SPDX-License-Identifier: MIT
#include "libfiona/dicom/element_text.h"

#include "libfiona/base/text.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::dicom {

namespace {

constexpr std::size_t longest_binary_text = 65536; // longer is data, whatever its first bytes

using Bytes = std::span<const std::byte>;

template <std::size_t N>
bool is_one_of(std::string_view vr, const std::array<std::string_view, N>& list)
{
    return std::ranges::find(list, vr) != list.end();
}

/// The characters VR of PS3.5 §6.2 whose text follows Specific Character Set.
bool follows_charset(std::string_view vr)
{
    return is_one_of<7>(vr, {"LO", "LT", "PN", "SH", "ST", "UC", "UT"});
}

/// One value whatever it holds, and blanks at its start mean something.
bool is_one_text(std::string_view vr)
{
    return is_one_of<4>(vr, {"LT", "ST", "UT", "UR"});
}

std::string_view without_padding(std::string_view text, std::string_view vr)
{
    if (!is_one_text(vr)) {
        return trimmed(text);
    }
    const auto last = text.find_last_not_of(std::string_view{" \0", 2});
    return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

std::string_view delimiters_of(std::string_view vr)
{
    return vr == "PN" ? "\\^=" : is_one_text(vr) ? "" : "\\";
}

ElementValues characters(std::string_view bytes, std::string_view vr, const Charset& charset)
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
        while (vr == "PN" && value.ends_with('=')) { // PS3.5 §6.2: empty groups at the end
            value.remove_suffix(1);
        }
        result.values.emplace_back(value);
    }
    return result;
}

/// One number; `bytes` has its size.
template <typename T>
T number(Bytes bytes, std::endian order)
{
    std::array<std::byte, sizeof(T)> native{};
    std::ranges::copy(bytes, native.begin());
    if (order != std::endian::native) {
        std::ranges::reverse(native);
    }
    return std::bit_cast<T>(native);
}

template <typename T>
std::vector<std::string> numbers(Bytes bytes, std::endian order)
{
    std::vector<std::string> values;
    for (; bytes.size() >= sizeof(T); bytes = bytes.subspan(sizeof(T))) {
        const auto value = number<T>(bytes.first(sizeof(T)), order);
        if constexpr (std::is_floating_point_v<T>) {
            values.push_back(python_float(static_cast<double>(value)));
        } else {
            values.push_back(fmt::format("{}", value));
        }
    }
    return values;
}

std::vector<std::string> attribute_tags(Bytes bytes, std::endian order)
{
    std::vector<std::string> values;
    constexpr std::size_t half = sizeof(std::uint16_t);
    for (; bytes.size() >= 2 * half; bytes = bytes.subspan(2 * half)) {
        values.push_back(fmt::format("({:04x},{:04x})",
                                     number<std::uint16_t>(bytes.first(half), order),
                                     number<std::uint16_t>(bytes.subspan(half, half), order)));
    }
    return values;
}

/// Nothing if it is no VR of numbers.
std::vector<std::string> numbers_as(std::string_view vr, Bytes bytes, std::endian order)
{
    using Reader = std::vector<std::string> (*)(Bytes, std::endian);
    constexpr std::array<std::pair<std::string_view, Reader>, 9> readers{
        {{"US", numbers<std::uint16_t>},
         {"SS", numbers<std::int16_t>},
         {"UL", numbers<std::uint32_t>},
         {"SL", numbers<std::int32_t>},
         {"UV", numbers<std::uint64_t>},
         {"SV", numbers<std::int64_t>},
         {"FL", numbers<float>},
         {"FD", numbers<double>},
         {"AT", attribute_tags}}};
    const auto* const found =
        std::ranges::find(readers, vr, &std::pair<std::string_view, Reader>::first);
    return found == readers.end() ? std::vector<std::string>{} : found->second(bytes, order);
}

bool is_printable(std::string_view text)
{
    return std::ranges::all_of(text, [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= 0x20 && byte != 0x7f) || c == '\t' || c == '\n' || c == '\r' || c == '\f';
    });
}

std::vector<std::byte> words_in_our_order(Bytes bytes, std::endian order)
{
    std::vector<std::byte> result{bytes.begin(), bytes.end()};
    for (std::size_t i = 0; i + 1 < result.size() && order != std::endian::native; i += 2) {
        std::swap(result[i], result[i + 1]);
    }
    return result;
}

/// OB, OW, UN: text or numbers if the dictionary says so, text if it looks like it.
ElementValues binary(const RawElement& element, const Charset& charset)
{
    if (element.bytes.empty() || element.bytes.size() > longest_binary_text) {
        return {};
    }
    const auto known = dictionary_vr(element.tag);
    if (element.vr == "UN" && known != "AT") {
        // PS3.5 §6.2.2 note 2: all UN is little endian.
        if (auto values = numbers_as(known, element.bytes, std::endian::little); !values.empty()) {
            return {std::move(values), false};
        }
    }
    const auto words = element.vr == "OW" ? words_in_our_order(element.bytes, element.order)
                                          : std::vector<std::byte>{};
    const auto bare = trimmed(as_text(words.empty() ? element.bytes : Bytes{words}));
    if (!is_printable(bare)) {
        return {};
    }
    return characters(bare, is_text_vr(known) ? known : "LO", charset);
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

bool is_text_vr(std::string_view vr)
{
    return is_one_of<17>(vr, {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH",
                              "ST", "TM", "UC", "UI", "UR", "UT"});
}

std::string_view dictionary_vr(Tag tag, const char* creator)
{
    const DcmTag known = creator == nullptr ? DcmTag{tag.group, tag.element}
                                            : DcmTag{tag.group, tag.element, creator};
    return known.getVR().getValidVRName(); // one of DCMTK's constants
}

bool is_us_or_ss(Tag tag)
{
    return DcmTag{tag.group, tag.element}.getEVR() == EVR_xs;
}

std::string_view as_text(std::span<const std::byte> bytes)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) bytes as text
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

ElementValues element_values(const RawElement& element, const Charset& charset)
{
    if (is_text_vr(element.vr)) {
        return characters(as_text(element.bytes), element.vr, charset);
    }
    if (element.vr == "OB" || element.vr == "OW" || element.vr == "UN") {
        return binary(element, charset);
    }
    return {numbers_as(element.vr, element.bytes, element.order), false};
}

} // namespace fiona::dicom
