// SPDX-License-Identifier: MIT
#include "libfiona/wsi/stripped_copy.h"

#include "libfiona/base/error.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/wsi/code_stream.h"
#include "libfiona/wsi/macro_label.h"
#include "libfiona/wsi/sparse_copy.h"
#include "libfiona/wsi/strip_check.h"
#include "libfiona/wsi/tiff_tags.h"
#include "libfiona/wsi/tile_table.h"

#include <algorithm>
#include <array>

namespace fiona::wsi {

namespace {

/// The header of a code stream and what follows of its first bytes.
std::string start_of(const SlideFile& file, const TileExtent& extent, std::uint64_t bytes)
{
    std::string start(std::min(extent.bytes, bytes), '\0');
    file.read(extent.offset, std::as_writable_bytes(std::span{start}));
    return start;
}

std::vector<ByteRange> comments_of(const SlideFile& file, const TileExtent& extent,
                                   TileCoding coding)
{
    // Almost every header is shorter than a page.
    constexpr std::uint64_t few = 2048;
    constexpr std::uint64_t many = std::uint64_t{1} << 20U;
    const auto find = [&](std::uint64_t bytes) {
        const auto start = start_of(file, extent, bytes);
        return coding == TileCoding::jpeg ? jpeg_comments(start) : jpeg_2000_comments(start);
    };
    try {
        return find(few);
    } catch (const Error&) {
        return find(many);
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
