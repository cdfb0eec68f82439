// SPDX-License-Identifier: MIT
#include "libfiona/wsi/code_stream.h"

#include "libfiona/base/error.h"
#include "libfiona/wsi/jpeg_stream.h"

#include <algorithm>
#include <array>
#include <span>

namespace fiona::wsi {

namespace {

constexpr unsigned byte_mask = 0xff;

unsigned byte_at(std::string_view stream, std::size_t place)
{
    return static_cast<unsigned char>(stream[place]);
}

/// A marker segment: marker, then a length that counts itself.
struct Segment {
    unsigned marker = 0;
    std::size_t value = 0; ///< place of what follows the length
    std::size_t bytes = 0;
};

Segment segment_at(std::string_view stream, std::size_t place)
{
    if (place + 4 > stream.size()) {
        throw Error{Fault::data, "a code stream ends in its header"};
    }
    const auto length = byte_at(stream, place + 2) << 8U | byte_at(stream, place + 3);
    if (length < 2 || place + 2 + length > stream.size()) {
        throw Error{Fault::data, "a code stream with a segment of {} bytes", length};
    }
    return {byte_at(stream, place + 1), place + 4, length - 2};
}

/// What of an application segment is no decoder's: all but the words of JFIF and Adobe.
std::size_t kept_bytes(unsigned marker, std::string_view value)
{
    constexpr unsigned app0 = 0xe0;
    constexpr unsigned app14 = 0xee;
    constexpr std::size_t jfif = 12; // without its thumbnail
    constexpr std::size_t adobe = 12;
    if (marker == app0 && value.starts_with(std::string_view{"JFIF\0", 5})) {
        return std::min(jfif, value.size());
    }
    return marker == app14 && value.starts_with("Adobe") ? std::min(adobe, value.size()) : 0;
}

} // namespace

std::vector<ByteRange> jpeg_comments(std::string_view stream)
{
    constexpr std::uint8_t comment = 0xfe;
    constexpr std::uint8_t app0 = 0xe0;
    constexpr std::uint8_t app15 = 0xef;
    constexpr std::size_t head = 4; // marker and length
    std::vector<ByteRange> found;
    for (const auto& segment : read_jpeg_header(std::as_bytes(std::span{stream})).segments) {
        const bool is_application = segment.marker >= app0 && segment.marker <= app15;
        if ((segment.marker == comment || is_application) && segment.bytes > head) {
            const auto value = stream.substr(segment.offset + head, segment.bytes - head);
            const auto kept = kept_bytes(segment.marker, value);
            if (kept < value.size()) {
                found.push_back({segment.offset + head + kept, value.size() - kept});
            }
        }
    }
    return found;
}

std::vector<ByteRange> jpeg_2000_comments(std::string_view stream)
{
    constexpr unsigned start_of_codestream = 0x4f;
    constexpr unsigned start_of_tile = 0x90;
    constexpr unsigned comment = 0x64;
    constexpr auto encoders =
        std::to_array<std::string_view>({"Kakadu", "Kdu-", "Created by OpenJPEG"});
    if (stream.size() < 4 || byte_at(stream, 0) != byte_mask
        || byte_at(stream, 1) != start_of_codestream) {
        throw Error{Fault::data, "a tile is no JPEG 2000 code stream"};
    }
    std::vector<ByteRange> found;
    for (std::size_t place = 2;;) {
        const auto segment = segment_at(stream, place);
        if (byte_at(stream, place) != byte_mask) {
            throw Error{Fault::data, "a JPEG 2000 code stream with a damaged header"};
        }
        if (segment.marker == start_of_tile) {
            return found;
        }
        constexpr std::size_t kind = 2; // Rcom: binary or Latin text
        if (segment.marker == comment && segment.bytes > kind) {
            const auto text = stream.substr(segment.value + kind, segment.bytes - kind);
            const bool is_encoder =
                text.size() <= 128 && std::ranges::any_of(encoders, [&](std::string_view name) {
                    return text.starts_with(name);
                });
            if (!is_encoder) {
                found.push_back({segment.value + kind, segment.bytes - kind});
            }
        }
        place = segment.value + segment.bytes;
    }
}

} // namespace fiona::wsi
