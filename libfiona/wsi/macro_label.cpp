// SPDX-License-Identifier: MIT
#include "libfiona/wsi/macro_label.h"

#include "libfiona/base/error.h"
#include "libfiona/pixel/limited_child.h"
#include "libfiona/wsi/tiff_tags.h"
#include "libfiona/wsi/tile_table.h"

#include <jpeglib.h> // wants stdio before it

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace fiona::wsi {

namespace {

constexpr std::uint64_t most_bytes = std::uint64_t{48} << 20U;

// Thrown through libjpeg's frames, in a child that then ends.
[[noreturn]] void fail(j_common_ptr /*state*/)
{
    throw Error{Fault::data, "the macro image cannot be decoded"};
}

void say_nothing(j_common_ptr /*state*/) {}
void say_nothing_of(j_common_ptr /*state*/, int level)
{
    if (level < 0) { // a warning: damaged data
        throw Error{Fault::data, "the macro image is damaged"};
    }
}

jpeg_error_mgr* set_errors(jpeg_error_mgr& errors)
{
    ::jpeg_std_error(&errors);
    errors.error_exit = fail;
    errors.output_message = say_nothing;
    errors.emit_message = say_nothing_of;
    return &errors;
}

const unsigned char* as_bytes(std::string_view text)
{
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) what libjpeg takes
    return reinterpret_cast<const unsigned char*>(text.data());
}

class Decoder {
public:
    Decoder(std::string_view tables, std::string_view stream)
    {
        m_state.err = set_errors(m_errors);
        jpeg_create_decompress(&m_state);
        if (!tables.empty()) {
            ::jpeg_mem_src(&m_state, as_bytes(tables), tables.size());
            ::jpeg_read_header(&m_state, FALSE);
        }
        ::jpeg_mem_src(&m_state, as_bytes(stream), stream.size());
        ::jpeg_read_header(&m_state, TRUE);
        if (m_state.num_components != 3 || m_state.image_width > 65'500
            || m_state.image_height > 65'500) {
            throw Error{Fault::data, "the macro image has {} components", m_state.num_components};
        }
    }
    Decoder(const Decoder&) = delete;
    Decoder& operator=(const Decoder&) = delete;
    ~Decoder() { ::jpeg_destroy_decompress(&m_state); }

    jpeg_decompress_struct* get() { return &m_state; }

private:
    jpeg_decompress_struct m_state{};
    jpeg_error_mgr m_errors{};
};

/// Blocks of a component that hold something of the label, whole MCUs.
JDIMENSION label_blocks(const jpeg_decompress_struct& state, const jpeg_component_info& component,
                        double fraction)
{
    const auto mcu = static_cast<double>(state.max_h_samp_factor) * DCTSIZE;
    const auto mcus = std::ceil(fraction * state.image_width / mcu);
    const auto blocks =
        static_cast<JDIMENSION>(mcus) * static_cast<JDIMENSION>(component.h_samp_factor);
    return std::min(blocks, component.width_in_blocks);
}

void blank(Decoder& decoder, jvirt_barray_ptr* arrays, double fraction, bool is_rgb)
{
    auto* const state = decoder.get();
    for (int c = 0; c < state->num_components; ++c) {
        auto& component = state->comp_info[c];
        const auto blocks = label_blocks(*state, component, fraction);
        const auto* const table = component.quant_table;
        if (table == nullptr || table->quantval[0] == 0) {
            throw Error{Fault::data, "the macro image has no tables"};
        }
        // White: 127 above the middle in every sample; of a chroma component the middle itself.
        const int white = is_rgb || c == 0 ? 127 * DCTSIZE / table->quantval[0] : 0;
        for (JDIMENSION row = 0; row < component.height_in_blocks; ++row) {
            auto* const line = state->mem->access_virt_barray(
                // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) a macro of libjpeg
                reinterpret_cast<j_common_ptr>(state), arrays[c], row, 1, TRUE)[0];
            for (JDIMENSION column = 0; column < blocks; ++column) {
                std::fill_n(line[column], DCTSIZE2, JCOEF{0});
                line[column][0] = static_cast<JCOEF>(white);
            }
        }
    }
}

class Encoder {
public:
    explicit Encoder(std::size_t room) : m_bytes(room, '\0')
    {
        m_state.err = set_errors(m_errors);
        jpeg_create_compress(&m_state);
        m_room.next_output_byte = out();
        m_room.free_in_buffer = room;
        m_room.init_destination = [](j_compress_ptr /*state*/) {};
        m_room.empty_output_buffer = [](j_compress_ptr /*state*/) -> boolean {
            throw Error{Fault::data,
                        "the macro image with its label blanked is larger than before"};
        };
        m_room.term_destination = [](j_compress_ptr /*state*/) {};
        m_state.dest = &m_room;
    }
    Encoder(const Encoder&) = delete;
    Encoder& operator=(const Encoder&) = delete;
    ~Encoder() { ::jpeg_destroy_compress(&m_state); }

    jpeg_compress_struct* get() { return &m_state; }
    /// As long as the room was, zeros behind the end of the stream.
    [[nodiscard]] std::string taken() const { return m_bytes; }

private:
    unsigned char* out()
    {
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) what libjpeg takes
        return reinterpret_cast<unsigned char*>(m_bytes.data());
    }

    jpeg_compress_struct m_state{};
    jpeg_error_mgr m_errors{};
    jpeg_destination_mgr m_room{};
    std::string m_bytes;
};

