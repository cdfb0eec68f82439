// SPDX-License-Identifier: MIT
#include "libfiona/pixel/render.h"

#include "libfiona/base/error.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <cmath>

namespace fiona::pixel {

namespace {

using Colour = std::array<std::uint8_t, 3>;

std::uint8_t luma(const Colour& rgb)
{
    return static_cast<std::uint8_t>((299U * rgb[0] + 587U * rgb[1] + 114U * rgb[2] + 500) / 1000);
}

std::uint8_t colourfulness(const Colour& rgb)
{
    const auto [low, high] = std::minmax({rgb[0], rgb[1], rgb[2]});
    return static_cast<std::uint8_t>(high - low);
}

// --- palettes ---

struct Descriptor {
    std::size_t entries = 0;
    int first = 0;
    unsigned bits = 8;
};

/// PS3.3 §C.7.6.3.1.5; 0 entries are 65536, the first mapped value has the sign of the pixels.
Descriptor read_descriptor(DcmItem& item, const DcmTagKey& tag, const PixelLayout& layout)
{
    DcmElement* element = nullptr;
    std::array<int, 3> values{};
    if (item.findAndGetElement(tag, element).bad() || element->getVM() != 3) {
        throw Error{Fault::data, "a palette descriptor is missing or broken"};
    }
    for (unsigned i = 0; i < 3; ++i) {
        Uint16 plain = 0;
        Sint16 with_sign = 0;
        if (element->getUint16(plain, i).good()) {
            values[i] = i == 1 && layout.is_signed ? static_cast<Sint16>(plain) : plain;
        } else if (element->getSint16(with_sign, i).good()) {
            values[i] = i == 1 ? with_sign : static_cast<Uint16>(with_sign);
        } else {
            throw Error{Fault::data, "a palette descriptor is missing or broken"};
        }
    }
    if (values[2] != 8 && values[2] != 16) {
        throw Error{Fault::data, "a palette of {} bits", values[2]};
    }
    return {values[0] == 0 ? std::size_t{65536} : static_cast<std::size_t>(values[0]), values[1],
            static_cast<unsigned>(values[2])};
}

/// The upper 8 bits of each entry.
std::vector<std::uint8_t> read_entries(DcmItem& item, const DcmTagKey& tag,
                                       const Descriptor& descriptor)
{
    DcmElement* element = nullptr;
    if (item.findAndGetElement(tag, element).bad()) {
        throw Error{Fault::data, "palette data are missing (segmented ones are not supported)"};
    }
    const std::size_t bytes = element->getLength();
    std::vector<std::uint8_t> entries(descriptor.entries);
    Uint16* words = nullptr;
    if (element->getUint16Array(words).bad() || words == nullptr) {
        throw Error{Fault::data, "palette data of an illegal kind"};
    }
    // Entries of 8 bits may be packed two to a word (PS3.3 §C.7.6.3.1.6 notes) or stand alone.
    const bool is_packed = descriptor.bits == 8 && bytes < 2 * descriptor.entries;
    if (bytes < (is_packed ? descriptor.entries : 2 * descriptor.entries)) {
        throw Error{Fault::data, "palette data are shorter than their descriptor says"};
    }
    for (std::size_t i = 0; i < descriptor.entries; ++i) {
        const unsigned word = words[is_packed ? i / 2 : i];
        const bool is_upper = is_packed ? i % 2 == 1 : descriptor.bits == 16;
        entries[i] = static_cast<std::uint8_t>(is_upper ? word >> 8U : word);
    }
    return entries;
}

Appearance::Palette read_palette(DcmItem& item, const PixelLayout& layout)
{
    const auto red = read_descriptor(item, DCM_RedPaletteColorLookupTableDescriptor, layout);
    const auto green = read_descriptor(item, DCM_GreenPaletteColorLookupTableDescriptor, layout);
    const auto blue = read_descriptor(item, DCM_BluePaletteColorLookupTableDescriptor, layout);
    if (red.entries != green.entries || red.entries != blue.entries) {
        throw Error{Fault::data, "palettes of different length"};
    }
    const auto reds = read_entries(item, DCM_RedPaletteColorLookupTableData, red);
    const auto greens = read_entries(item, DCM_GreenPaletteColorLookupTableData, green);
    const auto blues = read_entries(item, DCM_BluePaletteColorLookupTableData, blue);
    Appearance::Palette palette{red.first, {}};
    palette.colours.reserve(red.entries);
    for (std::size_t i = 0; i < red.entries; ++i) {
        palette.colours.push_back({reds[i], greens[i], blues[i]});
    }
    return palette;
}

std::optional<Appearance::Window> read_window(DcmItem& item)
{
    Float64 center = 0;
    Float64 width = 0;
    if (item.findAndGetFloat64(DCM_WindowCenter, center).bad()
        || item.findAndGetFloat64(DCM_WindowWidth, width).bad() || !(width > 0)) {
        return std::nullopt;
    }
    Float64 slope = 1;
    Float64 intercept = 0;
    if (item.findAndGetFloat64(DCM_RescaleSlope, slope).bad() || slope == 0) {
        slope = 1;
    }
    if (item.findAndGetFloat64(DCM_RescaleIntercept, intercept).bad()) {
        intercept = 0;
    }
    const auto low = (center - width / 2 - intercept) / slope;
    const auto high = (center + width / 2 - intercept) / slope;
    if (!std::isfinite(low) || !std::isfinite(high)) {
        return std::nullopt;
    }
    return Appearance::Window{std::min(low, high), std::max(low, high)};
}

// --- frames ---

/// The stored value of sample `index`, sign and unused bits respected.
int value_at(const Frame& frame, std::size_t index)
{
    const auto& layout = frame.layout;
    unsigned word = frame.samples[layout.bits_allocated == 8 ? index : 2 * index];
    if (layout.bits_allocated == 16) {
        word |= static_cast<unsigned>(frame.samples[2 * index + 1]) << 8U;
    }
    word >>= layout.high_bit + 1 - layout.bits_stored;
    const unsigned range = 1U << layout.bits_stored;
    word &= range - 1;
    const bool is_negative = layout.is_signed && (word & (range >> 1U)) != 0;
    return static_cast<int>(word) - (is_negative ? static_cast<int>(range) : 0);
}

std::vector<int> all_values(const Frame& frame)
{
    std::vector<int> values(frame.layout.pixels());
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = value_at(frame, i);
    }
    return values;
}

/// All but the darkest and brightest thousandth: a single hot pixel must not make the rest black.
Appearance::Window spread(const std::vector<int>& values)
{
    constexpr int offset = 32768;
    std::vector<std::uint32_t> counts(65536 + offset);
    for (const auto value : values) {
        ++counts[static_cast<std::size_t>(std::int64_t{value} + offset)];
    }
    const auto tail = static_cast<std::uint64_t>(static_cast<double>(values.size()) * 0.001);
    std::size_t low = 0;
    for (std::uint64_t sum = counts[0]; sum <= tail && low + 1 < counts.size();) {
        sum += counts[++low];
    }
    std::size_t high = counts.size() - 1;
    for (std::uint64_t sum = counts[high]; sum <= tail && high > 0;) {
        sum += counts[--high];
    }
    return {static_cast<double>(low) - offset, static_cast<double>(high) - offset};
}

GrayPlane mapped(const Frame& frame, const std::vector<int>& values,
                 const Appearance::Window& window)
{
    GrayPlane plane{frame.layout.columns, frame.layout.rows, {}};
    plane.values.resize(values.size());
    const auto scale = 255.0 / std::max(1.0, window.high - window.low);
    for (std::size_t i = 0; i < values.size(); ++i) {
        const auto gray = std::clamp((values[i] - window.low) * scale, 0.0, 255.0);
        plane.values[i] = static_cast<std::uint8_t>(std::lround(gray));
    }
    if (frame.layout.photometric == Photometric::monochrome1) {
        for (auto& value : plane.values) {
            value = static_cast<std::uint8_t>(255 - value);
        }
    }
    return plane;
}

std::vector<GrayPlane> render_gray(const Frame& frame, const Appearance& appearance)
{
    const auto values = all_values(frame);
    auto range = spread(values);
    if (frame.layout.bits_allocated == 8 && !frame.layout.is_signed) {
        // As a viewer shows it, unless that is nearly nothing.
        range = range.high - range.low < 64 ? range : Appearance::Window{0, 255};
    }
    std::vector<GrayPlane> planes;
    planes.push_back(mapped(frame, values, range));
    if (appearance.window) {
        const auto& window = *appearance.window;
        const auto width = range.high - range.low;
        const bool differs = std::abs(window.low - range.low) > 0.25 * width
                             || std::abs(window.high - range.high) > 0.25 * width;
        const bool shows_something = window.low < range.high && window.high > range.low;
        if (differs && shows_something) {
            planes.push_back(mapped(frame, values, window));
        }
    }
    return planes;
}

/// PS3.3 §C.7.6.3.1.2: the full-range matrix; the partial one differs by less than matters here.
Colour rgb_of(double y, double cb, double cr)
{
    const auto byte = [](double value) {
        return static_cast<std::uint8_t>(std::lround(std::clamp(value, 0.0, 255.0)));
    };
    return {byte(y + 1.402 * (cr - 128)), byte(y - 0.344136 * (cb - 128) - 0.714136 * (cr - 128)),
            byte(y + 1.772 * (cb - 128))};
}

Colour colour_at(const Frame& frame, const Appearance& appearance, std::size_t index)
{
    const auto& layout = frame.layout;
    const auto& bytes = frame.samples;
    if (layout.photometric == Photometric::palette) {
        const auto& palette = *appearance.palette;
        const auto entry =
            std::clamp<std::int64_t>(std::int64_t{value_at(frame, index)} - palette.first_mapped, 0,
                                     static_cast<std::int64_t>(palette.colours.size()) - 1);
        return palette.colours[static_cast<std::size_t>(entry)];
    }
    if (layout.is_subsampled()) { // Y Y Cb Cr for two neighbours
        const auto pair = index / 2 * 4;
        return rgb_of(bytes[pair + index % 2], bytes[pair + 2], bytes[pair + 3]);
    }
    const auto pixels = layout.pixels();
    const auto first = layout.is_planar ? index : 3 * index;
    const auto step = layout.is_planar ? pixels : 1;
    const Colour raw{bytes[first], bytes[first + step], bytes[first + 2 * step]};
    return layout.photometric == Photometric::ybr_full ? rgb_of(raw[0], raw[1], raw[2]) : raw;
}

std::vector<GrayPlane> render_colour(const Frame& frame, const Appearance& appearance)
{
    constexpr int coloured = 40;
    GrayPlane gray{frame.layout.columns, frame.layout.rows, {}};
    gray.values.resize(frame.layout.pixels());
    auto colour = gray;
    std::size_t coloured_pixels = 0;
    for (std::size_t i = 0; i < gray.values.size(); ++i) {
        const auto rgb = colour_at(frame, appearance, i);
        gray.values[i] = luma(rgb);
        colour.values[i] = colourfulness(rgb);
        coloured_pixels += colour.values[i] > coloured ? 1U : 0U;
    }
    std::vector<GrayPlane> planes;
    planes.push_back(std::move(gray));
    constexpr std::size_t a_few = 30; // the strokes of one small word
    if (coloured_pixels > a_few) {
        planes.push_back(std::move(colour));
    }
    return planes;
}

} // namespace

Appearance Appearance::read(DcmItem& data_set, const PixelLayout& layout)
{
    Appearance appearance;
    if (layout.photometric == Photometric::palette) {
        appearance.palette = read_palette(data_set, layout);
    } else if (layout.is_gray()) {
        appearance.window = read_window(data_set);
    }
    return appearance;
}

std::vector<GrayPlane> render(const Frame& frame, const Appearance& appearance)
{
    const bool is_monochrome = frame.layout.photometric == Photometric::monochrome1
                               || frame.layout.photometric == Photometric::monochrome2;
    return is_monochrome ? render_gray(frame, appearance) : render_colour(frame, appearance);
}

} // namespace fiona::pixel
