// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/transfer/transfer.h"
#include "tests/support/child_process.h"
#include "tests/support/pacs_server.h"
#include "tests/unit/transfer/world.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <fstream>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
using transfer_world::fault;
using transfer_world::occurrences;
using transfer_world::prepared;
using transfer_world::World;

namespace fs = std::filesystem;

namespace {

/// DCMTK's storescp, which accepts implicit VR little endian only.
class ImplicitPacs {
public:
    ImplicitPacs() : port{unused_port()}
    {
        fs::create_directories(m_root / "storage");
        m_process.emplace(std::vector<std::string>{"storescp", "+xi", "-od",
                                                   (m_root / "storage").native(),
                                                   std::to_string(port)},
                          m_root / "process");
        wait_for_port(port);
    }

    [[nodiscard]] std::vector<fs::path> files() const
    {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator{m_root / "storage"}) {
            found.push_back(entry.path());
        }
        return found;
    }

    std::uint16_t port;

private:
    TempDir m_root;
    std::optional<ChildProcess> m_process;
};

/// A compressed image in the archive, made by one of DCMTK's programs.
void add_compressed(const World& world, const SmallImage& image,
                    const std::vector<std::string>& program)
{
    world.site.add(image);
    const auto file =
        world.site.paths().archive() / ("scp_" + image.study) / (image.modality + "." + image.sop);
    auto words = program;
    words.insert(words.end(), {file.native(), file.native() + ".new"});
    const auto made = run({words});
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    fs::rename(file.native() + ".new", file);
}

std::string text_of(DcmDataset& data, const DcmTagKey& tag)
{
    OFString value;
    data.findAndGetOFStringArray(tag, value);
    return value.c_str();
}

std::string pixels_of(DcmDataset& data)
{
    const Uint16* words = nullptr;
    unsigned long count = 0;
    REQUIRE(data.findAndGetUint16Array(DCM_PixelData, words, &count).good());
    return {reinterpret_cast<const char*>(words), count * 2};
}

} // namespace

TEST_CASE("a series that viewers do not show gets a picture that says so, the same each time")
{
    const PacsServer server;
    World world{server.port()};
    const bool is_marked = GENERATE(true, false);
    CAPTURE(is_marked);
    SmallImage spectrum;
    spectrum.sop_class = "1.2.840.10008.5.1.4.1.1.4.2"; // MR spectroscopy
    spectrum.pixels = SmallImage::Pixels::none;
    spectrum.more = {{"SeriesDescription", "PhysioLog of Quixotic"}};
    if (!is_marked) {
        world.site.config().deidentify.no_image_classes = {spectrum.sop_class};
    }
    world.site.add(spectrum, {{"ClassifyType", json::Array{is_marked ? "ABCD-Physio" : "OTHER"}}});
    const auto name = world.request(spectrum.study);

    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(report));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(report.items.at(0).counts.in == 1);
    CHECK(report.items.at(0).counts.stored == 1);
    CHECK(report.items.at(0).counts.added == 1);
    REQUIRE(server.files().size() == 2);
    std::set<std::string> series;
    std::string picture;
    for (const auto& file : server.files()) {
        CHECK(identity_in(read_file(file)).empty());
        DcmFileFormat format;
        REQUIRE(format.loadFile(file.c_str()).good());
        auto& data = *format.getDataset();
        series.insert(text_of(data, DCM_SeriesInstanceUID));
        CHECK(text_of(data, DCM_PatientID) == "DEMO_0001");
        if (text_of(data, DCM_SOPClassUID) == UID_SecondaryCaptureImageStorage) {
            picture = text_of(data, DCM_SOPInstanceUID);
            CHECK(text_of(data, DCM_ImageType) == "DERIVED\\SECONDARY");
            CHECK(text_of(data, DCM_ConversionType) == "SYN");
            CHECK(text_of(data, DCM_BurnedInAnnotation) == "NO");
            CHECK(text_of(data, DCM_Rows) == "512");
            CHECK(text_of(data, DCM_PatientIdentityRemoved) == "YES");
            CHECK(pixels_of(data).find_first_not_of('\0') != std::string::npos); // letters
        }
    }
    CHECK(series.size() == 1);
    CHECK_FALSE(picture.empty());
    const auto receipt = read_file(anonymize::find_receipts(world.site.paths().receipts()).front());
    CHECK(occurrences(receipt, "\"sop_instance\": \"" + picture) == 1);

    // Asked for again, the PACS gets nothing new.
    static_cast<void>(world.site.file_request(spectrum.study));
    CHECK_FALSE(fault(world.run()));
    CHECK(server.files().size() == 2);
}

