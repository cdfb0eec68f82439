// SPDX-License-Identifier: MIT
#include "libfiona/wsi/slide_decoder.h"

#include "libfiona/base/error.h"

#include <dlfcn.h>
#include <openslide.h>

#include <cmath>

namespace fiona::wsi {

namespace {

/// A function of the loaded library.
template <typename Function>
Function function(void* library, const char* name)
{
    // NOLINTNEXTLINE(*-reinterpret-cast) what dlsym(3) gives is a function by POSIX
    const auto found = reinterpret_cast<Function>(::dlsym(library, name));
    if (found == nullptr) {
        throw Error{Fault::config, "the OpenSlide that is installed has no {}", name};
    }
    return found;
}

void* load()
{
    void* const library = ::dlopen("libopenslide.so.0", RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
        throw Error{Fault::config, "OpenSlide is not installed (package libopenslide0)"};
    }
    return library; // stays until the process ends: glib cannot be unloaded
}

} // namespace

struct SlideDecoder::State {
    void* library = load();
    decltype(&openslide_close) close = function<decltype(close)>(library, "openslide_close");
    decltype(&openslide_get_error) error =
        function<decltype(error)>(library, "openslide_get_error");
    decltype(&openslide_read_region) read_region =
        function<decltype(read_region)>(library, "openslide_read_region");
    std::unique_ptr<openslide_t, decltype(&openslide_close)> slide{nullptr, close};
    std::int32_t level = 0;
    double downsample = 1.0;
};

SlideDecoder::SlideDecoder(const std::filesystem::path& slide, std::uint64_t level_width,
                           std::uint64_t level_height)
    : m_state{std::make_unique<State>()}
{
    auto& state = *m_state;
    const auto open = function<decltype(&openslide_open)>(state.library, "openslide_open");
    const auto count =
        function<decltype(&openslide_get_level_count)>(state.library, "openslide_get_level_count");
    const auto dimensions = function<decltype(&openslide_get_level_dimensions)>(
        state.library, "openslide_get_level_dimensions");
    const auto downsample = function<decltype(&openslide_get_level_downsample)>(
        state.library, "openslide_get_level_downsample");
    state.slide.reset(open(slide.c_str()));
    if (!state.slide || state.error(state.slide.get()) != nullptr) { // its text holds file names
        throw Error{Fault::data, "OpenSlide cannot read this slide"};
    }
    for (std::int32_t level = 0; level < count(state.slide.get()); ++level) {
        std::int64_t width = 0;
        std::int64_t height = 0;
        dimensions(state.slide.get(), level, &width, &height);
        if (std::cmp_equal(width, level_width) && std::cmp_equal(height, level_height)) {
            state.level = level;
            state.downsample = downsample(state.slide.get(), level);
            return;
        }
    }
    throw Error{Fault::data, "OpenSlide knows no level of {} x {} pixels", level_width,
                level_height};
}

SlideDecoder::~SlideDecoder() = default;

ByteBuffer SlideDecoder::read(std::uint64_t x, std::uint64_t y, std::uint32_t width,
                              std::uint32_t height) const
{
    const auto pixels = std::size_t{width} * height;
    std::vector<std::uint32_t> samples(pixels);
    const auto in_level_0 = [this](std::uint64_t position) {
        return std::llround(static_cast<double>(position) * m_state->downsample);
    };
    m_state->read_region(m_state->slide.get(), samples.data(), in_level_0(x), in_level_0(y),
                         m_state->level, width, height);
    if (m_state->error(m_state->slide.get()) != nullptr) {
        throw Error{Fault::data, "OpenSlide cannot decode a part of this slide"};
    }
    ByteBuffer rgb;
    rgb.reserve(pixels * 3);
    for (const auto sample : samples) { // ARGB, multiplied by A already: put on white
        const auto rest = 255U - (sample >> 24U);
        for (const auto shift : {16U, 8U, 0U}) {
            rgb.push_back(
                static_cast<std::byte>(std::min(((sample >> shift) & 255U) + rest, 255U)));
        }
    }
    return rgb;
}

} // namespace fiona::wsi
