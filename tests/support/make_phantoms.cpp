// SPDX-License-Identifier: MIT
// make-phantoms: synthetic studies for the demonstration, the benchmarks and trials by hand.
#include "libfiona/base/files.h"
#include "libfiona/cli/tool.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/phantom.h"

#include <fmt/format.h>

#include <functional>
#include <map>
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

struct Amount {
    unsigned images;
    unsigned series;

    /// How many images the series of that number, from 0, has.
    [[nodiscard]] unsigned in_series(unsigned number) const
    {
        return images / series + (number < images % series ? 1 : 0);
    }
};

phantom::MrSeries mr_series(unsigned number, Amount amount, std::uint16_t rows,
                            std::size_t csa_bytes)
{
    return {.description = fmt::format("ep2d_diff_{:02}", number),
            .images = amount.in_series(number),
            .rows = rows,
            .csa_bytes = csa_bytes};
}

/// Images of about 250 kB (256 x 256 x 16 bit and the CSA headers of a real scanner).
std::vector<phantom::Study> bench(Amount amount, unsigned seed)
{
    constexpr std::size_t csa_bytes = 100'000;
    std::vector<phantom::Study> studies;
    auto& study = studies.emplace_back(first_patient(), seed);
    for (unsigned i = 0; i < amount.series; ++i) {
        study.add_mr_series(mr_series(i, amount, 256, csa_bytes));
    }
    return studies;
}

/// The same headers with next to no pixels, for tests of many images.
std::vector<phantom::Study> slim(Amount amount, unsigned seed)
{
    constexpr std::size_t csa_bytes = 1000;
    std::vector<phantom::Study> studies;
    auto& study = studies.emplace_back(first_patient(), seed);
    for (unsigned i = 0; i < amount.series; ++i) {
        study.add_mr_series(mr_series(i, amount, 16, csa_bytes));
    }
    return studies;
}

/// 512 x 512 x 16 bit: 525 kB each.
std::vector<phantom::Study> bench_ct(Amount amount, unsigned seed)
{
    std::vector<phantom::Study> studies;
    auto& study = studies.emplace_back(first_patient(), seed);
    for (unsigned i = 0; i < amount.series; ++i) {
        study.add_ct_series({.images = amount.in_series(i), .rows = 512});
    }
    return studies;
}

using Maker = std::function<std::vector<phantom::Study>(Amount, unsigned seed)>;

const std::map<std::string, Maker>& makers()
{
    static const std::map<std::string, Maker> all{
        {"demo", [](Amount, unsigned seed) { return demo(seed); }},
        {"small", [](Amount amount, unsigned seed) { return small(amount.images, seed); }},
        {"slim", slim},
        {"bench", bench},
        {"bench-ct", bench_ct}};
    return all;
}

/// Names as in the archive of a site: `scp_<StudyUID>/MR.<SOPUID>`.
void write_as_archive(const phantom::Study& study, const fs::path& archive)
{
    const auto directory = archive / ("scp_" + study.uid());
    const auto files = study.write_to(directory);
    const auto uids = study.sop_instance_uids();
    for (std::size_t i = 0; i < files.size(); ++i) {
        const auto modality = files[i].filename().native().substr(0, 2);
        fs::rename(files[i], directory / fmt::format("{}.{}", modality, uids[i]));
    }
}

} // namespace

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"make-phantoms", "write synthetic DICOM studies of invented patients",
                   "make-phantoms /tmp/phantoms --set demo"};
    fs::path directory;
    std::string set = "demo";
    Amount amount{200, 10};
    unsigned seed = 1;
    bool as_archive = false;
    tool.options().add_option("OUTDIR", directory, "is made if it is not there")->required();
    tool.options()
        .add_option("--set", set, "demo, small, slim, bench or bench-ct")
        ->check(CLI::IsMember({"demo", "small", "slim", "bench", "bench-ct"}));
    tool.options().add_option("--images", amount.images,
                              "how many the sets but demo have (default 200)");
    tool.options()
        .add_option("--series", amount.series,
                    "over how many series slim, bench and bench-ct spread them (default 10)")
        ->check(CLI::Range(1U, 100'000U));
    tool.options().add_option("--seed", seed, "another number makes other UIDs (default 1)");
    tool.options().add_flag("--archive", as_archive,
                            "name directories and files as an archive does");

    return tool.run(argc, argv, [&] {
        const auto studies = makers().at(set)(amount, seed);
        Identity identity;
        std::size_t files = 0;
        for (std::size_t i = 0; i < studies.size(); ++i) {
            files += studies[i].object_count();
            if (as_archive) {
                write_as_archive(studies[i], directory);
            } else {
                studies[i].write_to(directory / fmt::format("study{}", i + 1));
            }
            identity = merged(std::move(identity), studies[i].identity());
        }
        store::write_file(directory / "identity.json", identity_json(identity));
        tool.report(json::Object{{"studies", studies.size()}, {"files", files}},
                    {fmt::format("{} files of {} studies in {}", files, studies.size(),
                                 directory.native())});
    });
}
