// SPDX-License-Identifier: MIT
// convert-slide: one slide to DICOM objects, without sending them; for benchmarks and trials by hand.
#include "libfiona/cli/tool.h"
#include "tests/support/slide_objects.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"convert-slide", "write a slide's DICOM objects into an empty folder",
                   "convert-slide /tmp/big.svs /tmp/objects"};
    std::filesystem::path slide;
    std::filesystem::path folder;
    tool.options().add_option("SLIDE", slide, "any that fiona reads")->required();
    tool.options().add_option("FOLDER", folder, "has to be there")->required();

    return tool.run(argc, argv, [&] {
        const auto written =
            wsi::write_dicom_slide(wsi::Slide::open(slide), sample_slide_header(), folder);
        tool.report(json::Object{{"files", written.files.size()},
                                 {"frames", written.frames},
                                 {"passed_through", written.passed_through},
                                 {"encoded_anew", written.encoded_anew},
                                 {"bytes", written.bytes}},
                    {fmt::format("{} frames, {} passed through, {} bytes", written.frames,
                                 written.passed_through, written.bytes)});
    });
}
