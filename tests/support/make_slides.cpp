// SPDX-License-Identifier: MIT
// make-slides: synthetic whole-slide images for the benchmarks and trials by hand.
#include "libfiona/cli/tool.h"
#include "tests/support/svs_maker.h"

#include <fmt/format.h>

#include <map>
#include <string>

int main(int argc, char** argv)
{
    using namespace fiona;
    using slide_maker::SvsCoding;

    cli::Tool tool{"make-slides", "write a synthetic slide of an invented patient",
                   "make-slides /tmp/big.svs --big --bytes 5000000000"};
    const std::map<std::string, SvsCoding> codings{
        {"jpeg-rgb", SvsCoding::jpeg_rgb},
        {"jpeg-ycbcr", SvsCoding::jpeg_ycbcr},
        {"jp2k-rgb", SvsCoding::jpeg2000_rgb},
        {"jp2k-rgb-reversible", SvsCoding::jpeg2000_rgb_reversible},
        {"jp2k-ycc", SvsCoding::jpeg2000_ycc},
        {"jp2k-ycc-reversible", SvsCoding::jpeg2000_ycc_reversible}};
    std::filesystem::path file;
    slide_maker::SvsPlan plan;
    bool is_big = false;
    bool is_gt450 = false;
    bool is_plain = false;
    tool.options().add_option("FILE", file, "is replaced if it is there")->required();
    tool.options().add_flag("--big", is_big, "BigTIFF");
    tool.options().add_flag("--gt450", is_gt450, "label and macro without their names");
    tool.options().add_flag("--without-identity", is_plain, "no label, macro, private tags");
    tool.options()
        .add_option("--coding", plan.coding,
                    "jpeg-rgb (default), jpeg-ycbcr, jp2k-rgb, jp2k-ycc, jp2k-...-reversible")
        ->transform(CLI::CheckedTransformer(codings));
    tool.options().add_option("--width", plan.width, "pixels");
    tool.options().add_option("--height", plan.height, "pixels");
    tool.options().add_option("--tile", plan.tile, "pixels");
    tool.options().add_option("--levels", plan.levels, "of the pyramid");
    tool.options().add_option("--variants", plan.variants, "different tiles");
    tool.options().add_option("--bytes", plan.bytes, "of level 0, instead of width and height");
    tool.options().add_option("--macro-width", plan.macro_width, "pixels of the macro image");
    tool.options().add_option("--hole", plan.hole, "unwritten bytes before level 1");
    tool.options().add_option("--missing", plan.missing, "tiles of level 0 that are left out");

    return tool.run(argc, argv, [&] {
        plan.layout = is_big ? slide_maker::Layout::big : slide_maker::Layout::classic;
        plan.style = is_gt450 ? slide_maker::SvsStyle::gt450 : slide_maker::SvsStyle::old;
        plan.has_label = plan.has_macro = plan.has_private_tags = !is_plain;
        const auto secrets = make_svs(file, plan);
        const auto bytes = std::filesystem::file_size(file);
        tool.report(json::Object{{"bytes", bytes}, {"identifying_texts", secrets.size()}},
                    {fmt::format("{} bytes", bytes)});
    });
}
