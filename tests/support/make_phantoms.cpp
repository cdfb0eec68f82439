// SPDX-License-Identifier: MIT
// make-phantoms: synthetic studies for the demonstration, the benchmarks and trials by hand.
#include "libfiona/base/files.h"
#include "libfiona/cli/tool.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/phantom.h"

#include <fmt/format.h>

#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

/// The name fits into Latin-1.
phantom::Patient first_patient()
{
    return {"Åsløkken^Bjørn", "PAT-20010", "19580217", "M"};
}

/// The name does not.
phantom::Patient second_patient()
{
    return {"Wójtyńska^Żaneta", "PAT-20027", "19830904", "F"};
}

std::vector<phantom::Study> demo(unsigned seed)
{
    std::vector<phantom::Study> studies;
    studies.emplace_back(first_patient(), seed)
        .add_mr_series({.description = "t1_mprage_sag", .images = 12, .rows = 128})
        .add_mr_series({.description = "ep2d_diff_64", .images = 12, .rows = 128})
        .add_structured_report()
        .add_presentation_state();
    studies.emplace_back(second_patient(), seed + 1).add_ct_series({.images = 10, .rows = 128});
    studies.emplace_back(second_patient(), seed + 2).add_us_with_text();
    return studies;
}

std::vector<phantom::Study> small(unsigned images, unsigned seed)
{
    std::vector<phantom::Study> studies;
    studies.emplace_back(first_patient(), seed).add_mr_series({.images = images});
    return studies;
}

/// Images of about 250 kB (256 x 256 x 16 bit and the CSA headers of a real scanner).
std::vector<phantom::Study> bench(unsigned images, unsigned seed)
{
    constexpr unsigned series_count = 10;
    constexpr std::size_t csa_bytes = 100'000;
    std::vector<phantom::Study> studies;
    auto& study = studies.emplace_back(first_patient(), seed);
    for (unsigned i = 0; i < series_count; ++i) {
        const unsigned share = images / series_count + (i < images % series_count ? 1 : 0);
        study.add_mr_series({.description = fmt::format("ep2d_diff_{:02}", i),
                             .images = share,
                             .rows = 256,
                             .csa_bytes = csa_bytes});
    }
    return studies;
}

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"make-phantoms", "write synthetic DICOM studies of invented patients",
                   "make-phantoms /tmp/phantoms --set demo"};
    fs::path directory;
    std::string set = "demo";
    unsigned images = 200;
    unsigned seed = 1;
    tool.options().add_option("OUTDIR", directory, "is made if it is not there")->required();
    tool.options()
        .add_option("--set", set, "demo, bench or small")
        ->check(CLI::IsMember({"demo", "bench", "small"}));
    tool.options().add_option("--images", images,
                              "how many the sets bench and small have (default 200)");
    tool.options().add_option("--seed", seed, "another number makes other UIDs (default 1)");

    return tool.run(argc, argv, [&] {
        const auto studies = set == "demo"    ? demo(seed)
                             : set == "bench" ? bench(images, seed)
                                              : small(images, seed);
        Identity identity;
        std::size_t files = 0;
        for (std::size_t i = 0; i < studies.size(); ++i) {
            files += studies[i].write_to(directory / fmt::format("study{}", i + 1)).size();
            identity = merged(std::move(identity), studies[i].identity());
        }
        store::write_file(directory / "identity.json", identity_json(identity));
        tool.report(json::Object{{"studies", studies.size()}, {"files", files}},
                    {fmt::format("{} files of {} studies in {}", files, studies.size(),
                                 directory.native())});
    });
}