std::string blanked(std::string_view tables, std::string_view stream, double fraction, bool is_rgb)
{
    Decoder decoder{tables, stream};
    auto* const arrays = ::jpeg_read_coefficients(decoder.get());
    blank(decoder, arrays, fraction, is_rgb);
    Encoder encoder{stream.size()};
    ::jpeg_copy_critical_parameters(decoder.get(), encoder.get());
    auto* const state = encoder.get();
    state->restart_interval = decoder.get()->restart_interval;
    state->write_JFIF_header = FALSE;
    state->write_Adobe_marker = decoder.get()->saw_Adobe_marker;
    // Tables made for these blocks, in the strip: shared ones may lack a code that white needs.
    state->optimize_coding = TRUE;
    for (int c = 0; c < state->num_components; ++c) {
        state->comp_info[c].component_id = decoder.get()->comp_info[c].component_id;
    }
    ::jpeg_write_coefficients(state, arrays);
    ::jpeg_finish_compress(state);
    ::jpeg_finish_decompress(decoder.get());
    return encoder.taken();
}

/// Whether the label part of a strip is white; columns counted as blank() does, without the last MCU.
bool is_white(std::string_view tables, std::string_view stream, double fraction, bool is_rgb)
{
    constexpr unsigned nearly_white = 240;
    Decoder decoder{tables, stream};
    auto* const state = decoder.get();
    if (is_rgb) {
        state->jpeg_color_space = JCS_RGB;
    }
    state->out_color_space = JCS_RGB;
    ::jpeg_start_decompress(state);
    const auto columns = static_cast<std::size_t>(fraction * state->output_width);
    std::vector<unsigned char> row(std::size_t{3} * state->output_width);
    bool is_clean = true;
    while (state->output_scanline < state->output_height) {
        auto* pointer = row.data();
        ::jpeg_read_scanlines(state, &pointer, 1);
        is_clean =
            is_clean
            && std::all_of(row.begin(), row.begin() + static_cast<std::ptrdiff_t>(3 * columns),
                           [](unsigned char value) { return value >= nearly_white; });
    }
    ::jpeg_finish_decompress(state);
    return is_clean;
}

struct Strips {
    std::string tables;
    std::vector<ByteRange> places;
    bool is_rgb =
        false; ///< TIFF photometric 2: the components are no YCbCr, whatever the stream says
};

Strips strips_of(const Slide& slide, std::size_t index)
{
    const auto& tiff = slide.tiff();
    const auto& directory = tiff.directories().at(index);
    constexpr std::uint64_t jpeg = 7;
    constexpr std::uint64_t rgb = 2;
    if (tiff.number(directory, tag::compression) != jpeg) {
        throw Error{Fault::data, "the macro image is no JPEG: it can be removed, not blanked"};
    }
    TileTable table{tiff, directory};
    if (table.is_tiled()) {
        throw Error{Fault::data, "the macro image has tiles: it can be removed, not blanked"};
    }
    Strips strips{tiff.bytes(directory, tag::jpeg_tables, std::uint64_t{1} << 20U),
                  {},
                  tiff.number(directory, tag::photometric) == rgb};
    std::uint64_t total = 0;
    for (std::uint64_t i = 0; i < table.size(); ++i) {
        const auto extent = table.at(i);
        total += extent.bytes;
        if (extent.bytes == 0 || total > most_bytes) {
            throw Error{Fault::data, "the macro image has {} bytes", total};
        }
        strips.places.push_back({extent.offset, extent.bytes});
    }
    return strips;
}

std::string bytes_of(const Slide& slide, const ByteRange& place)
{
    std::string bytes(place.bytes, '\0');
    slide.file().read(place.offset, std::as_writable_bytes(std::span{bytes}));
    return bytes;
}

} // namespace

double label_fraction(SlideFormat format, double wanted)
{
    constexpr double aperio = 0.35;
    constexpr double hamamatsu = 0.30;
    const auto own = format == SlideFormat::hamamatsu ? hamamatsu : aperio;
    if (!(wanted >= 0.0 && wanted <= 1.0)) {
        throw Error{Fault::usage, "the label's part of the width is not between 0 and 1"};
    }
    return wanted == 0.0 ? own : wanted;
}

std::vector<Patch> blanked_strips(const Slide& slide, std::size_t directory, double fraction)
{
    const auto strips = strips_of(slide, directory);
    const auto part = label_fraction(slide.format(), fraction);
    const auto all = pixel::run_limited({}, [&] {
        std::string joined;
        for (const auto& place : strips.places) {
            joined += blanked(strips.tables, bytes_of(slide, place), part, strips.is_rgb);
        }
        return joined;
    });
    std::vector<Patch> patches;
    std::size_t at = 0;
    for (const auto& place : strips.places) {
        if (all.size() - at < place.bytes) {
            throw Error{Fault::internal, "a blanked macro image lacks strips"};
        }
        patches.push_back({place.offset, all.substr(at, place.bytes)});
        at += place.bytes;
    }
    return patches;
}

void check_blanked(const Slide& copy, double fraction)
{
    const auto macro = std::ranges::find(copy.images(), ImageRole::macro, &SlideImage::role);
    if (macro == copy.images().end()) {
        throw Error{Fault::data, "the copy has no macro image"};
    }
    const auto strips = strips_of(copy, macro->directory);
    const auto part = label_fraction(copy.format(), fraction);
    const auto answer = pixel::run_limited({}, [&] {
        return std::string{std::ranges::all_of(strips.places,
                                               [&](const ByteRange& place) {
                                                   return is_white(strips.tables,
                                                                   bytes_of(copy, place), part,
                                                                   strips.is_rgb);
                                               })
                               ? "white"
                               : "not white"};
    });
    if (answer != "white") {
        throw Error{Fault::data, "the label of the macro image is not blank"};
    }
}

} // namespace fiona::wsi
