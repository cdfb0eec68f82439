// SPDX-License-Identifier: MIT
#include "libfiona/wsi/openslide_reader.h"

#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/number.h"
#include "libfiona/base/shared_library.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/pixel/limited_child.h"
#include "libfiona/wsi/slide_contents.h"

#include <fcntl.h>
#include <openslide.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace fiona::wsi {

namespace fs = std::filesystem;

namespace {

/// For a child of ours: what the library's decoders print may hold what they read.
SharedLibrary silent_openslide()
{
    SharedLibrary library{"libopenslide.so.0", "OpenSlide", "libopenslide0"};
    const UniqueFd nowhere{::open("/dev/null", O_WRONLY | O_CLOEXEC)};
    for (const int stream : {STDOUT_FILENO, STDERR_FILENO}) {
        if (::dup2(nowhere.get(), stream) < 0) {
            throw os_error(errno, "silence a child process");
        }
    }
    return library;
}

/// An open slide, inside the child.
class Reader {
public:
    Reader(const SharedLibrary& library, const fs::path& path)
        : m_library{&library}, m_slide{library.get<decltype(openslide_open)>("openslide_open")(
                                           path.c_str()),
                                       library.get<decltype(openslide_close)>("openslide_close")}
    {
        if (m_slide == nullptr) {
            throw Error{Fault::data, "no slide that OpenSlide knows"};
        }
        check();
    }

    template <typename Function, typename... Arguments>
    auto call(const char* name, Arguments... arguments) const
    {
        return m_library->get<Function>(name)(m_slide.get(), arguments...);
    }
    /// Its own words may hold the file's name, or what it read.
    void check() const
    {
        if (call<decltype(openslide_get_error)>("openslide_get_error") != nullptr) {
            throw Error{Fault::data, "OpenSlide cannot read the slide"};
        }
    }
    [[nodiscard]] std::string property(const char* name) const
    {
        const auto* const value =
            call<decltype(openslide_get_property_value)>("openslide_get_property_value", name);
        return value == nullptr ? std::string{} : std::string{value};
    }

private:
    const SharedLibrary* m_library; // first: the slide is closed by a function of it
    std::unique_ptr<openslide_t, decltype(&openslide_close)> m_slide;
};

std::string rgb(const Reader& reader, const Region& region)
{
    const auto level = static_cast<std::int32_t>(region.level);
    const auto downsample = reader.call<decltype(openslide_get_level_downsample)>(
        "openslide_get_level_downsample", level);
    const auto full = [&](std::uint64_t place) {
        return std::int64_t{std::llround(static_cast<double>(place) * downsample)};
    };
    const auto pixels = std::size_t{region.width} * region.height;
    std::vector<std::uint32_t> samples(pixels);
    reader.call<decltype(openslide_read_region)>(
        "openslide_read_region", samples.data(), full(region.x), full(region.y), level,
        std::int64_t{region.width}, std::int64_t{region.height});
    reader.check();
    std::string bytes;
    bytes.reserve(3 * pixels);
    for (const auto sample : samples) { // ARGB, multiplied by its alpha
        const auto white = 255 - (sample >> 24U);
        for (const unsigned shift : {16U, 8U, 0U}) {
            bytes.push_back(static_cast<char>(std::min(255U, (sample >> shift & 255U) + white)));
        }
    }
    return bytes;
}

ImageRole associated_role(std::string_view name)
{
    return name == "label"       ? ImageRole::label
           : name == "macro"     ? ImageRole::macro
           : name == "thumbnail" ? ImageRole::thumbnail
                                 : ImageRole::unknown;
}

json::Array levels(const Reader& reader)
{
    json::Array found;
    const auto count =
        reader.call<decltype(openslide_get_level_count)>("openslide_get_level_count");
    for (std::int32_t level = 0; level < std::min(count, 64); ++level) {
        std::int64_t width = 0;
        std::int64_t height = 0;
        reader.call<decltype(openslide_get_level_dimensions)>("openslide_get_level_dimensions",
                                                              level, &width, &height);
        const auto downsample = reader.call<decltype(openslide_get_level_downsample)>(
            "openslide_get_level_downsample", level);
        found.push_back(
            json::Object{{"width", width}, {"height", height}, {"downsample", downsample}});
    }
    return found;
}

json::Array associated(const Reader& reader)
{
    json::Array found;
    const auto* names = reader.call<decltype(openslide_get_associated_image_names)>(
        "openslide_get_associated_image_names");
    for (; names != nullptr && *names != nullptr; ++names) {
        std::int64_t width = 0;
        std::int64_t height = 0;
        reader.call<decltype(openslide_get_associated_image_dimensions)>(
            "openslide_get_associated_image_dimensions", *names, &width, &height);
        found.push_back(json::Object{{"name", *names}, {"width", width}, {"height", height}});
    }
    return found;
}

json::Object properties(const Reader& reader)
{
    json::Object found;
    const auto* names =
        reader.call<decltype(openslide_get_property_names)>("openslide_get_property_names");
    for (; names != nullptr && *names != nullptr && found.size() < 10'000; ++names) {
        found[*names] = reader.property(*names);
    }
    return found;
}

std::optional<double> positive(const std::string& text)
{
    const auto value = read_number<double>(text);
    return value && std::isfinite(*value) && *value > 0.0 ? value : std::nullopt;
}

SlideImage image_of(const json::Value& from, ImageRole role)
{
    const auto size = [&](const char* key) {
        const auto* const value = from.find(key);
        if (value == nullptr || value->integer() <= 0) {
            throw Error{Fault::data, "a picture without size"};
        }
        return static_cast<std::uint64_t>(value->integer());
    };
    SlideImage image;
    image.role = role;
    image.width = size("width");
    image.height = size("height");
    if (const auto* const downsample = from.find("downsample")) {
        image.downsample = downsample->number();
    }
    return image;
}

/// OpenSlide's own measurements; everything else is a scanner's text.
bool is_kept_property(std::string_view name)
{
    return (name.starts_with("openslide.") && name != "openslide.comment"
            && name != "openslide.quickhash-1")
           || name == "tiff.ResolutionUnit" || name == "tiff.XResolution"
           || name == "tiff.YResolution";
}

} // namespace

