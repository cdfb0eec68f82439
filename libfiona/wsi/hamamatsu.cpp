// SPDX-License-Identifier: MIT
#include "libfiona/wsi/hamamatsu.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/wsi/identifying.h"
#include "libfiona/wsi/slide_contents.h"
#include "libfiona/wsi/tiff_tags.h"

#include <algorithm>

namespace fiona::wsi {

namespace {

constexpr std::uint64_t jpeg_xr = 22610;

ImageRole role_of(const Tiff& tiff, const SlideImage& image, const std::vector<SlideImage>& before)
{
    const auto& directory = tiff.directories()[image.directory];
    const auto lens = tiff.real(directory, tag::ndpi_source_lens);
    const bool is_whole = image.tile_width == 0 && image.coding == TileCoding::jpeg
                          && !directory.is_sub_directory
                          && directory.find(tag::strip_offsets) != nullptr
                          && directory.find(tag::strip_offsets)->count == 1;
    if (!lens) {
        return ImageRole::unknown;
    }
    if (*lens == -1.0) {
        return ImageRole::macro;
    }
    if (*lens == -2.0) {
        return ImageRole::map;
    }
    if (!(*lens > 0.0) || !is_whole) {
        return ImageRole::unknown;
    }
    if (const auto plane = tiff.real(directory, tag::ndpi_focal_plane); plane && *plane != 0.0) {
        return ImageRole::plane;
    }
    if (before.empty()) {
        return ImageRole::level;
    }
    const auto above = std::find_if(before.rbegin(), before.rend(), [](const SlideImage& other) {
        return other.role == ImageRole::level;
    });
    const auto first = std::ranges::find(before, ImageRole::level, &SlideImage::role);
    return above != before.rend() && image.width < above->width && has_shape_of(image, *first)
               ? ImageRole::level
               : ImageRole::unknown;
}

std::string_view value_of(const std::vector<NdpiProperty>& properties, std::string_view key)
{
    const auto found = std::ranges::find(properties, key, &NdpiProperty::key);
    return found == properties.end() ? std::string_view{} : found->value;
}

/// XResolution of every directory, as tiffinfo(1) prints it.
std::string resolutions(const Tiff& tiff)
{
    std::string joined;
    for (const auto& directory : tiff.directories()) {
        if (const auto value = tiff.real(directory, tag::x_resolution)) {
            joined += fmt::format("{}{:g}", joined.empty() ? "" : "-", *value);
        }
    }
    return joined;
}

std::optional<double> millimetres(const Tiff& tiff, std::uint16_t number)
{
    constexpr double nanometres = 1e6;
    const auto value = tiff.real(tiff.directories().front(), number);
    return value ? std::optional{*value / nanometres} : std::nullopt;
}

SlideFacts facts_of(const Tiff& tiff, const std::vector<NdpiProperty>& properties)
{
    const auto& first = tiff.directories().front();
    SlideFacts facts;
    facts.manufacturer = "Hamamatsu";
    facts.model = value_of(properties, "Product");
    facts.software = value_of(properties, "Firmware.Version");
    facts.objective_power = tiff.real(first, tag::ndpi_source_lens);
    facts.mpp_x = micrometres_per_pixel(tiff, first, tag::x_resolution);
    facts.mpp_y = micrometres_per_pixel(tiff, first, tag::y_resolution);
    facts.origin_x_mm = millimetres(tiff, tag::ndpi_x_offset);
    facts.origin_y_mm = millimetres(tiff, tag::ndpi_y_offset);
    facts.resolutions = resolutions(tiff);
    return facts;
}

void add_identifying_properties(const std::vector<NdpiProperty>& properties, std::size_t directory,
                                std::vector<IdentifyingItem>& items)
{
    for (const auto& property : properties) {
        if (!is_kept_ndpi_property(property.key) && !trimmed(property.value).empty()) {
            items.push_back({fmt::format("NDPI {}", known_key(property.key, "property")), directory,
                             Private{std::string{trimmed(property.value)}}});
        }
    }
}

} // namespace

std::vector<NdpiProperty> ndpi_properties(std::string_view map)
{
    map = map.substr(0, map.find('\0'));
    std::vector<NdpiProperty> properties;
    for (auto line : split(map, '\n')) {
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        const auto equals = line.find('=');
        if (equals != std::string_view::npos) {
            properties.push_back({line.substr(0, equals), line.substr(equals + 1)});
        } else if (!line.empty()) {
            properties.push_back({{}, line});
        }
    }
    return properties;
}

std::string cleaned_ndpi_properties(std::string map)
{
    const auto end = std::min(map.find('\0'), map.size());
    std::fill(map.begin() + static_cast<std::ptrdiff_t>(end), map.end(), '\0');
    for (const auto& property : ndpi_properties(map)) {
        if (!is_kept_ndpi_property(property.key)) {
            const auto place = static_cast<std::size_t>(property.value.data() - map.data());
            std::ranges::fill(std::span{map}.subspan(place, property.value.size()), ' ');
            if (!property.key.empty() && known_key(property.key, {}).empty()) {
                const auto key = static_cast<std::size_t>(property.key.data() - map.data());
                std::ranges::fill(std::span{map}.subspan(key, property.key.size()), ' ');
            }
        }
    }
    return map;
}

SlideContents read_hamamatsu(const Tiff& tiff)
{
    SlideContents contents;
    contents.format = SlideFormat::hamamatsu;
    const auto& directories = tiff.directories();
    for (std::size_t i = 0; i < directories.size(); ++i) {
        const auto compression = tiff.number(directories[i], tag::compression).value_or(1);
        if (compression == jpeg_xr) {
            throw Error{Fault::data, "an NDPI slide in JPEG XR, which is not supported"};
        }
        auto image = image_of(tiff, i);
        image.role = role_of(tiff, image, contents.images);
        contents.images.push_back(image);
        const auto map = text_of(tiff, directories[i], tag::ndpi_properties);
        add_identifying_properties(ndpi_properties(map), i, contents.identifying);
    }
    if (contents.images.front().role != ImageRole::level) {
        throw Error{Fault::data, "an NDPI slide whose first picture is no level"};
    }
    set_downsamples(contents.images);
    const auto map = text_of(tiff, directories.front(), tag::ndpi_properties);
    const auto properties = ndpi_properties(map);
    contents.facts = facts_of(tiff, properties);
    const auto date = text_of(tiff, directories.front(), tag::date_time);
    contents.scan_date = Private{date.substr(0, date.find(' '))};
    contents.scanner_id = Private{std::string{value_of(properties, "NDP.S/N")}};
    add_identifying_tags(tiff, SlideFormat::hamamatsu, contents.identifying);
    add_identifying_images(contents.images, contents.identifying);
    return contents;
}

} // namespace fiona::wsi
