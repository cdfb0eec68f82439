// SPDX-License-Identifier: MIT
#include "libfiona/classify/diffusion.h"

#include "libfiona/classify/vendor_value.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <set>

namespace fiona::classify {

namespace {

using dicom::Header;
using dicom::Path;
using dicom::Tag;
using Values = std::vector<std::string>;

constexpr Tag shared_groups{0x5200, 0x9229};
constexpr Tag frame_groups{0x5200, 0x9230};
// PS3.3 §C.8.13.5.9
constexpr Tag diffusion_macro{0x0018, 0x9117};
constexpr Tag b_value_tag{0x0018, 0x9087};
constexpr Tag directionality_tag{0x0018, 0x9075};
constexpr Tag gradient_sequence{0x0018, 0x9076};
constexpr Tag gradient_tag{0x0018, 0x9089};

constexpr VendorElement ge_b_value{0x0043, "GEMS_PARM_01", 0x39};
constexpr VendorElement ge_directions{0x0019, "GEMS_ACQU_01", 0xe0};
constexpr VendorElement philips_technique{0x2001, "Philips Imaging DD 001", 0x20};

constexpr std::array<VendorElement, 2> vendor_b_values{{
    {0x2001, "Philips Imaging DD 001", 0x03, Encoding::float32},
    {0x0065, "Image Private Header", 0x09, Encoding::float64}, // United Imaging
}};

/// Components along the axes of the patient; one element with three, or three with one.
constexpr std::array<VendorElement, 3> philips_direction{{
    {0x2005, "Philips MR Imaging DD 001", 0xb0, Encoding::float32}, // right to left
    {0x2005, "Philips MR Imaging DD 001", 0xb1, Encoding::float32}, // anterior to posterior
    {0x2005, "Philips MR Imaging DD 001", 0xb2, Encoding::float32}, // feet to head
}};
/// GE's components lie along frequency, phase and slice.
constexpr std::array<VendorElement, 3> ge_direction{{
    {0x0019, "GEMS_ACQU_01", 0xbb},
    {0x0019, "GEMS_ACQU_01", 0xbc},
    {0x0019, "GEMS_ACQU_01", 0xbd},
}};
constexpr VendorElement uih_direction{0x0065, "Image Private Header", 0x37, Encoding::float64};

/// `1000` for 1000.0: equal values are written alike, whoever wrote them.
std::string plain_number(double number)
{
    return fmt::format("{}", number);
}

/// A standard attribute of the image, of all its frames, or of the first frame.
Values standard_values(const Header& image, const Path& in_macro)
{
    auto values = image.values_at({in_macro.back()}).value_or(Values{});
    for (const auto groups : {shared_groups, frame_groups}) {
        if (values.empty()) {
            Path path{{groups}, {diffusion_macro}};
            path.insert(path.end(), in_macro.begin(), in_macro.end());
            values = image.values_at(path).value_or(Values{});
        }
    }
    return values;
}

std::optional<double> number_of(const std::optional<TagValue>& value)
{
    return value ? as_number(value->items.front()) : std::nullopt;
}

std::optional<double> b_value_of(const Header& image)
{
    if (const auto values = standard_values(image, {{b_value_tag}}); !values.empty()) {
        return as_number(values.front());
    }
    if (auto number = number_of(vendor_value(image, ge_b_value))) {
        constexpr double bias = 1e9; // GE adds it in series with several b-values
        return *number >= bias ? *number - bias : *number;
    }
    for (const auto& element : vendor_b_values) {
        if (const auto number = number_of(vendor_value(image, element))) {
            return number;
        }
    }
    return std::nullopt;
}

Values joined(const Header& image, std::span<const VendorElement> elements)
{
    Values components;
    for (const auto& element : elements) {
        const auto value = vendor_value(image, element);
        if (!number_of(value)) {
            return {};
        }
        components.push_back(value->items.front());
    }
    return components;
}

Values direction_of(const Header& image)
{
    constexpr std::size_t dimensions = 3;
    auto direction = standard_values(image, {{gradient_sequence}, {gradient_tag}});
    if (direction.empty()) {
        direction = joined(image, philips_direction);
    }
    if (direction.empty()) {
        const auto value = vendor_value(image, uih_direction);
        direction = value ? value->items : Values{};
    }
    if (direction.empty()) {
        direction = joined(image, ge_direction);
    }
    return direction.size() == dimensions ? direction : Values{};
}

/// Whether a b-value of 0 means something: an image without weighting in a diffusion series.
bool is_of_diffusion_series(const Header& image, const std::string& directionality)
{
    if (!directionality.empty() || number_of(vendor_value(image, ge_directions)).value_or(0) > 0
        || vendor_value(image, vendor_b_values.back())) {
        return true;
    }
    const auto technique = vendor_value(image, philips_technique);
    return image.text({0x0008, 0x0008}).find("DIFFUSION") != std::string::npos
           || (technique && technique->text.starts_with("Dw"));
}

void add_frames(std::set<double>& b_values, const Header& image)
{
    for (const auto& values :
         image.values_in_items(frame_groups, {{diffusion_macro}, {b_value_tag}})) {
        if (const auto number = values.empty() ? std::nullopt : as_number(values.front())) {
            b_values.insert(*number);
        }
    }
}

json::Array as_texts(const std::set<double>& numbers)
{
    json::Array texts;
    for (const auto number : numbers) {
        texts.emplace_back(plain_number(number));
    }
    return texts;
}

json::Object information(const Header& image, double b_value, const std::string& directionality)
{
    const auto direction = direction_of(image);
    return {{"B_value", plain_number(b_value)},
            {"DiffusionDirectionality", directionality},
            {"DiffusionGradientDirection", json::Array{direction.begin(), direction.end()}},
            {"InstanceNumber", image.text({0x0020, 0x0013})},
            {"SOPInstanceUID", image.text({0x0008, 0x0018})}};
}

} // namespace

json::Object diffusion_fields(const dicom::Header& image, const json::Object& fields)
{
    json::Object result;
    std::set<double> b_values;
    if (const auto siemens = fields.find(siemens_diffusion_key); siemens != fields.end()) {
        const auto b_value = siemens->second.array().front().text("B_value");
        if (const auto number = as_number(b_value)) {
            b_values.insert(*number);
        }
    } else if (image.text({0x0008, 0x0060}) == "MR") {
        const auto b_value = b_value_of(image);
        const auto kind = standard_values(image, {{directionality_tag}});
        const auto directionality = kind.empty() ? std::string{} : kind.front();
        if (b_value && std::isfinite(*b_value)
            && (*b_value > 0 || is_of_diffusion_series(image, directionality))) {
            b_values.insert(*b_value);
            result.emplace(diffusion_key,
                           json::Array{information(image, *b_value, directionality)});
        }
    }
    if (!b_values.empty()) {
        add_frames(b_values, image);
        result.emplace(b_values_key, as_texts(b_values));
    }
    return result;
}

} // namespace fiona::classify
