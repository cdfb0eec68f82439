// SPDX-License-Identifier: MIT
#include "libfiona/pixel/one_image.h"

#include "libfiona/base/error.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pixel/contact_sheet.h"
#include "libfiona/pixel/header_changes.h"
#include "libfiona/pixel/image_file.h"
#include "libfiona/pixel/judge.h"
#include "libfiona/pixel/mask.h"
#include "libfiona/pixel/render.h"
#include "libfiona/pixel/search.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>

namespace fiona::pixel {

namespace {

using FrameBoxes = std::vector<std::vector<TextBox>>;

std::vector<Box> boxes_of(const std::vector<TextBox>& texts)
{
    std::vector<Box> boxes(texts.size());
    std::ranges::transform(texts, boxes.begin(), &TextBox::box);
    return boxes;
}

/// Pixels in at least one of the boxes.
std::uint64_t union_area(const std::vector<Box>& boxes, std::uint32_t width, std::uint32_t height)
{
    std::vector<bool> covered(std::size_t{width} * height);
    for (const auto& box : boxes) {
        for (auto y = box.y0; y < std::min(box.y1, height); ++y) {
            std::fill(
                covered.begin() + static_cast<std::ptrdiff_t>(std::size_t{y} * width + box.x0),
                covered.begin()
                    + static_cast<std::ptrdiff_t>(std::size_t{y} * width + std::min(box.x1, width)),
                true);
        }
    }
    return static_cast<std::uint64_t>(std::ranges::count(covered, true));
}

/// Share of a frame that is doubtful and not hidden for certain anyway.
double doubtful_share(const std::vector<TextBox>& texts, const PixelLayout& layout)
{
    std::vector<Box> certain;
    for (const auto& text : texts) {
        if (text.certain) {
            certain.push_back(text.box);
        }
    }
    const auto all = union_area(boxes_of(texts), layout.columns, layout.rows);
    return static_cast<double>(all - union_area(certain, layout.columns, layout.rows))
           / static_cast<double>(layout.pixels());
}

/// What is found, and why nobody can be sure of it, if so.
struct Findings {
    FrameBoxes boxes; ///< of all frames; those behind a doubtful one were not looked at
    std::string doubt;
    bool is_settled = false; ///< by what the site knows of the device
};

Findings find_boxes(ImageFile& image, const Appearance& appearance, const CleanOptions& options,
                    Judge& judge)
{
    const auto frames = image.description().frames;
    const auto known = known_regions(options.regions, *image.header().getDataset());
    const auto& layout = image.description().layout;
    std::vector<TextBox> always;
    for (const auto& box : known.boxes) {
        const Box inside{box.x0, box.y0, std::min(box.x1, layout.columns),
                         std::min(box.y1, layout.rows)};
        if (!inside.is_empty()) {
            always.push_back({inside, 100, true});
        }
    }
    if (known.is_clean) {
        return {FrameBoxes(frames, always), {}, true};
    }
    Findings findings;
    TextSearch search{[&](const std::vector<GrayPlane>& views, const Box& part) {
        return judge.boxes(views, part);
    }};
    for (std::uint32_t i = 0; i < frames; ++i) {
        search.add(image.frames().frame(i), appearance);
        const auto share = doubtful_share(search.latest(), layout);
        if (share > most_unsure_share) {
            findings.doubt = fmt::format(
                "frame {}: {:.1f} % of it may be writing; a person must look", i + 1, share * 100);
            break;
        }
    }
    findings.boxes = search.finish();
    findings.boxes.resize(frames);
    for (auto& boxes : findings.boxes) {
        boxes.insert(boxes.end(), always.begin(), always.end());
    }
    return findings;
}

/// Runs of frames with the same boxes.
std::vector<FrameMasks> masks_of(const FrameBoxes& frames)
{
    std::vector<FrameMasks> masks;
    for (std::uint32_t i = 0; i < frames.size(); ++i) {
        if (frames[i].empty()) {
            continue;
        }
        if (i > 0 && frames[i] == frames[i - 1]) {
            masks.back().last = i + 1;
            continue;
        }
        FrameMasks run{i + 1, i + 1, {}};
        for (const auto& text : frames[i]) {
            run.boxes.push_back({text.box, text.confidence});
        }
        masks.push_back(std::move(run));
    }
    return masks;
}

/// Share of all pixels that are hidden.
double masked_share(const FrameBoxes& frames, const PixelLayout& layout)
{
    double hidden = 0;
    double share = 0;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        if (i == 0 || frames[i] != frames[i - 1]) {
            share =
                static_cast<double>(union_area(boxes_of(frames[i]), layout.columns, layout.rows))
                / static_cast<double>(layout.pixels());
        }
        hidden += share;
    }
    return hidden / static_cast<double>(frames.size());
}

/// The palette entry nearest to black.
int darkest_entry(const Appearance& appearance)
{
    if (!appearance.palette || appearance.palette->colours.empty()) {
        return 0;
    }
    const auto& colours = appearance.palette->colours;
    const auto darkest = std::ranges::min_element(colours, {}, [](const auto& colour) {
        return 299 * colour[0] + 587 * colour[1] + 114 * colour[2];
    });
    return appearance.palette->first_mapped + static_cast<int>(darkest - colours.begin());
}

struct Rewrite {
    const FrameBoxes& boxes;
    const Appearance& appearance;
    int darkest = 0;
    bool clears_unused_bits = false;

