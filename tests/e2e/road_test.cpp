// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "tests/e2e/pipeline.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>

namespace fs = std::filesystem;
using namespace fiona;

namespace {

std::vector<fs::path> links_below(const fs::path& root)
{
    std::vector<fs::path> links;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        if (entry.is_symlink()) {
            links.push_back(entry.path());
        }
    }
    return links;
}

/// Participants DEMO_001, ... for the studies of raw/, in order of their UIDs.
std::map<std::string, std::string> one_participant_each(const Config& config)
{
    std::map<std::string, std::string> result;
    for (const auto& entry : fs::directory_iterator{config.paths.raw()}) {
        result[entry.path().filename().native()] = "";
    }
    unsigned number = 0;
    for (auto& [study, participant] : result) {
        participant = fmt::format("DEMO_{:03}", ++number);
    }
    return result;
}

std::string mtimes_below(const fs::path& root)
{
    std::string result;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        if (entry.is_regular_file() && entry.path().extension() == ".json") {
            result += fmt::format("{} {}\n", entry.path().native(),
                                  entry.last_write_time().time_since_epoch().count());
        }
    }
    return result;
}

std::size_t expected_in_pacs(const json::Value& transfers, const Config& config)
{
    std::size_t images = 0;
    for (const auto& transfer : transfers.array()) {
        std::set<std::string> held;
        const auto* const message = transfer.find("message");
        if (const auto* const list = message == nullptr ? nullptr : message->find("held")) {
            for (const auto& item : list->array()) {
                held.insert(item.text("series"));
            }
        }
        const auto study = config.paths.raw() / transfer.text("study");
        for (const auto& link : links_below(study)) {
            images += held.contains(log::uid_tag(link.parent_path().filename().native())) ? 0U : 1U;
        }
    }
    return images;
}

/// Samples of full brightness in the ultrasound below a directory: the phantom's speckle has none, its
/// writing nothing else.
std::size_t written_samples(const fs::path& root)
{
    std::size_t count = 0;
    bool has_ultrasound = false;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        DcmFileFormat file;
        OFString modality;
        const Uint8* pixels = nullptr;
        unsigned long bytes = 0;
        if (entry.is_regular_file() && file.loadFile(entry.path().c_str()).good()
            && file.getDataset()->findAndGetOFString(DCM_Modality, modality).good()
            && modality == "US"
            && file.getDataset()->findAndGetUint8Array(DCM_PixelData, pixels, &bytes).good()) {
            has_ultrasound = true;
            count += static_cast<std::size_t>(std::count(pixels, pixels + bytes, 255));
        }
    }
    REQUIRE(has_ultrasound);
    return count;
}

} // namespace

TEST_CASE(
    "a study goes all the way, complete and without identity, and a second time nothing changes")
{
    Pipeline pipeline;
    const auto images = pipeline.scratch() / "images";
    const auto sent = make_phantoms(images, {"--set", "demo"});

    REQUIRE(pipeline.send(images));
    REQUIRE(pipeline.settle(3));
    const auto participants = one_participant_each(pipeline.config());
    pipeline.assign_all(participants);
    REQUIRE(pipeline.transfer_all());

    const auto transfers = pipeline.ask("fiona-assign", {"status"});
    REQUIRE(transfers.is_array());
    CHECK(transfers.array().size() == participants.size());
    CHECK(links_below(pipeline.config().paths.raw()).size() == sent);
    std::size_t found = 0;
    const auto pacs = pipeline.in_pacs();
    for (const auto& [study, instances] : pacs) {
        CHECK(std::set<std::string>(instances.begin(), instances.end()).size() == instances.size());
        found += instances.size();
    }
    CHECK(pacs.size() == participants.size());
    CHECK(found == expected_in_pacs(transfers, pipeline.config()));
    CHECK(found == sent);
    CHECK(written_samples(images) > 1000); // a name, an id, a birth date
    CHECK(written_samples(pipeline.pacs_storage()) == 0);

    const auto leaks = run_tool(
        "leak-scan", {images.native() + ".json", pipeline.pacs_storage().native(),
                      pipeline.config().paths.logs().native(),
                      pipeline.config().paths.server_logs().native(), pipeline.output().native()});
    INFO(leaks.out);
    CHECK(leaks.exit_code == 0);

    const auto before = mtimes_below(pipeline.config().paths.raw());
    REQUIRE(pipeline.send(images));
    REQUIRE(pipeline.settle(3));
    REQUIRE(pipeline.transfer_all());
    CHECK(pipeline.in_pacs() == pacs);
    CHECK(mtimes_below(pipeline.config().paths.raw()) == before);
    CHECK(pipeline.ask("fiona-assign", {"status"}) == transfers);
}
