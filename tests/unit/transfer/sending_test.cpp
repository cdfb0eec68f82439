// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/receipt.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/pacs/commitment_report.h"
#include "libfiona/transfer/transfer.h"
#include "tests/support/child_process.h"
#include "tests/support/pacs_server.h"
#include "tests/support/scripted_pacs.h"
#include "tests/unit/transfer/world.h"

#include <catch2/catch.hpp>
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
using transfer_world::World;

namespace fs = std::filesystem;

namespace {

std::optional<Fault> fault(const transfer::RunReport& report)
{
    return report.problem ? std::optional{report.problem->fault()} : std::nullopt;
}

/// Refuses the first `count` objects for now.
ScriptedPacs::Script full_for(std::size_t count)
{
    return [count](std::size_t object) {
        return ScriptedPacs::Answer{.status =
                                        static_cast<std::uint16_t>(object <= count ? 0xA700 : 0)};
    };
}

ScriptedPacs::Script always_stored()
{
    return full_for(0);
}

std::size_t occurrences(const std::string& text, const std::string& word)
{
    std::size_t count = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        ++count;
    }
    return count;
}

std::vector<fs::path> prepared(const World& world)
{
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator{world.site.paths().temporary()}) {
        if (entry.path().filename().native().starts_with("prepared-")) {
            found.push_back(entry.path());
        }
    }
    return found;
}

fs::path first_image(const fs::path& directory)
{
    for (const auto& entry : fs::recursive_directory_iterator{directory}) {
        if (entry.path().extension() == ".dcm") {
            return entry.path();
        }
    }
    FAIL("nothing was prepared");
    return {};
}

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

std::string audit_of(const World& world)
{
    return read_file(world.site.paths().logs() / "transfers-audit.jsonl");
}

} // namespace

TEST_CASE("a request that is tried again is not de-identified again")
{
    const ScriptedPacs server{full_for(3)};
    World world{server.port()};
    const auto name = world.add(1, 3);

    CHECK(fault(world.run()) == Fault::temporary);
    REQUIRE(prepared(world).size() == 1);
    CHECK((fs::status(prepared(world).front()).permissions() & fs::perms{077}) == fs::perms::none);
    CHECK(identity_in(world.site.everything_written()).empty());
    CHECK(world.site.everything_written().find("3680043.9.7433.1.1.") == std::string::npos);

    world.now += std::chrono::seconds{11};
    CHECK_FALSE(fault(world.run()));

    INFO(world.log);
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(occurrences(world.log, "event=prepared_study_used") == 1);
    CHECK(server.stored().size() == 3);
    CHECK(prepared(world).empty());
    const auto receipts = anonymize::find_receipts(world.site.paths().receipts());
    REQUIRE(receipts.size() == 1);
    CHECK(anonymize::check_receipts(receipts, {}).empty());
    CHECK(occurrences(read_file(receipts.front()), "output_sha256") == 3);
}

TEST_CASE("what was prepared is not used when anything about it has changed")
{
    const ScriptedPacs server{full_for(2)};
    World world{server.port()};
    const auto name = world.add(1, 2);
    CHECK(fault(world.run()) == Fault::temporary);
    REQUIRE(prepared(world).size() == 1);
    std::size_t images = 2;

    SECTION("a prepared file")
    {
        std::ofstream{first_image(prepared(world).front()), std::ios::app} << "more";
    }
    SECTION("a prepared file is gone")
    {
        fs::remove(first_image(prepared(world).front()));
    }
    SECTION("killed before the manifest")
    {
        fs::remove(prepared(world).front() / "manifest.json");
    }
    SECTION("a manifest of something else")
    {
        std::ofstream{prepared(world).front() / "manifest.json"} << "{\"key\": 1";
    }
    SECTION("an image came")
    {
        SmallImage image;
        image.study = TransferSite::study_uid(1);
        image.series = image.study + ".1";
        image.sop = image.series + ".9";
        world.site.add(image);
        images = 3;
    }
    SECTION("the project has another rule")
    {
        world.set_project({{"project_import_rule_1_tag", "0010,4000"},
                           {"project_import_rule_1_regexp", "(arm [A-Z])"}});
    }
    world.now += std::chrono::seconds{11};
    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(report));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(occurrences(world.log, "event=prepared_study_used") == 0);
    CHECK(report.items.at(0).counts.stored == images);
    CHECK(prepared(world).empty());
}

TEST_CASE(
    "what was prepared for a request that nobody knows any more is removed, not before an hour")
{
    const ScriptedPacs server{full_for(1)};
    World world{server.port()};
    const auto name = world.add(1, 1);
    CHECK(fault(world.run()) == Fault::temporary);
    REQUIRE(prepared(world).size() == 1);
    fs::remove(world.site.paths().requests() / name);

    static_cast<void>(world.run());
    CHECK(prepared(world).size() == 1);
    world.now += std::chrono::hours{2};
    static_cast<void>(world.run());
    CHECK(prepared(world).empty());
}

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
    // The header of an RLE segment says where its bytes begin (PS3.5 annex G.5): nowhere.
    auto bytes = read_file(file);
    const auto fragment = bytes.rfind(std::string("\xfe\xff\x00\xe0", 4));
    REQUIRE(fragment != std::string::npos);
    bytes.replace(fragment + 12, 4, "\xff\xff\xff\x7f");
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

TEST_CASE("a PACS that commits itself to what it has stored is asked once for a study")
{
    const ScriptedPacs server{always_stored(), {"1.2.840.10008.1.2.1"}, ScriptedPacs::Commitment{}};
    World world{server.port()};
    using enum ResearchPacsConfig::Commitment;
    world.site.config().research_pacs.commitment = GENERATE(automatic, required);
    const auto name = world.add(1, 3);

    const auto report = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(report));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(server.questions() == 1);
    CHECK_THAT(audit_of(world), Contains(R"("commitment":"committed")"));
    CHECK(fs::is_empty(world.site.paths().commitments() / "asked"));
}