TEST_CASE("a series with images, or one that nobody marked, gets no picture")
{
    const PacsServer server;
    World world{server.port()};
    SmallImage image;
    world.site.add(image, {{"ClassifyType", json::Array{"ABCD-Physio"}}});
    SmallImage report_object;
    report_object.series += ".2";
    report_object.sop = report_object.series + ".1";
    report_object.sop_class = "1.2.840.10008.5.1.4.1.1.4.2";
    report_object.pixels = SmallImage::Pixels::none;
    world.site.add(report_object);
    static_cast<void>(world.request(image.study));

    const auto report = world.run();

    CHECK(report.items.at(0).counts.stored == 2);
    CHECK(report.items.at(0).counts.added == 0);
    CHECK(server.files().size() == 2);
}

TEST_CASE("a PACS that takes no compression gets decoded images, bit by bit the same")
{
    const ImplicitPacs server;
    World world{server.port};
    SmallImage image;
    add_compressed(world, image, {"dcmcrle"});
    const auto name = world.request(image.study);

    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(report));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(report.items.at(0).counts.decoded == 1);
    REQUIRE(server.files().size() == 1);
    DcmFileFormat sent;
    REQUIRE(sent.loadFile(server.files().front().c_str()).good());
    CHECK(identity_in(read_file(server.files().front())).empty());
    const TempDir scratch;
    write_image(image, scratch / "plain.dcm");
    DcmFileFormat plain;
    REQUIRE(plain.loadFile((scratch / "plain.dcm").c_str()).good());
    CHECK(pixels_of(*sent.getDataset()) == pixels_of(*plain.getDataset()));
    CHECK_FALSE(sent.getDataset()->tagExists(DCM_LossyImageCompression));
    const auto receipt = read_file(anonymize::find_receipts(world.site.paths().receipts()).front());
    CHECK_THAT(receipt, Contains(text_of(*sent.getDataset(), DCM_SOPInstanceUID)));
    CHECK_THAT(receipt, Contains("\"decoded\""));
    CHECK(prepared(world).empty());
}

TEST_CASE("what was compressed with loss says so after it was decoded")
{
    const ImplicitPacs server;
    World world{server.port};
    SmallImage image;
    image.picture = phantom::plain_canvas(64, 64, 1, 90);
    add_compressed(world, image, {"dcmcjpeg", "+eb", "+un"});
    if (GENERATE(true, false)) { // by a careless sender
        const auto file = world.site.paths().archive() / ("scp_" + image.study)
                          / (image.modality + "." + image.sop);
        REQUIRE(run({{"dcmodify", "-imt", "-nb", "-ea", "(0028,2110)", "-ea", "(0028,2112)", "-ea",
                      "(0028,2114)", file.native()}})
                    .exit_code
                == 0);
    }
    static_cast<void>(world.request(image.study));

    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(report));
    REQUIRE(server.files().size() == 1);
    DcmFileFormat sent;
    REQUIRE(sent.loadFile(server.files().front().c_str()).good());
    auto& data = *sent.getDataset();
    CHECK(text_of(data, DCM_LossyImageCompression) == "01");
    CHECK_FALSE(text_of(data, DCM_LossyImageCompressionMethod).empty());
}

TEST_CASE("a compressed image that cannot be decoded for the PACS fails for good, with the reason")
{
    const ImplicitPacs server;
    World world{server.port};
    SmallImage broken;
    add_compressed(world, broken, {"dcmcrle"});
    const auto file = world.site.paths().archive() / ("scp_" + broken.study)
                      / (broken.modality + "." + broken.sop);
    // Its first segment ends after two bytes, where the second one begins (PS3.5 annex G.5).
    auto bytes = read_file(file);
    const auto fragment = bytes.rfind(std::string("\xfe\xff\x00\xe0", 4));
    REQUIRE(fragment != std::string::npos);
    bytes.replace(fragment + 16, 4, std::string{"\x42\0\0\0", 4});
    std::ofstream{file} << bytes;
    SmallImage good;
    good.sop += ".2";
    world.site.add(good);
    const auto name = world.request(broken.study);

    const auto report = world.run();

    INFO(world.log);
    CHECK(fault(report) == Fault::data);
    CHECK(world.site.whereabouts(name) == "failed");
    CHECK(server.files().size() == 1);
    CHECK(report.items.at(0).counts.stored == 1);
    CHECK(report.items.at(0).counts.refused == 1);
    CHECK_THAT(world.told(1, "transfer_error_message"),
               Contains("RLE") && Contains("cannot be decoded"));
}
