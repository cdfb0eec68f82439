// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/doubtful_picture.h"
#include "tests/support/pacs_server.h"
#include "tests/unit/transfer/world.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <zlib.h>

#include <algorithm>
#include <optional>
#include <set>

using namespace fiona;
using transfer_world::World;

namespace fs = std::filesystem;

namespace {

/// An ultrasound picture that names its patient, in a study of two MR images.
struct Burned {
    SmallImage image;
    phantom::DrawnBox name, id;

    explicit Burned(const World& world)
    {
        world.site.add_study(1, 2);
        image.study = TransferSite::study_uid(1);
        image.series = image.study + ".7";
        image.sop = image.series + ".1";
        image.sop_class = "1.2.840.10008.5.1.4.1.1.6.1";
        image.modality = "US";
        image.picture = phantom::ultrasound_fan(240, 320, 1);
        name = phantom::draw_text(*image.picture, 12, 10, 2, "QUIXOTIC ZEPHYRINA");
        id = phantom::draw_text(*image.picture, 12, 32, 2, small_image_id);
        world.site.add(image, {{"ClassifyType", json::Array{"CHECKBURNEDINFO"}}});
    }
};

/// What the research PACS has of the picture.
struct Stored {
    DcmFileFormat file;
    std::vector<std::uint8_t> pixels;

    [[nodiscard]] std::string value(const DcmTagKey& tag)
    {
        OFString text;
        file.getDataset()->findAndGetOFStringArray(tag, text);
        return {text.data(), text.size()};
    }
    [[nodiscard]] std::set<std::string> method_codes()
    {
        std::set<std::string> codes;
        DcmItem* item = nullptr;
        for (signed long i = 0;
             file.getDataset()
                 ->findAndGetSequenceItem(DCM_DeidentificationMethodCodeSequence, item, i)
                 .good();
             ++i) {
            OFString code;
            item->findAndGetOFString(DCM_CodeValue, code);
            codes.insert({code.data(), code.size()});
        }
        return codes;
    }
};

std::vector<std::unique_ptr<Stored>> stored(const PacsServer& server, const std::string& modality)
{
    std::vector<std::unique_ptr<Stored>> found;
    for (const auto& path : server.files()) {
        auto one = std::make_unique<Stored>();
        REQUIRE(one->file.loadFile(path.c_str()).good());
        if (one->value(DCM_Modality) != modality) {
            continue;
        }
        const Uint8* pixels = nullptr;
        unsigned long count = 0;
        if (one->file.getDataset()->findAndGetUint8Array(DCM_PixelData, pixels, &count).good()) {
            one->pixels.assign(pixels, pixels + count);
        }
        found.push_back(std::move(one));
    }
    return found;
}

/// How far apart the darkest and the brightest sample of a box are.
int contrast(const std::vector<std::uint8_t>& pixels, const phantom::Canvas& form,
             const phantom::DrawnBox& box)
{
    int darkest = 255;
    int brightest = 0;
    for (auto y = box.y; y < box.y + box.height; ++y) {
        const auto row = std::size_t{y} * form.columns * form.samples;
        for (auto x = box.x * form.samples; x < (box.x + box.width) * form.samples; ++x) {
            const int value = pixels.at(row + x);
            darkest = std::min(darkest, value);
            brightest = std::max(brightest, value);
        }
    }
    return brightest - darkest;
}

/// A PNG as the contact sheet writes it: rows without filters, three channels, one block of data.
class Sheet {
public:
    explicit Sheet(const std::string& png)
    {
        constexpr std::size_t width_at = 16;
        constexpr std::size_t data_at = 33; // behind the signature and IHDR
        m_width = number(png, width_at);
        const auto height = number(png, width_at + 4);
        const auto packed = number(png, data_at);
        m_bytes.resize((1 + std::size_t{3} * m_width) * height);
        uLongf size = m_bytes.size();
        const std::vector<Bytef> data(png.begin() + data_at + 8,
                                      png.begin() + data_at + 8
                                          + static_cast<std::ptrdiff_t>(packed));
        REQUIRE(::uncompress(m_bytes.data(), &size, data.data(), data.size()) == Z_OK);
        REQUIRE(size == m_bytes.size());
    }
    /// Of a box of the picture, which lies 8 pixels from the corner.
    [[nodiscard]] int contrast(const phantom::DrawnBox& box) const
    {
        constexpr std::size_t gap = 8;
        int darkest = 255;
        int brightest = 0;
        for (std::size_t y = box.y; y < std::size_t{box.y} + box.height; ++y) {
            for (std::size_t x = box.x; x < std::size_t{box.x} + box.width; ++x) {
                const int value =
                    m_bytes.at((y + gap) * (1 + std::size_t{3} * m_width) + 1 + 3 * (x + gap));
                darkest = std::min(darkest, value);
                brightest = std::max(brightest, value);
            }
        }
        return brightest - darkest;
    }

private:
    static std::uint32_t number(const std::string& png, std::size_t at)
    {
        std::uint32_t value = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            value = value << 8U | static_cast<std::uint8_t>(png.at(at + i));
        }
        return value;
    }