TEST_CASE("what the PACS has stored and not kept is sent again, and only that")
{
    ScriptedPacs::Commitment forgetful;
    forgetful.keeps = [first = std::string{}](std::size_t question,
                                              const std::string& sop) mutable {
        if (question == 1 && first.empty()) {
            first = sop;
        }
        return question > 1 || sop != first;
    };
    const ScriptedPacs server{always_stored(), {"1.2.840.10008.1.2.1"}, forgetful};
    World world{server.port()};
    const auto name = world.add(1, 3);

    const auto first = world.run();
    CHECK(fault(first) == Fault::temporary);
    CHECK_THAT(first.items.at(0).reason, Contains("not kept"));
    CHECK(world.site.whereabouts(name) == "requests");
    CHECK(world.told(1, "transfer_date").empty());

    world.now += std::chrono::seconds{11};
    const auto second = world.run();

    INFO(world.log);
    CHECK_FALSE(fault(second));
    CHECK(world.site.whereabouts(name) == "done");
    CHECK(server.stored().size() == 4);
    CHECK(server.questions() == 2);
    CHECK(second.items.at(0).counts.stored == 3);
}

TEST_CASE("a PACS that never keeps an image makes us give up, and says why")
{
    ScriptedPacs::Commitment never;
    never.keeps = [](std::size_t, const std::string&) { return false; };
    const ScriptedPacs server{always_stored(), {"1.2.840.10008.1.2.1"}, never};
    World world{server.port()};
    const auto name = world.add(1, 1);

    unsigned runs = 0;
    while (world.site.whereabouts(name) == "requests" && runs < 20) {
        static_cast<void>(world.run());
        world.now += std::chrono::hours{1};
        ++runs;
    }

    CHECK(runs == transfer::max_failures);
    CHECK(world.site.whereabouts(name) == "failed");
    CHECK(world.told(1, "transfer_error___2") == "1");
    CHECK(world.told(1, "transfer_mapped_uid").empty());
    CHECK_THAT(world.told(1, "transfer_error_message"), Contains("no such object (0112)"));
}

TEST_CASE("a PACS without storage commitment gets studies all the same, unless it is required")
{
    using enum ResearchPacsConfig::Commitment;
    const ScriptedPacs server{always_stored()};
    World world{server.port()};
    const auto name = world.add(1, 2);
    const auto mode = GENERATE(off, automatic, required);
    world.site.config().research_pacs.commitment = mode;

    const auto report = world.run();

    INFO(world.log);
    CHECK(server.stored().size() == 2);
    if (mode == required) {
        CHECK(fault(report) == Fault::protocol);
        CHECK(world.site.whereabouts(name) == "requests");
        CHECK_THAT(report.problem->what(), Contains("RESEARCH_PACS.commitment"));
        CHECK(world.told(1, "transfer_date").empty());
    } else {
        CHECK_FALSE(fault(report));
        CHECK(world.site.whereabouts(name) == "done");
    }
}

TEST_CASE("without a report a study is done in mode auto, and waits where it is required")
{
    using enum ResearchPacsConfig::Commitment;
    ScriptedPacs::Commitment silent;
    silent.reports = false;
    const ScriptedPacs server{always_stored(), {"1.2.840.10008.1.2.1"}, silent};
    World world{server.port()};
    auto& settings = world.site.config().research_pacs;
    settings.commitment_wait = std::chrono::seconds{1};
    const auto name = world.add(1, 2);

    SECTION("auto")
    {
        CHECK_FALSE(fault(world.run()));
        CHECK(world.site.whereabouts(name) == "done");
        CHECK_THAT(audit_of(world), Contains(R"("commitment":"not reported")"));
    }
    SECTION("required, and reported to our receiver later")
    {
        settings.commitment = required;
        CHECK(fault(world.run()) == Fault::temporary);
        CHECK(world.site.whereabouts(name) == "requests");
        const fs::directory_entry asked{
            *fs::directory_iterator{world.site.paths().commitments() / "asked"}};
        const auto transaction = asked.path().filename().native();
        world.now += std::chrono::seconds{20};
        CHECK(fault(world.run()) == Fault::temporary); // still nothing
        CHECK(server.questions() == 1);

        const auto stored = server.stored();
        const pacs::CommitmentInbox inbox{world.site.paths().commitments()};
        CHECK_FALSE(inbox.keep({"2.25.1", {}, {}}));
        CHECK(inbox.keep({transaction, {stored.begin(), stored.end()}, {}}));
        world.now += std::chrono::seconds{70};

        CHECK_FALSE(fault(world.run()));
        CHECK(world.site.whereabouts(name) == "done");
        CHECK(server.questions() == 1);
        CHECK(server.stored().size() == 2);
        CHECK(fs::is_empty(world.site.paths().commitments() / "asked"));
        CHECK(fs::is_empty(world.site.paths().commitments() / "reports"));
    }
    SECTION("required, and never reported: asked again, then given up")
    {
        settings.commitment = required;
        unsigned runs = 0;
        while (world.site.whereabouts(name) == "requests" && runs < 30) {
            static_cast<void>(world.run());
            world.now += std::chrono::minutes{20};
            ++runs;
        }
        CHECK(world.site.whereabouts(name) == "failed");
        CHECK(server.questions() > 1);
        CHECK(server.stored().size() == 2);
        CHECK_THAT(world.told(1, "transfer_error_message"), Contains("storage commitment"));
    }
}
