// SPDX-License-Identifier: MIT
#include "libfiona/wsi/jpeg_encoder.h"

#include "libfiona/base/error.h"

#include <jpeglib.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace fiona::wsi {

namespace {

/// libjpeg would end the process. What is given to it is ours, so only want of memory leads here; the
/// exception may pass its frames, which have unwind tables on all machines Debian has.
[[noreturn]] void refuse(j_common_ptr /*state*/)
{
    throw Error{Fault::internal, "the JPEG encoder failed"};
}

void say_nothing(j_common_ptr /*state*/) {}

class Compressor {
public:
    Compressor()
    {
        m_state.err = jpeg_std_error(&m_errors);
        m_errors.error_exit = refuse;
        m_errors.output_message = say_nothing;
        jpeg_create_compress(&m_state);
        jpeg_mem_dest(&m_state, &m_bytes, &m_count);
    }
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    ~Compressor()
    {
        jpeg_destroy_compress(&m_state);
        std::free(m_bytes); // NOLINT(*-no-malloc,*-owning-memory) jpeg_mem_dest made it
    }

    jpeg_compress_struct& state() { return m_state; }
    [[nodiscard]] ByteSpan bytes() const
    {
        return std::as_bytes(std::span{m_bytes, static_cast<std::size_t>(m_count)});
    }

private:
    jpeg_compress_struct m_state{};
    jpeg_error_mgr m_errors{};
    unsigned char* m_bytes = nullptr;
    unsigned long m_count = 0;
};

void set_shape(jpeg_compress_struct& state, const JpegShape& shape)
{
    state.image_width = shape.width;
    state.image_height = shape.height;
    state.input_components = 3;
    state.in_color_space = JCS_RGB;
    jpeg_set_defaults(&state);
    jpeg_set_colorspace(&state, shape.colour == JpegColour::rgb ? JCS_RGB : JCS_YCbCr);
    state.write_JFIF_header = FALSE;
    state.write_Adobe_marker = shape.colour == JpegColour::rgb ? TRUE : FALSE;
    jpeg_set_quality(&state, jpeg_quality, TRUE);
    const std::span components{state.comp_info, 3};
    for (std::size_t i = 0; i < components.size(); ++i) {
        auto& component = components[i];
        component.h_samp_factor = i == 0 && shape.colour == JpegColour::ycc ? 2 : 1;
        component.v_samp_factor = 1;
        if (!shape.components.empty()) {
            component.h_samp_factor = shape.components.at(i).horizontal;
            component.v_samp_factor = shape.components.at(i).vertical;
        }
    }
}

} // namespace

ByteBuffer encode_jpeg(ByteSpan rgb, const JpegShape& shape)
{
    const auto row_bytes = std::size_t{shape.width} * 3;
    if (shape.width == 0 || shape.height == 0 || rgb.size() != row_bytes * shape.height) {
        throw Error{Fault::internal, "samples of another size than their picture"};
    }
    Compressor compressor;
    auto& state = compressor.state();
    set_shape(state, shape);
    jpeg_start_compress(&state, TRUE);
    std::vector<JSAMPLE> row(row_bytes);
    while (state.next_scanline < state.image_height) {
        const auto samples = rgb.subspan(state.next_scanline * row_bytes, row_bytes);
        std::ranges::transform(samples, row.begin(),
                               [](std::byte value) { return std::to_integer<JSAMPLE>(value); });
        JSAMPROW line = row.data();
        jpeg_write_scanlines(&state, &line, 1);
    }
    jpeg_finish_compress(&state);
    const auto bytes = compressor.bytes();
    return {bytes.begin(), bytes.end()};
}

ByteBuffer white_jpeg(const JpegShape& shape)
{
    const ByteBuffer white(std::size_t{shape.width} * shape.height * 3, std::byte{0xff});
    return encode_jpeg(white, shape);
}

} // namespace fiona::wsi
