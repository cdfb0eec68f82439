// SPDX-License-Identifier: MIT
#include "libfiona/wsi/stripped_copy.h"

#include "libfiona/base/error.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/code_stream.h"
#include "libfiona/wsi/macro_label.h"
#include "libfiona/wsi/sparse_copy.h"
#include "libfiona/wsi/stream_bytes.h"
#include "libfiona/wsi/strip_check.h"
#include "libfiona/wsi/tiff_tags.h"
#include "libfiona/wsi/tile_table.h"

#include <algorithm>
#include <array>
#include <iterator>

namespace fiona::wsi {

namespace {

/// The header of a code stream and what follows of its first bytes.
std::string start_of(const SlideFile& file, const TileExtent& extent, std::uint64_t bytes)
{
    std::string start(std::min(extent.bytes, bytes), '\0');
    file.read(extent.offset, std::as_writable_bytes(std::span{start}));
    return start;
}

/// Restart markers and the like, which have no segment.
bool is_bare(unsigned marker)
{
    return (marker >= 0xd0 && marker <= 0xd8) || marker == 1;
}

/// What a JPEG has behind its first scan but scans and their tables: comments, and all beyond its end.
std::vector<ByteRange> jpeg_remarks(const SlideFile& file, const TileExtent& extent)
{
    constexpr std::uint64_t block = std::uint64_t{1} << 20U;
    constexpr unsigned eoi = 0xd9;
    constexpr unsigned app0 = 0xe0;
    std::vector<ByteRange> found;
    auto at = std::uint64_t{2};
    while (at + 2 <= extent.bytes) {
        const auto bytes = file.read(extent.offset + at, std::min(block, extent.bytes - at));
        const ByteSpan span{bytes};
        auto place = find_marker(span, 0);
        while (place < span.size() && is_bare(byte_at(span, place + 1))) {
            place = find_marker(span, place + 2);
        }
        if (place == span.size()) {
            at += span.size() - 1; // a marker may lie across two blocks
            continue;
        }
        at += place;
        const unsigned marker = byte_at(span, place + 1);
        if (marker == eoi) {
            if (at + 2 < extent.bytes) {
                found.push_back({at + 2, extent.bytes - at - 2});
            }
            return found;
        }
        if (at + 4 > extent.bytes) {
            return found;
        }
        const auto length = file.read(extent.offset + at + 2, 2);
        const std::uint64_t segment = std::uint64_t{word_at(length, 0)} + 2;
        if (marker >= app0 && segment > 4) {
            found.push_back({at + 4, std::min(segment, extent.bytes - at) - 4});
        }
        at += std::max<std::uint64_t>(segment, 4);
    }
    return found;
}

/// One scan of all components, and nothing behind its end: no need to look at every byte.
bool is_plain(const SlideFile& file, const TileExtent& extent, std::string_view start)
{
    const auto header = read_jpeg_header(std::as_bytes(std::span{start}));
    const bool is_sequential = header.sof == 0xc0 || header.sof == 0xc1;
    const auto end = file.read(extent.offset + extent.bytes - 2, 2);
    return is_sequential && header.scan_components == header.components.size()
           && word_at(end, 0) == 0xffd9;
}

std::vector<ByteRange> comments_of(const SlideFile& file, const TileExtent& extent,
                                   TileCoding coding)
{
    // Almost every header is shorter than a page.
    constexpr std::uint64_t few = 2048;
    constexpr std::uint64_t many = std::uint64_t{1} << 20U;
    constexpr std::uint64_t most = std::uint64_t{64} << 20U; // of a tile that is read whole
    if (coding != TileCoding::jpeg) {
        if (extent.bytes > most) {
            throw Error{Fault::data, "a tile of {} bytes", extent.bytes};
        }
        return jpeg_2000_comments(start_of(file, extent, most));
    }
    const auto find = [&](std::uint64_t bytes) {
        const auto start = start_of(file, extent, bytes);
        auto found = jpeg_comments(start);
        if (!is_plain(file, extent, start)) {
            // Its first scan's own header is left to the search above, which knows what may stay.
            const auto header = read_jpeg_header(std::as_bytes(std::span{start}));
            std::ranges::copy_if(
                jpeg_remarks(file, extent), std::back_inserter(found),
                [&](const ByteRange& range) { return range.offset >= header.scan_offset; });
        }
        return found;
    };
    try {
        return find(few);
    } catch (const Error&) {
        return find(many);
    }
}

/// What follows a picture may be padding or words; another picture may be a neighbour's, or a label.
void require_no_picture(std::string_view bytes)
{
    for (const std::string_view start : {"\xff\xd8\xff", "\xff\x4f\xff\x51"}) {
        if (bytes.find(start) != std::string_view::npos) {
            throw Error{Fault::data, "a tile holds another picture behind its own"};
        }
    }
}

/// Empties comments and the like in the code streams of a picture. Gives how many there were.
std::size_t clean_code_streams(const Slide& slide, const SlideImage& image, int to)
{
    const auto& tiff = slide.tiff();
    const auto& directory = tiff.directories()[image.directory];
    if (image.coding == TileCoding::other) {
        // Samples, LZW, deflate (by two numbers), PackBits: streams that have no place for a text.
        constexpr auto bare = std::to_array<std::uint64_t>({1, 5, 8, 32773, 32946});
        const auto compression = tiff.number(directory, tag::compression).value_or(1);
        if (std::ranges::find(bare, compression) == bare.end()) {
            throw Error{Fault::data,
                        "directory {} has the compression {}: nobody can say what is in it",
                        image.directory, compression};
        }
        return 0;
    }
    std::size_t cleaned = 0;
    TileTable table{tiff, directory};
    for (std::uint64_t i = 0; i < table.size(); ++i) {
        const auto extent = table.at(i);
        if (extent.bytes == 0) {
            continue;
        }
        for (const auto& range : comments_of(slide.file(), extent, image.coding)) {
            constexpr std::uint64_t most_behind = std::uint64_t{16} << 20U;
            if (range.end() == extent.bytes) {
                if (range.bytes > most_behind) {
                    throw Error{Fault::data, "{} bytes behind a picture", range.bytes};
                }
                require_no_picture(start_of(
                    slide.file(), {extent.offset + range.offset, range.bytes}, range.bytes));
            }
            write_zeros(to, {extent.offset + range.offset, range.bytes});
            ++cleaned;
        }
    }
    return cleaned;
}

} // namespace

StripReport write_stripped_copy(const Slide& slide, const std::filesystem::path& to,
                                const StripOptions& options)
{
    if (slide.format() == SlideFormat::other) {
        throw Error{Fault::data, "a slide that is no TIFF file: it can be converted, not copied"};
    }
    const auto plan = strip_plan(slide, options);
    std::vector<Patch> macro;
    if (plan.macro) {
        macro = blanked_strips(slide, *plan.macro, options.label_fraction);
    }
    StripReport report;
    report.removed_images = plan.removed.size();
    report.blanked_images = plan.macro ? 1 : 0;
    report.cleaned_values = plan.cleaned_values;
    report.bytes = slide.file().size();

    store::AtomicFile copy{to};
    copy_ranges(slide.file().fd(), copy.fd(), report.bytes, plan.all);
    for (const auto& image : slide.images()) {
        if (std::ranges::find(plan.kept, image.directory) != plan.kept.end()
            && plan.macro != image.directory) {
            report.cleaned_values += clean_code_streams(slide, image, copy.fd());
        }
    }
    for (const auto& patch : plan.patches) {
        write_at(copy.fd(), patch.offset, patch.bytes);
    }
    for (const auto& strip : macro) {
        write_at(copy.fd(), strip.offset, strip.bytes);
    }
    report.sha256 = verified_digest(slide, copy.temporary(), plan, options);
    copy.commit_new();
    return report;
}

} // namespace fiona::wsi