    std::uint32_t m_width = 0;
    std::vector<Bytef> m_bytes;
};

json::Value audit_of(const World& world)
{
    return json::parse(read_file(world.site.paths().logs() / "transfers-audit.jsonl"), "the audit");
}

} // namespace

TEST_CASE(
    "a masked series leaves a contact sheet of what was sent, by its new UID and without the name")
{
    const PacsServer server;
    World world{server.port()};
    const Burned burned{world};
    static_cast<void>(world.request(burned.image.study));

    static_cast<void>(world.run());

    INFO(world.log);
    const auto pictures = stored(server, "US");
    REQUIRE(pictures.size() == 1);
    std::vector<fs::path> sheets;
    for (const auto& entry : fs::directory_iterator{world.site.paths().state() / "review"}) {
        sheets.push_back(entry.path());
    }
    REQUIRE(sheets.size() == 1); // none of the slices that nobody searched
    CHECK(sheets[0].filename() == pictures[0]->value(DCM_SeriesInstanceUID) + ".png");
    const Sheet sheet{read_file(sheets[0])};
    CHECK(sheet.contrast(burned.name) == 0);
    CHECK(sheet.contrast(burned.id) == 0);
    CHECK(sheet.contrast({60, 100, 200, 100}) > 50); // and yet it is the picture
}

TEST_CASE("a name in the pixels stays here, the picture goes, and header and REDCap say so")
{
    const PacsServer server;
    World world{server.port()};
    const Burned burned{world};
    const auto name = world.request(burned.image.study);

    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(report.problem);
    CHECK(world.site.whereabouts(name) == "done");
    REQUIRE(report.items.size() == 1);
    CHECK(report.items[0].counts.stored == 3);
    CHECK(report.items[0].counts.masked == 1);
    const auto pictures = stored(server, "US");
    REQUIRE(pictures.size() == 1);
    auto& picture = *pictures.front();
    REQUIRE(picture.pixels.size() == burned.image.picture->bytes.size());
    const auto& before = burned.image.picture->bytes;
    CHECK(contrast(before, *burned.image.picture, burned.name) > 200);
    CHECK(contrast(picture.pixels, *burned.image.picture, burned.name) == 0);
    CHECK(contrast(picture.pixels, *burned.image.picture, burned.id) == 0);
    const std::ptrdiff_t below = 3 * 320 * 100; // far from all writing
    CHECK(std::equal(before.begin() + below, before.end(), picture.pixels.begin() + below));
    CHECK(picture.value(DCM_BurnedInAnnotation) == "NO");
    CHECK(picture.value(DCM_ImageType) == "DERIVED\\PRIMARY\\M");
    CHECK(picture.method_codes().contains("113101"));
    const auto slices = stored(server, "MR");
    REQUIRE(slices.size() == 2);
    for (const auto& slice : slices) {
        CHECK_FALSE(slice->method_codes().contains("113101"));
        CHECK(slice->value(DCM_BurnedInAnnotation).empty());
    }
    CHECK(world.told(1, "transfer_error___3") == "1");
    CHECK(world.told(1, "transfer_error___1") == "0");
    CHECK(world.told(1, "transfers_complete") == "2");
    const auto audit = audit_of(world);
    CHECK(audit.find("modalities")->array() == json::Array{"MR", "US"});
    const auto& work = audit.find("pixels")->array();
    REQUIRE(work.size() == 1);
    CHECK(work.front().text("series") == log::uid_tag(burned.image.series));
    CHECK(work.front().text("masked") == "1");
    CHECK(work.front().find("boxes")->integer() > 0);
    CHECK(identity_in(json::write(audit) + world.log).empty());
    for (const auto& entry : fs::directory_iterator{world.site.paths().temporary()}) {
        CHECK(entry.path().filename() == ".transfer-sweep.lock");
    }

    CHECK(world.run().items.empty());
    CHECK(server.files().size() == 3);
}

