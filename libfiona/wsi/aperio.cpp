// SPDX-License-Identifier: MIT
#include "libfiona/wsi/aperio.h"

#include "libfiona/base/error.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/wsi/identifying.h"
#include "libfiona/wsi/slide_contents.h"
#include "libfiona/wsi/tiff_tags.h"

#include <algorithm>
#include <cmath>

namespace fiona::wsi {

namespace {

bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

std::optional<double> finite_number(std::string_view text)
{
    const auto value = read_number<double>(text);
    return value && std::isfinite(*value) ? value : std::nullopt;
}

/// The first value of a key, as tiffinfo's readers take it.
std::string_view value_of(const std::vector<AperioField>& fields, std::string_view key)
{
    const auto found = std::ranges::find_if(
        fields, [&](const AperioField& field) { return lower_case(field.key) == lower_case(key); });
    return found == fields.end() ? std::string_view{} : found->value;
}

/// What the old scanners' second line says a picture is.
ImageRole named_role(std::string_view description)
{
    for (const auto line : split(description, '\n')) {
        const auto text = lower_case(trimmed(line));
        if (text.starts_with("label")) {
            return ImageRole::label;
        }
        if (text.starts_with("macro")) {
            return ImageRole::macro;
        }
    }
    return ImageRole::unknown;
}

/// Role and kind of directory together: a label without its text is still no level.
ImageRole role_of(const Tiff& tiff, const SlideImage& image, const std::vector<SlideImage>& before,
                  std::string_view description)
{
    constexpr std::uint64_t label_type = 1; // NewSubfileType, as the GT 450 sets it
    constexpr std::uint64_t macro_type = 9;
    const auto& directory = tiff.directories()[image.directory];
    const auto type = tiff.number(directory, tag::new_subfile_type).value_or(0);
    if (const auto named = named_role(description); named != ImageRole::unknown) {
        return named;
    }
    if (directory.is_sub_directory || !description.starts_with("Aperio")) {
        return ImageRole::unknown;
    }
    if (type == label_type || type == macro_type) {
        return image.tile_width != 0 ? ImageRole::unknown
               : type == label_type  ? ImageRole::label
                                     : ImageRole::macro;
    }
    if (type != 0) {
        return ImageRole::unknown;
    }
    if (before.empty()) {
        return image.tile_width != 0 ? ImageRole::level : ImageRole::unknown;
    }
    const auto& base = before.front();
    if (base.role != ImageRole::level || !has_shape_of(image, base)) {
        return ImageRole::unknown;
    }
    if (image.tile_width == 0) {
        return image.directory == 1 ? ImageRole::thumbnail : ImageRole::unknown;
    }
    const auto above = std::find_if(before.rbegin(), before.rend(), [](const SlideImage& other) {
        return other.role == ImageRole::level;
    });
    return image.width < above->width ? ImageRole::level : ImageRole::unknown;
}

SlideFacts facts_of(const Tiff& tiff, std::string_view description,
                    const std::vector<AperioField>& fields)
{
    SlideFacts facts;
    facts.manufacturer = "Aperio";
    facts.software = trimmed(description.substr(0, description.find_first_of("\r\n|;")));
    facts.objective_power = finite_number(value_of(fields, "AppMag"));
    facts.parmset = value_of(fields, "Parmset");
    const auto mpp = finite_number(value_of(fields, "MPP"));
    const auto& first = tiff.directories().front();
    facts.mpp_x = mpp && *mpp > 0.0 ? mpp : micrometres_per_pixel(tiff, first, tag::x_resolution);
    facts.mpp_y = mpp && *mpp > 0.0 ? mpp : micrometres_per_pixel(tiff, first, tag::y_resolution);
    facts.origin_x_mm = finite_number(value_of(fields, "Left"));
    facts.origin_y_mm = finite_number(value_of(fields, "Top"));
    return facts;
}

void add_identifying_fields(std::string_view description, std::size_t directory,
                            std::vector<IdentifyingItem>& items)
{
    for (const auto& field : aperio_fields(description)) {
        if (!is_kept_aperio_field(field.key, field.value)) {
            items.push_back({fmt::format("Aperio {}", known_key(field.key, "field")), directory,
                             Private{std::string{field.value}}});
        }
    }
}

/// The value of a date or time as a constant of its form; `X` for every other character.
void clean_value(std::span<char> value)
{
    const std::string_view text{value.data(), value.size()};
    const auto has_form = [&](std::string_view form) {
        return text.size() == form.size()
               && std::equal(text.begin(), text.end(), form.begin(),
                             [](char c, char of) { return is_digit(of) ? is_digit(c) : c == of; });
    };
    for (const std::string_view form : {"01/01/00", "01/01/1900", "00:00:00"}) {
        if (has_form(form)) {
            std::ranges::copy(form, value.begin());
            return;
        }
    }
    std::ranges::fill(value, 'X');
}

} // namespace

std::vector<AperioField> aperio_fields(std::string_view description)
{
    description = description.substr(0, description.find('\0'));
    std::vector<AperioField> fields;
    const auto parts = split(description, '|');
    for (std::size_t i = 1; i < parts.size(); ++i) {
        // A crop's own description ends where its source's begins: `...Q=30;Aperio Image Library`.
        const auto equals = parts[i].find('=');
        if (equals == std::string_view::npos) {
            if (!trimmed(parts[i]).empty()) {
                fields.push_back({{}, trimmed(parts[i])});
            }
            continue;
        }
        fields.push_back(
            {trimmed(parts[i].substr(0, equals)), trimmed(parts[i].substr(equals + 1))});
    }
    return fields;
}

std::string cleaned_aperio_description(std::string description)
{
    const auto end = std::min(description.find('\0'), description.size());
    std::fill(description.begin() + static_cast<std::ptrdiff_t>(end), description.end(), '\0');
    for (const auto& field : aperio_fields(description)) {
        const auto place_of = [&](std::string_view part) {
            return static_cast<std::size_t>(part.data() - description.data());
        };
        if (!field.key.empty() && known_key(field.key, {}).empty()) {
            const auto begin = place_of(field.key);
            const auto last = field.value.empty() ? begin + field.key.size()
                                                  : place_of(field.value) + field.value.size();
            std::ranges::fill(std::span{description}.subspan(begin, last - begin), 'X');
        } else if (!is_kept_aperio_field(field.key, field.value) && !field.value.empty()) {
            clean_value(std::span{description}.subspan(place_of(field.value), field.value.size()));
        }
    }
    return description;
}

SlideContents read_aperio(const Tiff& tiff)
{
    SlideContents contents;
    contents.format = SlideFormat::aperio;
    const auto& directories = tiff.directories();
    for (std::size_t i = 0; i < directories.size(); ++i) {
        auto image = image_of(tiff, i);
        const auto description = text_of(tiff, directories[i], tag::image_description);
        image.role = role_of(tiff, image, contents.images, description);
        contents.images.push_back(image);
        add_identifying_fields(description, i, contents.identifying);
    }
    set_downsamples(contents.images);
    const auto description = text_of(tiff, directories.front(), tag::image_description);
    const auto fields = aperio_fields(description);
    contents.facts = facts_of(tiff, description, fields);
    contents.scan_date = Private{std::string{value_of(fields, "Date")}};
    contents.scanner_id = Private{std::string{value_of(fields, "ScanScope ID")}};
    add_identifying_tags(tiff, SlideFormat::aperio, contents.identifying);
    add_identifying_images(contents.images, contents.identifying);
    return contents;
}

} // namespace fiona::wsi