    [[nodiscard]] Frame frame(const ImageFile& image, std::uint32_t index) const
    {
        auto frame = image.frames().frame(index);
        paint(frame, boxes_of(boxes[index]), darkest);
        if (clears_unused_bits) {
            clear_unused_bits(frame);
        }
        return frame;
    }
};

/// Hidden parts in the grey of what is around them: their own edges must not look like writing.
void blend_in(GrayPlane& view, const Box& part, const std::vector<TextBox>& texts)
{
    for (const auto& text : texts) {
        if (!text.box.meets(part)) {
            continue;
        }
        const Box box{
            std::max(text.box.x0, part.x0) - part.x0, std::max(text.box.y0, part.y0) - part.y0,
            std::min(text.box.x1, part.x1) - part.x0, std::min(text.box.y1, part.y1) - part.y0};
        const auto ring = box.grown(2, view.width, view.height);
        std::vector<std::uint8_t> around;
        for (auto y = ring.y0; y < ring.y1; ++y) {
            for (auto x = ring.x0; x < ring.x1; ++x) {
                if (x < box.x0 || x >= box.x1 || y < box.y0 || y >= box.y1) {
                    around.push_back(view.row(y)[x]);
                }
            }
        }
        if (around.empty()) {
            continue;
        }
        std::ranges::nth_element(around,
                                 around.begin() + static_cast<std::ptrdiff_t>(around.size() / 2));
        const auto gray = around[around.size() / 2];
        for (auto y = box.y0; y < box.y1; ++y) {
            std::fill_n(view.row(y) + box.x0, box.x1 - box.x0, gray);
        }
    }
}

bool is_hidden(const TextBox& text, const std::vector<TextBox>& known)
{
    std::uint64_t most = 0;
    for (const auto& other : known) {
        const Box common{std::max(text.box.x0, other.box.x0), std::max(text.box.y0, other.box.y0),
                         std::min(text.box.x1, other.box.x1), std::min(text.box.y1, other.box.y1)};
        most = std::max(most, common.area());
    }
    return most * 4 >= text.box.area() * 3;
}

/// What hiding brings to light is writing as any other. In the grain beside a hidden part the detector
/// sees some too, but less clearly.
constexpr int clear_confidence = 70;

/// Looks at the frames as they will be written; the first that still shows writing, 0 if none. What
/// is found is added to the boxes.
std::uint32_t find_rest(const ImageFile& image, const Rewrite& rewrite, Judge& judge,
                        FrameBoxes& boxes)
{
    std::vector<std::uint32_t> looked_at;
    TextSearch search{[&](const std::vector<GrayPlane>& views, const Box& part) {
        auto blended = views;
        for (auto& view : blended) {
            blend_in(view, part, boxes[looked_at.back()]);
        }
        return judge.boxes(blended, part);
    }};
    for (std::uint32_t i = 0; i < boxes.size(); ++i) {
        if (!boxes[i].empty()) {
            looked_at.push_back(i);
            search.add(rewrite.frame(image, i), rewrite.appearance);
        }
    }
    if (looked_at.empty()) {
        return 0;
    }
    std::uint32_t first = 0;
    const auto rest = search.finish();
    for (std::size_t i = 0; i < rest.size(); ++i) {
        const auto frame = looked_at[i];
        for (const auto& text : rest[i]) {
            const bool is_clear = text.certain && text.confidence >= clear_confidence;
            if (is_clear && !is_hidden(text, boxes[frame])) {
                boxes[frame].push_back(text);
                first = first == 0 ? frame + 1 : first;
            }
        }
    }
    return first;
}

/// Hides what hiding brought to light: once. Then somebody has to look.
std::string hide_rest(const ImageFile& image, const Rewrite& rewrite, Judge& judge,
                      FrameBoxes& boxes)
{
    constexpr int rounds = 2;
    for (int round = 0; round < rounds; ++round) {
        const auto frame = find_rest(image, rewrite, judge, boxes);
        if (frame == 0) {
            return {};
        }
        if (round + 1 == rounds) {
            return fmt::format("frame {} shows what looks like writing after all was hidden twice; "
                               "a person must look",
                               frame);
        }
    }
    return {};
}

void write_preview(const ImageFile& image, const Rewrite& rewrite,
                   const std::filesystem::path& file)
{
    ContactSheet sheet;
    for (const bool with_boxes : {true, false}) {
        for (std::uint32_t i = 0; i < rewrite.boxes.size() && !sheet.is_full(); ++i) {
            const bool is_news = i == 0 || rewrite.boxes[i] != rewrite.boxes[i - 1];
            if (is_news && rewrite.boxes[i].empty() != with_boxes) {
                sheet.add(render(image.frames().frame(i), rewrite.appearance)[0],
                          render(rewrite.frame(image, i), rewrite.appearance)[0],
                          boxes_of(rewrite.boxes[i]));
            }
        }
    }
    store::write_file(file, sheet.png(), 0600);
}

/// Whether some frame must be written anew.
bool needs_new_pixels(const Rewrite& rewrite)
{
    return rewrite.clears_unused_bits
           || std::ranges::any_of(rewrite.boxes, [](const auto& boxes) { return !boxes.empty(); });
}

void write_output(ImageFile& image, const Rewrite& rewrite, const std::filesystem::path& output,
                  CleanReport& report)
{
    auto& data_set = *image.header().getDataset();
    const bool is_new = needs_new_pixels(rewrite);
    const auto frame_source_syntax = image.frames().transfer_syntax();
    report.to_syntax = is_new ? lossless_syntax(frame_source_syntax) : frame_source_syntax;
    // Frames without boxes keep their bytes where the syntax allows; else all are written alike.
    const bool keeps_some = report.to_syntax == frame_source_syntax
                            && compression_of(frame_source_syntax) == Compression::rle;
    auto layout = image.description().layout;
    if (is_new) {
        layout = image.frames().frame(0).layout;
    }
    const auto change = [&](std::uint32_t index) -> std::optional<Frame> {
        const bool as_it_is =
            !is_new || (keeps_some && !rewrite.clears_unused_bits && rewrite.boxes[index].empty());
        return as_it_is ? std::nullopt : std::optional{rewrite.frame(image, index)};
    };
    describe_pixels(data_set, layout);
    declare_clean(data_set, is_new ? PixelsWere::masked : PixelsWere::checked);
    try {
        store::AtomicFile file{output};
        write_image(image, report.to_syntax, file, change);
        file.commit();
    } catch (const Error& error) {
        const bool has_codec = compression_of(report.to_syntax) != Compression::native;
        if (error.fault() != Fault::data || !is_new || !has_codec) {
            throw;
        }
        report.to_syntax = UID_LittleEndianExplicitTransferSyntax; // the encoder would not
        store::AtomicFile file{output};
        write_image(image, report.to_syntax, file, change);
        file.commit();
    }
    report.verdict = is_new ? Verdict::masked : Verdict::unchanged;
}

} // namespace

