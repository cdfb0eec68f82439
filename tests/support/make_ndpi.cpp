// SPDX-License-Identifier: MIT
// make-ndpi: synthetic slides of Hamamatsu's format for the benchmarks and trials by hand.
#include "libfiona/cli/tool.h"
#include "tests/support/ndpi_maker.h"

#include <fmt/format.h>

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"make-ndpi", "write a synthetic NDPI slide of an invented patient",
                   "make-ndpi /tmp/big.ndpi --width 65536 --bytes 3750000000"};
    std::filesystem::path file;
    slide_maker::NdpiPlan plan;
    tool.options().add_option("FILE", file, "is replaced if it is there")->required();
    tool.options().add_option("--width", plan.width, "pixels");
    tool.options().add_option("--height", plan.height, "pixels");
    tool.options().add_option("--interval", plan.interval_width, "pixels");
    tool.options().add_option("--levels", plan.levels, "of the pyramid");
    tool.options().add_option("--bytes", plan.bytes, "of level 0, instead of the height");
    bool has_full_colour = false;
    tool.options().add_flag("--full-colour", has_full_colour, "4:4:4");
    tool.options().add_option("--hole", plan.hole, "unwritten bytes before level 0");

    return tool.run(argc, argv, [&] {
        plan.chroma = has_full_colour ? slide_maker::ChromaSampling::full : plan.chroma;
        const auto secrets = make_ndpi(file, plan);
        const auto bytes = std::filesystem::file_size(file);
        tool.report(json::Object{{"bytes", bytes}, {"identifying_texts", secrets.size()}},
                    {fmt::format("{} bytes", bytes)});
    });
}
