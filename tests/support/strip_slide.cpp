// SPDX-License-Identifier: MIT
// strip-slide: a clean copy of one slide in its own format, without delivering it; for benchmarks and
// trials by hand.
#include "libfiona/cli/tool.h"
#include "libfiona/wsi/stripped_copy.h"

#include <fmt/format.h>

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"strip-slide", "write a copy of a slide without what identifies",
                   "strip-slide /tmp/big.svs /tmp/clean.svs"};
    std::filesystem::path slide;
    std::filesystem::path copy;
    bool keeps_macro = false;
    tool.options().add_option("SLIDE", slide, "SVS, NDPI or TIFF")->required();
    tool.options().add_option("COPY", copy, "may not be there yet")->required();
    tool.options().add_flag("--keep-macro", keeps_macro, "blank the label in it");

    return tool.run(argc, argv, [&] {
        const auto report = wsi::write_stripped_copy(
            wsi::Slide::open(slide), copy,
            {keeps_macro ? wsi::MacroImage::blank_label : wsi::MacroImage::remove, 0.0,
             Private{slide.stem().native()}});
        tool.report(json::Object{{"bytes", report.bytes},
                                 {"removed_images", report.removed_images},
                                 {"blanked_images", report.blanked_images},
                                 {"cleaned_values", report.cleaned_values}},
                    {fmt::format("{} bytes, {} pictures removed, {} blanked, {} values cleaned",
                                 report.bytes, report.removed_images, report.blanked_images,
                                 report.cleaned_values)});
    });
}
