// SPDX-License-Identifier: MIT
#include "libfiona/wsi/inspect.h"

#include "libfiona/wsi/tile_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace fiona::wsi {

namespace {

std::string_view name_of(const SlideImage& image)
{
    switch (image.coding) {
    case TileCoding::jpeg: return "jpeg";
    case TileCoding::jpeg2000_ycc: return "jpeg2000-ycc";
    case TileCoding::jpeg2000_rgb: return "jpeg2000-rgb";
    case TileCoding::other: break;
    }
    return "other";
}

std::string_view colours_of(const SlideImage& image)
{
    constexpr std::uint16_t rgb = 2;
    constexpr std::uint16_t ycbcr = 6;
    return image.photometric == rgb ? "rgb" : image.photometric == ycbcr ? "ycbcr" : "other";
}

struct TileCount {
    std::uint64_t all = 0;
    std::uint64_t missing = 0;
};

TileCount tiles_of(const Slide& slide, const SlideImage& image)
{
    if (slide.format() == SlideFormat::other || image.tile_width == 0) {
        return {};
    }
    TileTable table{slide.tiff(), slide.tiff().directories()[image.directory]};
    TileCount count{table.size()};
    for (std::uint64_t i = 0; i < table.size(); ++i) {
        count.missing += table.at(i).bytes == 0 ? 1U : 0U;
    }
    return count;
}

json::Object image_facts(const Slide& slide, const SlideImage& image)
{
    json::Object facts{{"width", image.width}, {"height", image.height}};
    if (slide.format() != SlideFormat::other) {
        facts["compression"] = name_of(image);
        facts["colours"] = colours_of(image);
        facts["directory"] = image.directory;
    }
    if (image.role == ImageRole::level) {
        facts["downsample"] = image.downsample;
        if (const auto tiles = tiles_of(slide, image); tiles.all > 0) {
            facts["tile_width"] = image.tile_width;
            facts["tile_height"] = image.tile_height;
            facts["tiles"] = tiles.all;
            facts["missing_tiles"] = tiles.missing;
        }
    } else {
        facts["kind"] = to_string(image.role);
    }
    return facts;
}

/// Names and how often each occurs: a slide says the same in every directory.
std::map<std::string, std::vector<std::size_t>> identifying_places(const Slide& slide)
{
    std::map<std::string, std::vector<std::size_t>> places;
    for (const auto& item : slide.identifying()) {
        auto& directories = places[item.name];
        if (std::ranges::find(directories, item.directory) == directories.end()) {
            directories.push_back(item.directory);
        }
    }
    return places;
}

void put(json::Object& into, const char* key, const std::optional<double>& value)
{
    if (value) {
        into[key] = *value;
    }
}

void put(json::Object& into, const char* key, const std::string& value)
{
    if (!value.empty()) {
        into[key] = value;
    }
}

json::Object scanner(const Slide& slide)
{
    const auto& facts = slide.facts();
    json::Object found;
    put(found, "manufacturer", facts.manufacturer);
    put(found, "model", facts.model);
    put(found, "software", facts.software);
    put(found, "parmset", facts.parmset);
    put(found, "objective_power", facts.objective_power);
    put(found, "mpp_x", facts.mpp_x);
    put(found, "mpp_y", facts.mpp_y);
    put(found, "origin_x_mm", facts.origin_x_mm);
    put(found, "origin_y_mm", facts.origin_y_mm);
    return found;
}

std::string level_line(const Slide& slide, const SlideImage& level, std::size_t number)
{
    auto line = fmt::format("level {}: {} x {}, 1:{:.4g}", number, level.width, level.height,
                            level.downsample);
    if (slide.format() == SlideFormat::other) {
        return line;
    }
    line += fmt::format(", {} {}", name_of(level), colours_of(level));
    if (const auto tiles = tiles_of(slide, level); tiles.all > 0) {
        line +=
            fmt::format(", {} tiles of {} x {}", tiles.all, level.tile_width, level.tile_height);
        line += tiles.missing > 0 ? fmt::format(", {} missing", tiles.missing) : "";
    } else {
        line += ", no tiles";
    }
    return line;
}

} // namespace

json::Value inspected(const Slide& slide)
{
    json::Array levels;
    json::Array others;
    for (const auto& image : slide.images()) {
        (image.role == ImageRole::level ? levels : others).push_back(image_facts(slide, image));
    }
    json::Array identifying;
    for (const auto& [name, directories] : identifying_places(slide)) {
        identifying.push_back(json::Object{
            {"name", name}, {"directories", json::Array{directories.begin(), directories.end()}}});
    }
    return json::Object{{"format", to_string(slide.format())},
                        {"bytes", slide.file().size()},
                        {"levels", std::move(levels)},
                        {"other_pictures", std::move(others)},
                        {"scanner", scanner(slide)},
                        {"icc_profile_bytes", slide.icc_profile().size()},
                        {"identifying", std::move(identifying)}};
}

std::vector<std::string> inspected_lines(const Slide& slide)
{
    std::vector<std::string> lines{
        fmt::format("format: {}, {} bytes", to_string(slide.format()), slide.file().size())};
    for (const auto& [key, value] : scanner(slide)) {
        lines.push_back(
            fmt::format("{}: {}", key,
                        value.is_string() ? value.string() : fmt::format("{:g}", value.number())));
    }
    std::size_t number = 0;
    for (const auto& image : slide.images()) {
        lines.push_back(
            image.role == ImageRole::level
                ? level_line(slide, image, number++)
                : fmt::format("{}: {} x {}", to_string(image.role), image.width, image.height));
    }
    lines.push_back(fmt::format("colour profile: {} bytes", slide.icc_profile().size()));
    for (const auto& [name, directories] : identifying_places(slide)) {
        lines.push_back(slide.format() == SlideFormat::other
                            ? fmt::format("identifying: {}", name)
                            : fmt::format("identifying: {} (directory {})", name,
                                          fmt::join(directories, ", ")));
    }
    return lines;
}

} // namespace fiona::wsi
