// SPDX-License-Identifier: MIT
#include "libfiona/dicom/code_stream.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/fragments.h"
#include "libfiona/dicom/run_lengths.h"
#include "libfiona/dicom/stream_walks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <memory>

namespace fiona::dicom {

namespace {

Error unknown_size()
{
    return damaged("the header does not say how long a frame is");
}

/// One segment, of which decoders take a byte plane (PS3.5 §G.3.1).
void walk_rle_segment(Fragments& fragments, std::uint64_t bytes, std::uint64_t samples)
{
    RunLengths runs{samples};
    while (bytes > 0 && !runs.is_full()) {
        const auto window = fragments.window();
        const auto passed = runs.pass(
            window.first(static_cast<std::size_t>(std::min<std::uint64_t>(bytes, window.size()))));
        fragments.skip(passed);
        bytes -= passed;
    }
    fragments.clear(bytes);
}

/// PS3.5 §G.5: number and offsets of segments in sixteen words, little endian.
void walk_rle(Fragments& fragments, const FrameSize& size)
{
    constexpr std::uint32_t header = 64;
    constexpr std::size_t most = 15;
    const auto bytes = fragments.left();
    const auto word = [&] { return __builtin_bswap32(fragments.take_32()); };
    const std::size_t count = bytes < header ? 0 : word();
    if (count == 0 || count > most) {
        throw damaged("a fragment is no RLE frame");
    }
    if (size.bytes == 0) {
        throw unknown_size();
    }
    if (count != size.planes || size.bytes % count != 0) { // decoders take no other number (§G.2)
        throw damaged("an RLE frame has other segments than the header says");
    }
    std::array<std::uint64_t, most + 1> starts{};
    for (std::size_t i = 0; i < count; ++i) {
        starts.at(i) = word();
        if (starts.at(i) < header || starts.at(i) > bytes
            || (i > 0 && starts.at(i) <= starts.at(i - 1))) {
            throw damaged("the segments of an RLE frame");
        }
    }
    starts.at(count) = bytes;
    fragments.clear((most - count) * sizeof(std::uint32_t));
    fragments.clear(starts.front() - header);
    for (std::size_t i = 0; i < count; ++i) {
        walk_rle_segment(fragments, starts.at(i + 1) - starts.at(i), size.bytes / count);
    }
}

/// A fragment with one raw deflate stream (RFC 1951), padded to an even length.
void walk_deflated(Fragments& fragments, std::uint64_t frame_bytes)
{
    z_stream stream{};
    if (::inflateInit2(&stream, -MAX_WBITS) != Z_OK) {
        throw Error{Fault::internal, "zlib cannot start"};
    }
    const std::unique_ptr<z_stream, decltype(&::inflateEnd)> owner{&stream, &::inflateEnd};
    std::array<unsigned char, std::size_t{32} << 10U> samples{};
    std::uint64_t inflated = 0;
    for (int state = Z_OK; state != Z_STREAM_END;) {
        const auto bytes =
            fragments.left() == 0 ? std::span<const std::byte>{} : fragments.window();
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) zlib's byte type
        stream.next_in = reinterpret_cast<const Bytef*>(bytes.data());
        stream.avail_in = static_cast<uInt>(bytes.size());
        stream.next_out = samples.data();
        stream.avail_out = static_cast<uInt>(samples.size());
        state = ::inflate(&stream, Z_NO_FLUSH);
        fragments.skip(bytes.size() - stream.avail_in);
        inflated += samples.size() - stream.avail_out;
        if (state != Z_OK && state != Z_STREAM_END) {
            throw damaged("a deflated frame is broken");
        }
        if (inflated > frame_bytes + 1) {
            throw damaged("a deflated frame has more samples than the header says");
        }
    }
}

void walk_frame(Fragments& fragments, FrameCoding coding, const FrameSize& size)
{
    switch (coding) {
    case FrameCoding::jpeg:
    case FrameCoding::jpeg_ls: walk_jpeg(fragments, coding); return;
    case FrameCoding::jpeg_2000: walk_jpeg_2000(fragments); return;
    case FrameCoding::rle: walk_rle(fragments, size); return;
    case FrameCoding::deflated: walk_deflated(fragments, size.bytes); return;
    case FrameCoding::encapsulated:
        if (size.bytes == 0) {
            throw unknown_size();
        }
        fragments.skip(std::min(fragments.left(), size.bytes));
        return;
    case FrameCoding::native:
    case FrameCoding::unknown: break;
    }
    throw Error{Fault::data, "nobody here can look into frames of this transfer syntax"};
}

} // namespace

