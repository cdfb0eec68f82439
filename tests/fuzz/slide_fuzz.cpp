// SPDX-License-Identifier: MIT
// A slide as a stranger may upload it: directories, roles, what identifies, the plan of a clean copy, and
// tiles that pass through.
#include "libfiona/anonymize/icc.h"
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/wsi/aperio.h"
#include "libfiona/wsi/code_stream.h"
#include "libfiona/wsi/hamamatsu.h"
#include "libfiona/wsi/inspect.h"
#include "libfiona/wsi/level_frames.h"
#include "libfiona/wsi/slide_contents.h"
#include "libfiona/wsi/strip_plan.h"
#include "tests/fuzz/fuzz.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <string>

using namespace fiona;
using namespace fiona::wsi;

namespace {

/// Cleaning keeps lengths, and what is clean stays as it is.
void check_texts(const std::string& bytes)
{
    for (auto* const clean :
         {cleaned_aperio_description, cleaned_ndpi_properties, anonymize::cleaned_icc_profile}) {
        const auto once = clean(bytes);
        promise(once.size() == bytes.size());
        promise(clean(once) == once);
    }
    for (auto* const find : {jpeg_comments, jpeg_2000_comments}) {
        try {
            for (const auto& range : find(bytes)) {
                promise(range.end() <= bytes.size());
            }
        } catch (const Error& error) {
            promise(error.fault() == Fault::data);
        }
    }
}

/// The first tiles of a level, as far as they pass through. Each is a code stream that fits its pixels.
void check_tiles(const Slide& slide, const SlideImage& level)
{
    constexpr std::uint64_t enough = 8;
    const auto passage = pass_through(slide, level);
    if (!passage.frames) {
        promise(!passage.why_not.empty());
        return;
    }
    auto& frames = *passage.frames;
    for (std::uint64_t i = 0; i < std::min(frames.frames(), enough); ++i) {
        const auto frame = frames.next();
        if (!frame) {
            promise(!frames.why_not().empty());
            return;
        }
        promise(!frame->empty() && frame->size() <= frames.most_bytes());
    }
}

void check_slide(const std::string& path)
{
    {
        const SlideFile file{path};
        const Tiff tiff{file};
        promise(!tiff.directories().empty() && tiff.directories().size() <= max_directories);
        if (format_of(tiff) == SlideFormat::other) {
            return; // OpenSlide's, in a child
        }
    }
    const auto slide = Slide::open(path);
    promise(!slide.levels().empty());
    static_cast<void>(json::write(inspected(slide)));
    static_cast<void>(inspected_lines(slide));
    const auto plan = strip_plan(slide, {MacroImage::remove, 0.0, Private{std::string{"upload"}}});
    promise(!plan.all.touches(plan.gone));
    promise(plan.kept.size() + plan.removed.size() == slide.images().size());
    for (const auto& patch : plan.patches) {
        promise(plan.all.contains({patch.offset, patch.bytes.size()}));
        promise(!plan.pixels.touches(ByteRange{patch.offset, patch.bytes.size()}));
    }
    for (const auto& level : slide.levels()) {
        check_tiles(slide, level);
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
{
    check_texts(std::string{as_text(data, size)});
    const UniqueFd file{::memfd_create("slide_fuzz", MFD_CLOEXEC)};
    if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) {
        return 0;
    }
    try {
        check_slide("/proc/self/fd/" + std::to_string(file.get()));
    } catch (const Error& error) {
        promise(error.fault() == Fault::data);
    }
    return 0;
}