CleanReport clean_one_image(const std::filesystem::path& input, const std::filesystem::path& output,
                            const CleanOptions& options, Reader* reader)
{
    const dicom::Library library;
    const Codecs codecs;
    ImageFile image{input, output};
    auto& data_set = *image.header().getDataset();
    const auto& layout = image.description().layout;
    const auto appearance = Appearance::read(data_set, layout);

    CleanReport report;
    report.verdict = Verdict::unchanged;
    report.frames = image.description().frames;
    report.columns = layout.columns;
    report.rows = layout.rows;
    report.from_syntax = image.transfer_syntax();
    Judge judge{options, data_set, reader};
    auto [boxes, doubt, is_settled] = find_boxes(image, appearance, options, judge);
    const Rewrite rewrite{boxes, appearance, darkest_entry(appearance),
                          has_embedded_overlay(data_set)};
    if (doubt.empty() && !is_settled) {
        doubt = hide_rest(image, rewrite, judge, boxes);
    }
    report.was_read = reader != nullptr && reader->has_read();
    report.masks = masks_of(boxes);
    report.masked_share = masked_share(boxes, layout);
    if (!doubt.empty()) {
        report.verdict = Verdict::held;
        report.reason = doubt;
    }
    if (options.preview) {
        write_preview(image, rewrite, *options.preview / (output.stem().native() + ".png"));
    }
    if (report.verdict == Verdict::held) {
        return report;
    }
    remove_other_pictures(data_set);
    write_output(image, rewrite, output, report);
    return report;
}

} // namespace fiona::pixel
