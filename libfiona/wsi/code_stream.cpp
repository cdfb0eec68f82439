// SPDX-License-Identifier: MIT
#include "libfiona/wsi/code_stream.h"

#include "libfiona/dicom/code_stream.h"
#include "libfiona/wsi/jpeg2000_stream.h"
#include "libfiona/wsi/jpeg_stream.h"

#include <algorithm>
#include <array>
#include <span>

namespace fiona::wsi {

std::vector<ByteRange> jpeg_comments(std::string_view stream)
{
    constexpr std::uint8_t comment = 0xfe;
    constexpr std::uint8_t app0 = 0xe0;
    constexpr std::uint8_t jpg13 = 0xfd; // behind APP0 to APP15 what T.81 reserves
    constexpr std::size_t head = 4;      // marker and length
    std::vector<ByteRange> found;
    const auto header = read_jpeg_header(std::as_bytes(std::span{stream}));
    std::size_t end = 2;
    for (const auto& segment : header.segments) {
        end = segment.offset + segment.bytes;
        const bool is_foreign = segment.marker >= app0 && segment.marker <= jpg13;
        if ((segment.marker == comment || is_foreign) && segment.bytes > head) {
            const auto value = stream.substr(segment.offset + head, segment.bytes - head);
            const auto kept = dicom::kept_of_application_segment(segment.marker, value);
            if (kept < value.size()) {
                found.push_back({segment.offset + head + kept, value.size() - kept});
            }
        }
    }
    if (header.scan_components == 0) { // tables: nothing follows their end
        const auto last = std::min(stream.find("\xff\xd9", end), stream.size() - 2) + 2;
        if (last < stream.size()) {
            found.push_back({last, stream.size() - last});
        }
    }
    return found;
}

std::vector<ByteRange> jpeg_2000_comments(std::string_view stream)
{
    constexpr auto encoders =
        std::to_array<std::string_view>({"Kakadu", "Kdu-", "Created by OpenJPEG"});
    constexpr unsigned comment = 0x64;
    const auto facts = read_jpeg2000(std::as_bytes(std::span{stream}));
    std::vector<ByteRange> found;
    for (const auto& segment : facts.comments) {
        // Marker, length; of a comment then Rcom: binary or Latin text
        const std::size_t head = segment.marker == comment ? 6 : 4;
        if (segment.bytes <= head) {
            continue;
        }
        const auto text = stream.substr(segment.offset + head, segment.bytes - head);
        const bool is_encoder = segment.marker == comment && text.size() <= 128
                                && std::ranges::any_of(encoders, [&](std::string_view name) {
                                       return text.starts_with(name);
                                   });
        if (!is_encoder) {
            found.push_back({segment.offset + head, text.size()});
        }
    }
    if (facts.end < stream.size()) {
        found.push_back({facts.end, stream.size() - facts.end});
    }
    return found;
}

} // namespace fiona::wsi
