// SPDX-License-Identifier: MIT
#include "tests/support/tile_coder.h"

#include "libfiona/base/error.h"

#include <jpeglib.h> // wants stdio before it
#include <openjpeg.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace slide_maker {

namespace {

using fiona::Error;
using fiona::Fault;

/// Sums it up so that equal seeds give equal pictures on every machine.
std::uint32_t mixed(std::uint32_t value)
{
    value ^= value >> 16U;
    value *= 0x7feb352dU;
    value ^= value >> 15U;
    value *= 0x846ca68bU;
    return value ^ value >> 16U;
}

class Compressor {
public:
    Compressor(JpegColour colour, int quality, unsigned width, unsigned height)
    {
        m_state.err = ::jpeg_std_error(&m_errors);
        m_errors.error_exit = [](j_common_ptr) { std::abort(); };
        jpeg_create_compress(&m_state);
        ::jpeg_mem_dest(&m_state, &m_bytes, &m_size);
        m_state.image_width = width;
        m_state.image_height = height;
        m_state.input_components = 3;
        m_state.in_color_space = JCS_RGB;
        ::jpeg_set_defaults(&m_state);
        ::jpeg_set_colorspace(&m_state, colour == JpegColour::rgb ? JCS_RGB : JCS_YCbCr);
        ::jpeg_set_quality(&m_state, quality, TRUE);
        m_state.write_JFIF_header = FALSE;
        m_state.write_Adobe_marker = FALSE;
        if (colour == JpegColour::rgb) {
            for (int i = 0; i < 3; ++i) {
                m_state.comp_info[i].component_id = i;
            }
        }
    }
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    ~Compressor()
    {
        ::jpeg_destroy_compress(&m_state);
        std::free(m_bytes); // NOLINT(cppcoreguidelines-no-malloc) libjpeg's own
    }

    std::string tables()
    {
        ::jpeg_write_tables(&m_state);
        return taken();
    }
    std::string without_tables(const Picture& picture)
    {
        ::jpeg_suppress_tables(&m_state, TRUE);
        ::jpeg_start_compress(&m_state, FALSE);
        auto rgb = picture.rgb;
        while (m_state.next_scanline < m_state.image_height) {
            // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) samples as libjpeg has them
            auto* row = reinterpret_cast<JSAMPROW>(
                rgb.data() + std::size_t{3} * picture.width * m_state.next_scanline);
            ::jpeg_write_scanlines(&m_state, &row, 1);
        }
        ::jpeg_finish_compress(&m_state);
        return taken();
    }

private:
    [[nodiscard]] std::string taken() const
    {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) bytes are bytes
        return {reinterpret_cast<const char*>(m_bytes), m_size};
    }

    jpeg_compress_struct m_state{};
    jpeg_error_mgr m_errors{};
    unsigned char* m_bytes = nullptr;
    unsigned long m_size = 0;
};

struct Sink {
    std::string bytes;
    std::size_t place = 0;
};

OPJ_SIZE_T sink_write(void* from, OPJ_SIZE_T count, void* data)
{
    auto& sink = *static_cast<Sink*>(data);
    sink.bytes.resize(std::max(sink.bytes.size(), sink.place + count));
    std::copy_n(static_cast<const char*>(from), count,
                sink.bytes.begin() + static_cast<std::ptrdiff_t>(sink.place));
    sink.place += count;
    return count;
}

OPJ_OFF_T sink_skip(OPJ_OFF_T count, void* data)
{
    static_cast<Sink*>(data)->place += static_cast<std::size_t>(count);
    return count;
}

OPJ_BOOL sink_seek(OPJ_OFF_T place, void* data)
{
    static_cast<Sink*>(data)->place = static_cast<std::size_t>(place);
    return OPJ_TRUE;
}

std::array<int, 3> ycbcr(int r, int g, int b)
{
    const auto rounded = [](double value) {
        return std::clamp(static_cast<int>(std::lround(value)), 0, 255);
    };
    return {rounded(0.299 * r + 0.587 * g + 0.114 * b),
            rounded(128 - 0.168736 * r - 0.331264 * g + 0.5 * b),
            rounded(128 + 0.5 * r - 0.418688 * g - 0.081312 * b)};
}

} // namespace

