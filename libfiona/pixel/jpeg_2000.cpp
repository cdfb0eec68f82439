// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pixel/frame_codec.h"

#include <openjpeg.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

namespace fiona::pixel {

namespace {

struct Cursor {
    const Bytes* bytes = nullptr;
    std::size_t at = 0;
};

std::size_t read_bytes(void* target, std::size_t count, void* user)
{
    auto& cursor = *static_cast<Cursor*>(user);
    const auto got = std::min(count, cursor.bytes->size() - cursor.at);
    if (got == 0) {
        return static_cast<std::size_t>(-1); // OpenJPEG's end of file
    }
    std::memcpy(target, cursor.bytes->data() + cursor.at, got);
    cursor.at += got;
    return got;
}

std::int64_t skip_bytes(std::int64_t count, void* user)
{
    auto& cursor = *static_cast<Cursor*>(user);
    if (count < 0 || static_cast<std::uint64_t>(count) > cursor.bytes->size() - cursor.at) {
        return -1;
    }
    cursor.at += static_cast<std::size_t>(count);
    return count;
}

int seek_bytes(std::int64_t to, void* user)
{
    auto& cursor = *static_cast<Cursor*>(user);
    if (to < 0 || static_cast<std::uint64_t>(to) > cursor.bytes->size()) {
        return 0;
    }
    cursor.at = static_cast<std::size_t>(to);
    return 1;
}

void say_nothing(const char* /*text*/, void* /*user*/) {}

/// OpenJPEG's image fits the header: same size, every component full and of the same depth.
void check_image(const opj_image_t& image, const PixelLayout& layout)
{
    bool fits = image.numcomps == layout.samples;
    for (std::uint32_t i = 0; fits && i < image.numcomps; ++i) {
        const auto& part = image.comps[i];
        fits =
            part.w == layout.columns && part.h == layout.rows && part.prec <= layout.bits_allocated;
    }
    if (!fits) {
        throw Error{Fault::data, "a JPEG 2000 frame is of another shape than the header says"};
    }
}

Bytes samples_of(const opj_image_t& image, const PixelLayout& layout)
{
    const auto pixels = layout.pixels();
    const std::size_t width = layout.bytes_per_sample();
    Bytes samples(pixels * layout.samples * width);
    for (std::size_t component = 0; component < layout.samples; ++component) {
        const auto* const values = image.comps[component].data;
        if (values == nullptr) {
            throw Error{Fault::data, "a JPEG 2000 frame lacks a component"};
        }
        for (std::size_t i = 0; i < pixels; ++i) {
            const auto value = static_cast<std::uint32_t>(values[i]);
            auto* const target = samples.data() + (i * layout.samples + component) * width;
            target[0] = static_cast<std::uint8_t>(value);
            if (width == 2) {
                target[1] = static_cast<std::uint8_t>(value >> 8U);
            }
        }
    }
    return samples;
}

/// Some writers put the codestream into a JP2 file, which PS3.5 §A.4.4 does not foresee.
bool is_boxed(const Bytes& bytes)
{
    constexpr std::array<std::uint8_t, 8> signature{0, 0, 0, 12, 'j', 'P', ' ', ' '};
    return bytes.size() >= signature.size()
           && std::equal(signature.begin(), signature.end(), bytes.begin());
}

} // namespace

Frame decode_jpeg_2000(const Bytes& bytes, const PixelLayout& layout)
{
    Cursor cursor{&bytes};
    const std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)> codec{
        opj_create_decompress(is_boxed(bytes) ? OPJ_CODEC_JP2 : OPJ_CODEC_J2K), opj_destroy_codec};
    const std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)> stream{
        opj_stream_create(65536, OPJ_TRUE), opj_stream_destroy};
    opj_stream_set_user_data(stream.get(), &cursor, nullptr);
    opj_stream_set_user_data_length(stream.get(), bytes.size());
    opj_stream_set_read_function(stream.get(), read_bytes);
    opj_stream_set_skip_function(stream.get(), skip_bytes);
    opj_stream_set_seek_function(stream.get(), seek_bytes);
    opj_set_error_handler(codec.get(), say_nothing, nullptr);
    opj_set_warning_handler(codec.get(), say_nothing, nullptr);
    opj_set_info_handler(codec.get(), say_nothing, nullptr);

    opj_dparameters_t parameters{};
    opj_set_default_decoder_parameters(&parameters);
    opj_image_t* header = nullptr;
    const bool ready = opj_setup_decoder(codec.get(), &parameters) != 0
                       && opj_read_header(stream.get(), codec.get(), &header) != 0;
    const std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)> image{header,
                                                                           opj_image_destroy};
    if (!ready || !image) {
        throw Error{Fault::data, "a JPEG 2000 frame has a broken header"};
    }
    check_image(*image, layout);
    // Strict: OpenJPEG would fill what a truncated stream lacks with grey and say it is fine.
    if (opj_decoder_set_strict_mode(codec.get(), OPJ_TRUE) == 0
        || opj_decode(codec.get(), stream.get(), image.get()) == 0) {
        throw Error{Fault::data, "a JPEG 2000 frame is broken"};
    }
    check_image(*image, layout);
    Frame frame{layout, samples_of(*image, layout)};
    frame.layout.is_planar = false;
    if (layout.samples == 3) { // the inverse of the component transformation was applied
        frame.layout.photometric =
            layout.photometric == Photometric::ybr_full ? Photometric::ybr_full : Photometric::rgb;
    }
    return frame;
}

} // namespace fiona::pixel