std::vector<std::string> decode_regions(const fs::path& slide, std::span<const Region> regions)
{
    std::uint64_t total = 0;
    for (const auto& region : regions) {
        total += std::uint64_t{3} * region.width * region.height;
        if (total > most_region_bytes) {
            throw Error{Fault::internal, "regions of more than {} bytes", most_region_bytes};
        }
    }
    const auto bytes = pixel::run_limited({}, [&] {
        const auto library = silent_openslide();
        const Reader reader{library, slide};
        std::string all;
        all.reserve(total);
        for (const auto& region : regions) {
            all += rgb(reader, region);
        }
        return all;
    });
    if (bytes.size() != total) {
        throw Error{Fault::internal, "OpenSlide gave {} bytes of {}", bytes.size(), total};
    }
    std::vector<std::string> parts;
    std::size_t place = 0;
    for (const auto& region : regions) {
        const auto size = std::size_t{3} * region.width * region.height;
        parts.push_back(bytes.substr(place, size));
        place += size;
    }
    return parts;
}

struct LevelReader::State {
    explicit State(const fs::path& slide) : reader{library, slide} {}

    SharedLibrary library = silent_openslide();
    Reader reader;
    std::size_t level = 0;
};

LevelReader::LevelReader(const fs::path& slide, std::uint64_t width, std::uint64_t height)
    : m_state{std::make_unique<State>(slide)}
{
    const auto all = levels(m_state->reader);
    const auto found = std::ranges::find_if(all, [&](const json::Value& level) {
        return std::cmp_equal(level.find("width")->integer(), width)
               && std::cmp_equal(level.find("height")->integer(), height);
    });
    if (found == all.end()) {
        throw Error{Fault::data, "OpenSlide knows no level of {} x {} pixels", width, height};
    }
    m_state->level = static_cast<std::size_t>(found - all.begin());
}

LevelReader::~LevelReader() = default;

std::string LevelReader::read(Region region) const
{
    region.level = m_state->level;
    return rgb(m_state->reader, region);
}

SlideContents read_other(const fs::path& path)
{
    const auto answer = pixel::run_limited({}, [&] {
        const auto library = silent_openslide();
        const Reader reader{library, path};
        json::Object found{{"levels", levels(reader)},
                           {"associated", associated(reader)},
                           {"properties", properties(reader)}};
        reader.check();
        return json::write(json::Value{std::move(found)});
    });
    const auto found = json::parse(answer, "what OpenSlide says");
    SlideContents contents;
    contents.format = SlideFormat::other;
    for (const auto& level : found.find("levels")->array()) {
        contents.images.push_back(image_of(level, ImageRole::level));
    }
    if (contents.images.empty()) {
        throw Error{Fault::data, "a slide without a level"};
    }
    for (const auto& image : found.find("associated")->array()) {
        const auto role = associated_role(image.text("name"));
        contents.images.push_back(image_of(image, role));
        if (role != ImageRole::thumbnail) {
            contents.identifying.push_back(
                {fmt::format("{} image", to_string(role)), 0, Private{std::string{}}});
        }
    }
    const auto& properties = *found.find("properties");
    for (const auto& [name, value] : properties.object()) {
        if (!is_kept_property(name)) {
            const auto is_plain = [](char c) { return c >= ' ' && c <= '~'; };
            const bool is_word = name.size() <= 64 && std::ranges::all_of(name, is_plain);
            contents.identifying.push_back(
                {fmt::format("property {}", is_word ? name : "of no plain name"), 0,
                 Private{value.text()}});
        }
    }
    contents.facts.manufacturer = properties.text("openslide.vendor");
    contents.facts.objective_power = positive(properties.text("openslide.objective-power"));
    contents.facts.mpp_x = positive(properties.text("openslide.mpp-x"));
    contents.facts.mpp_y = positive(properties.text("openslide.mpp-y"));
    return contents;
}

} // namespace fiona::wsi
