// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide.h"

#include "libfiona/anonymize/icc.h"
#include "libfiona/base/error.h"
#include "libfiona/wsi/slide_contents.h"
#include "libfiona/wsi/tiff_tags.h"

#include <algorithm>
#include <array>

namespace fiona::wsi {

namespace {

bool is_tiff(const SlideFile& file)
{
    constexpr auto starts =
        std::to_array<std::string_view>({{"II*\0", 4}, {"MM\0*", 4}, {"II+\0", 4}, {"MM\0+", 4}});
    std::array<char, 4> start{};
    if (file.size() < start.size()) {
        return false;
    }
    file.read(0, std::as_writable_bytes(std::span{start}));
    return std::ranges::find(starts, std::string_view{start.data(), start.size()}) != starts.end();
}

/// TIFF files of makers whose pictures of the glass look like levels: only OpenSlide tells them apart.
bool is_known_dialect(const Tiff& tiff)
{
    const auto& first = tiff.directories().front();
    const auto description = text_of(tiff, first, tag::image_description);
    const auto software = text_of(tiff, first, tag::software);
    const auto xmp = text_of(tiff, first, tag::xmp);
    const auto holds = [](const std::string& text, std::string_view word) {
        return text.find(word) != std::string::npos;
    };
    return holds(description, "<scn") || holds(description, "<iScan") || holds(xmp, "iScan")
           || software.starts_with("Philips") || holds(description, "PHILIPS")
           || software.starts_with("MedScan");
}

/// Each is looked at several times, and its place kept in memory: all directories may name one table.
void require_bearable(const Tiff& tiff)
{
    constexpr std::uint64_t most_pieces = std::uint64_t{1} << 23U; // 700,000 are a large slide
    std::uint64_t pieces = 0;
    for (const auto& directory : tiff.directories()) {
        for (const auto number : {tag::tile_offsets, tag::strip_offsets}) {
            const auto* const entry = directory.find(number);
            pieces += entry == nullptr ? 0 : entry->count;
        }
        if (pieces > most_pieces) {
            throw Error{Fault::data, "more than {} tiles and strips", most_pieces};
        }
    }
}

/// All are opened before the first is written.
void require_bearable(const std::vector<SlideImage>& images)
{
    constexpr std::ptrdiff_t most_levels = 32; // a side of 32 bits is halved no more often
    if (std::ranges::count(images, ImageRole::level, &SlideImage::role) > most_levels) {
        throw Error{Fault::data, "more than {} levels", most_levels};
    }
}

} // namespace

std::string_view to_string(SlideFormat format)
{
    switch (format) {
    case SlideFormat::aperio: return "aperio";
    case SlideFormat::hamamatsu: return "hamamatsu";
    case SlideFormat::generic_tiff: return "generic-tiff";
    case SlideFormat::other: break;
    }
    return "other";
}

std::string_view to_string(ImageRole role)
{
    switch (role) {
    case ImageRole::level: return "level";
    case ImageRole::thumbnail: return "thumbnail";
    case ImageRole::label: return "label";
    case ImageRole::macro: return "macro";
    case ImageRole::map: return "map";
    case ImageRole::plane: return "plane";
    case ImageRole::unknown: break;
    }
    return "unknown";
}

struct Slide::Contents {
    std::filesystem::path path;
    SlideFile file;
    std::optional<Tiff> tiff{};
    SlideContents found{};

    explicit Contents(const std::filesystem::path& from) : path{from}, file{from} {}
};

SlideFormat format_of(const Tiff& tiff)
{
    const auto& first = tiff.directories().front();
    if (tiff.kind() == TiffKind::ndpi) {
        return SlideFormat::hamamatsu;
    }
    if (text_of(tiff, first, tag::image_description).starts_with("Aperio")) {
        return SlideFormat::aperio;
    }
    return first.find(tag::tile_width) != nullptr && !is_known_dialect(tiff)
               ? SlideFormat::generic_tiff
               : SlideFormat::other;
}

Slide Slide::open(const std::filesystem::path& path)
{
    auto contents = std::make_unique<Contents>(path);
    auto format = SlideFormat::other;
    if (is_tiff(contents->file)) {
        contents->tiff.emplace(contents->file);
        require_bearable(*contents->tiff);
        format = format_of(*contents->tiff);
    }
    switch (format) {
    case SlideFormat::aperio: contents->found = read_aperio(*contents->tiff); break;
    case SlideFormat::hamamatsu: contents->found = read_hamamatsu(*contents->tiff); break;
    case SlideFormat::generic_tiff: contents->found = read_generic_tiff(*contents->tiff); break;
    case SlideFormat::other:
        contents->tiff.reset();
        contents->found = read_other(path);
        break;
    }
    require_bearable(contents->found.images);
    return Slide{std::move(contents)};
}

Slide::Slide(std::unique_ptr<Contents> contents) : m_contents{std::move(contents)} {}
Slide::Slide(Slide&& other) noexcept = default;
Slide& Slide::operator=(Slide&& other) noexcept = default;
Slide::~Slide() = default;

SlideFormat Slide::format() const
{
    return m_contents->found.format;
}

const std::filesystem::path& Slide::path() const
{
    return m_contents->path;
}

const SlideFile& Slide::file() const
{
    return m_contents->file;
}

const Tiff& Slide::tiff() const
{
    if (!m_contents->tiff) {
        throw Error{Fault::internal, "a slide without directories"};
    }
    return *m_contents->tiff;
}

const std::vector<SlideImage>& Slide::images() const
{
    return m_contents->found.images;
}

std::vector<SlideImage> Slide::levels() const
{
    std::vector<SlideImage> levels;
    std::ranges::copy_if(images(), std::back_inserter(levels),
                         [](const SlideImage& image) { return image.role == ImageRole::level; });
    return levels;
}

const SlideFacts& Slide::facts() const
{
    return m_contents->found.facts;
}

const std::vector<IdentifyingItem>& Slide::identifying() const
{
    return m_contents->found.identifying;
}

const Private<std::string>& Slide::scan_date() const
{
    return m_contents->found.scan_date;
}

const Private<std::string>& Slide::scanner_id() const
{
    return m_contents->found.scanner_id;
}

std::string Slide::icc_profile() const
{
    constexpr std::uint64_t longest = std::uint64_t{16} << 20U;
    if (!m_contents->tiff) {
        return {};
    }
    const auto& directory = tiff().directories().at(levels().front().directory);
    return anonymize::cleaned_icc_profile(tiff().bytes(directory, tag::icc_profile, longest));
}

} // namespace fiona::wsi