Error damaged(std::string_view what)
{
    return Error{Fault::data, "the compressed pixel data cannot be walked: {}", what};
}

bool begins_with(Fragments& fragments, std::uint8_t first, std::uint8_t second)
{
    const auto here = fragments.place();
    if (!fragments.at_start()) {
        return false;
    }
    const bool begins = fragments.take() == first && fragments.more() && fragments.take() == second;
    fragments.go_back(here);
    return begins;
}

FrameCoding frame_coding_of(std::string_view transfer_syntax)
{
    struct Known {
        std::string_view uid;
        FrameCoding coding;
    };
    // Of JPEG the retired processes too: 4.50 to 4.66 and 4.70.
    constexpr auto known = std::to_array<Known>({
        {"1.2.840.10008.1.2", FrameCoding::native},
        {"1.2.840.10008.1.2.1", FrameCoding::native},
        {"1.2.840.10008.1.2.2", FrameCoding::native},
        {"1.2.840.10008.1.2.1.99", FrameCoding::native},
        {"1.2.840.113619.5.2", FrameCoding::native},
        {"1.2.840.10008.1.2.1.98", FrameCoding::encapsulated},
        {"1.2.840.10008.1.2.8.1", FrameCoding::deflated},
        {"1.2.840.10008.1.2.5", FrameCoding::rle},
        {"1.2.840.10008.1.2.4.70", FrameCoding::jpeg},
        {"1.2.840.10008.1.2.4.80", FrameCoding::jpeg_ls},
        {"1.2.840.10008.1.2.4.81", FrameCoding::jpeg_ls},
        {"1.2.840.10008.1.2.4.90", FrameCoding::jpeg_2000},
        {"1.2.840.10008.1.2.4.91", FrameCoding::jpeg_2000},
        {"1.2.840.10008.1.2.4.92", FrameCoding::jpeg_2000},
        {"1.2.840.10008.1.2.4.93", FrameCoding::jpeg_2000},
        {"1.2.840.10008.1.2.4.201", FrameCoding::jpeg_2000},
        {"1.2.840.10008.1.2.4.202", FrameCoding::jpeg_2000},
        {"1.2.840.10008.1.2.4.203", FrameCoding::jpeg_2000},
    });
    const auto* const found = std::ranges::find(known, transfer_syntax, &Known::uid);
    if (found != known.end()) {
        return found->coding;
    }
    constexpr std::string_view first_process = "1.2.840.10008.1.2.4.50";
    constexpr std::string_view last_process = "1.2.840.10008.1.2.4.66";
    const bool is_jpeg = transfer_syntax.size() == first_process.size()
                         && transfer_syntax >= first_process && transfer_syntax <= last_process;
    return is_jpeg ? FrameCoding::jpeg : FrameCoding::unknown;
}

WalkedFrames walk_frames(Fragments& fragments, FrameCoding coding, const FrameSize& size)
{
    WalkedFrames walked;
    while (fragments.more()) {
        ++walked.count;
        walk_frame(fragments, coding, size);
        if (!fragments.at_start()) {
            walked.are_followed = walked.are_followed || fragments.left() > 1;
            fragments.clear_rest();
        }
    }
    return walked;
}

void find_remarks(std::span<const std::byte> frame, FrameCoding coding, const FrameSize& size,
                  const RangeSink& sink)
{
    Fragments fragments{frame, sink};
    static_cast<void>(walk_frames(fragments, coding, size));
}

} // namespace fiona::dicom