Picture tissue(unsigned width, unsigned height, unsigned variant)
{
    Picture picture{width, height};
    picture.rgb.reserve(std::size_t{3} * width * height);
    for (unsigned y = 0; y < height; ++y) {
        for (unsigned x = 0; x < width; ++x) {
            const auto wave = std::sin((x + 13.0 * variant) / 17.0) * std::cos(y / 23.0);
            const auto noise = static_cast<int>(mixed((variant * 65'537 + y) * 8191 + x) % 24);
            const int tone = static_cast<int>(60 * wave) + noise;
            picture.rgb.push_back(static_cast<char>(std::clamp(190 + tone, 0, 255)));
            picture.rgb.push_back(static_cast<char>(std::clamp(120 + tone, 0, 255)));
            picture.rgb.push_back(static_cast<char>(std::clamp(170 - tone / 2, 0, 255)));
        }
    }
    return picture;
}

Picture glass(unsigned width, unsigned height, double label_fraction)
{
    Picture picture{width, height};
    for (unsigned y = 0; y < height; ++y) {
        for (unsigned x = 0; x < width; ++x) {
            const bool is_label = x < label_fraction * width;
            const bool is_ink = is_label && (x / 6 + y / 9) % 3 == 0;
            picture.rgb += is_ink     ? std::string("\x10\x10\x10", 3)
                           : is_label ? std::string("\xd8\x20\x20", 3)
                                      : std::string("\xb0\xb0\xb0", 3);
        }
    }
    return picture;
}

std::string jpeg_tables(JpegColour colour, int quality)
{
    return Compressor{colour, quality, 8, 8}.tables();
}

std::string jpeg_without_tables(const Picture& picture, JpegColour colour, int quality)
{
    return Compressor{colour, quality, picture.width, picture.height}.without_tables(picture);
}

std::string jpeg_2000(const Picture& picture, Wavelet wavelet, ComponentTransform transform)
{
    std::array<opj_image_cmptparm_t, 3> components{};
    for (auto& component : components) {
        component.dx = component.dy = 1;
        component.w = picture.width;
        component.h = picture.height;
        component.prec = 8;
    }
    const std::unique_ptr<opj_image_t, decltype(&opj_image_destroy)> image{
        ::opj_image_create(3, components.data(), OPJ_CLRSPC_SRGB), ::opj_image_destroy};
    image->x1 = picture.width;
    image->y1 = picture.height;
    const auto sample = [&](std::size_t i) {
        return static_cast<int>(static_cast<unsigned char>(picture.rgb[i]));
    };
    for (std::size_t i = 0; i < std::size_t{picture.width} * picture.height; ++i) {
        std::array<int, 3> values{sample(3 * i), sample(3 * i + 1), sample(3 * i + 2)};
        if (transform == ComponentTransform::before) {
            values = ycbcr(values[0], values[1], values[2]);
        }
        for (std::size_t c = 0; c < 3; ++c) {
            image->comps[c].data[i] = values.at(c);
        }
    }
    opj_cparameters_t parameters{};
    ::opj_set_default_encoder_parameters(&parameters);
    parameters.irreversible = wavelet == Wavelet::irreversible ? 1 : 0;
    parameters.tcp_mct = transform == ComponentTransform::inside ? 1 : 0;
    if (std::min(picture.width, picture.height) < 64) {
        parameters.numresolution = 2;
    }
    parameters.tcp_numlayers = 1;
    parameters.cp_disto_alloc = 1;
    parameters.tcp_rates[0] = wavelet == Wavelet::irreversible ? 10.0F : 0.0F;
    const std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)> codec{
        ::opj_create_compress(OPJ_CODEC_J2K), ::opj_destroy_codec};
    const std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)> stream{
        ::opj_stream_create(std::size_t{1} << 16U, OPJ_FALSE), ::opj_stream_destroy};
    Sink sink;
    ::opj_stream_set_user_data(stream.get(), &sink, nullptr);
    ::opj_stream_set_write_function(stream.get(), sink_write);
    ::opj_stream_set_skip_function(stream.get(), sink_skip);
    ::opj_stream_set_seek_function(stream.get(), sink_seek);
    if (::opj_setup_encoder(codec.get(), &parameters, image.get()) == OPJ_FALSE
        || ::opj_start_compress(codec.get(), image.get(), stream.get()) == OPJ_FALSE
        || ::opj_encode(codec.get(), stream.get()) == OPJ_FALSE
        || ::opj_end_compress(codec.get(), stream.get()) == OPJ_FALSE) {
        throw Error{Fault::internal, "OpenJPEG could not encode"};
    }
    return sink.bytes;
}

std::string lzw_strip(const Picture& picture)
{
    constexpr unsigned clear = 256;
    constexpr unsigned end = 257;
    constexpr unsigned code_bits = 9; // kept: the table is emptied before it needs a tenth
    constexpr std::size_t before_clear = 240;
    std::string bytes;
    unsigned waiting = 0;
    unsigned bits = 0;
    const auto put = [&](unsigned code) {
        waiting = waiting << code_bits | code;
        bits += code_bits;
        for (; bits >= 8; bits -= 8) {
            bytes.push_back(static_cast<char>(waiting >> (bits - 8)));
        }
    };
    const auto row = std::size_t{3} * picture.width;
    for (std::size_t i = 0; i < picture.rgb.size(); ++i) {
        if (i % before_clear == 0) {
            put(clear);
        }
        const unsigned left = i % row < 3 ? 0U : static_cast<unsigned char>(picture.rgb[i - 3]);
        put(static_cast<unsigned char>(
            static_cast<unsigned>(static_cast<unsigned char>(picture.rgb[i])) - left));
    }
    put(end);
    put(0); // the rest of the last byte
    return bytes;
}

Picture rows_of(const Picture& picture, unsigned first, unsigned rows)
{
    const auto row = std::size_t{3} * picture.width;
    rows = std::min(rows, picture.height - first);
    return {picture.width, rows, picture.rgb.substr(first * row, rows * row)};
}

} // namespace slide_maker