TEST_CASE("a project that wants its pixels as they are gets them, and no claim that they are clean")
{
    const PacsServer server;
    World world{server.port()};
    const Burned burned{world};
    SECTION("by feature 1")
    {
        world.set_project({{"project_features___1", "1"}});
    }
    SECTION("by an exclusion")
    {
        world.projects->put({"DEMO",
                             "",
                             "rewritepixelexclusions",
                             1,
                             {{"rewrite_ex_tag", "2"}, {"rewrite_ex_reg", "t1 "}}});
    }
    static_cast<void>(world.request(burned.image.study));

    const auto report = world.run();

    CHECK_FALSE(report.problem);
    const auto pictures = stored(server, "US");
    REQUIRE(pictures.size() == 1);
    CHECK(pictures.front()->pixels == burned.image.picture->bytes);
    CHECK_FALSE(pictures.front()->method_codes().contains("113101"));
    CHECK(pictures.front()->value(DCM_BurnedInAnnotation).empty());
    CHECK(world.told(1, "transfer_error___3") == "0");
}

TEST_CASE("a picture without text keeps its pixels, and only that it was searched is said")
{
    const PacsServer server;
    World world{server.port()};
    SmallImage image;
    image.sop_class = "1.2.840.10008.5.1.4.1.1.7";
    image.modality = "OT";
    image.picture = phantom::plain_canvas(64, 64, 1, 90);
    world.site.add(image);
    static_cast<void>(world.request(image.study));

    const auto report = world.run();

    CHECK_FALSE(report.problem);
    const auto pictures = stored(server, "OT");
    REQUIRE(pictures.size() == 1);
    CHECK(pictures.front()->pixels == image.picture->bytes);
    CHECK(pictures.front()->value(DCM_BurnedInAnnotation) == "NO");
    CHECK(pictures.front()->value(DCM_ImageType) == "ORIGINAL\\PRIMARY\\M");
    CHECK(pictures.front()->method_codes().contains("113101"));
    CHECK(report.items.at(0).counts.masked == 0);
    CHECK(world.told(1, "transfer_error___3") == "1");
}

TEST_CASE("what a site knows of its devices settles a doubtful picture")
{
    const PacsServer server;
    World world{server.port()};
    SmallImage image;
    image.sop_class = "1.2.840.10008.5.1.4.1.1.7";
    image.picture = doubtful_picture();
    world.site.add(image);
    static_cast<void>(world.request(image.study));
    store::write_file(world.site.paths().config() / "pixel-regions.json",
                      R"([{"match": {"Manufacturer": "SYNTHETIC"}, "clean": true,
                           "boxes": [[0, 0, 32, 16]]}])");

    const auto report = world.run();

    CHECK_FALSE(report.problem);
    const auto pictures = stored(server, "MR");
    REQUIRE(pictures.size() == 1);
    CHECK(contrast(pictures.front()->pixels, *image.picture, {0, 0, 32, 16}) == 0);
    const std::ptrdiff_t below = 256 * 16;
    CHECK(std::equal(image.picture->bytes.begin() + below, image.picture->bytes.end(),
                     pictures.front()->pixels.begin() + below));
}

TEST_CASE("pixels that cannot be searched keep their image here and nothing else")
{
    const PacsServer server;
    World world{server.port()};
    world.site.add_study(1, 2);
    SmallImage image;
    image.study = TransferSite::study_uid(1);
    image.series = image.study + ".7";
    image.sop = image.series + ".1";
    image.sop_class = "1.2.840.10008.5.1.4.1.1.7";
    image.more = {{"NumberOfFrames", "7"}}; // the pixel data has one
    world.site.add(image);
    const auto name = world.request(image.study);

    const auto report = world.run();

    REQUIRE(report.problem);
    CHECK(report.problem->fault() == Fault::data);
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(server.files().size() == 2);
    CHECK(world.told(1, "transfer_error___1") == "1");
    CHECK_THAT(world.told(1, "transfer_error_message"),
               Catch::Contains("could not be searched for text"));
}
