// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/export/plan.h"
#include "libfiona/export/work_folder.h"
#include "libfiona/store/folder.h"
#include "tests/support/export_site.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <filesystem>
#include <fstream>

namespace fs = std::filesystem;
using namespace fiona;
using namespace fiona::exports;

namespace {

ExportTypes types(const std::string& type)
{
    return ExportTypes::parse("{\"T\": " + type + "}");
}

const PackageFacts facts{.project = "DEMO",
                         .participant_id = "DEMO_0001",
                         .event = "baseline",
                         .folder = "baseline",
                         .study_date = "20240102"};

} // namespace

TEST_CASE("what REDCap does not know stays as it is in the image, and what it knows is set")
{
    const TempDir directory;
    write_image({}, directory / "MR.1");
    const auto type = types(
        R"({"set": {"PatientBirthDate": "{BirthDate}", "PatientAge": "{Age}", "PatientSex": "{Sex|}"}})");
    auto known = facts;
    known.participant = {.birth_date = "19700203", .age = "045Y"};

    write_image(directory / "MR.1", directory / "unknown", type.find("T"), facts);
    write_image(directory / "MR.1", directory / "known", type.find("T"), known);

    CHECK(element_of(directory / "unknown", {0x0010, 0x0030}) == "19610214");
    CHECK(element_of(directory / "unknown", {0x0010, 0x1010}) == "(absent)");
    CHECK(element_of(directory / "unknown", {0x0010, 0x0040}).empty()); // the type says so
    CHECK(element_of(directory / "known", {0x0010, 0x0030}) == "19700203");
    CHECK(element_of(directory / "known", {0x0010, 0x1010}) == "045Y");
}

TEST_CASE("pixel data stays what it was, whatever the transfer syntax")
{
    const TempDir directory;
    const auto [program, kind] = GENERATE(std::pair{"", zip::Content::Kind::plain},
                                          std::pair{"dcmcrle", zip::Content::Kind::compressed},
                                          std::pair{"dcmdeflate", zip::Content::Kind::plain},
                                          std::pair{"big", zip::Content::Kind::plain});
    const auto source = directory / "MR.1";
    write_image({}, directory / "plain");
    const std::string name{program};
    const auto made = name.empty() ? run({.arguments = {"cp", directory / "plain", source}})
                      : name == "dcmcrle"
                          ? run({.arguments = {"dcmcrle", directory / "plain", source}})
                      : name == "dcmdeflate"
                          ? run({.arguments = {"dcmconv", "+td", directory / "plain", source}})
                          : run({.arguments = {"dcmconv", "+tb", directory / "plain", source}});
    REQUIRE(made.exit_code == 0);
    const auto type = types(R"({"set": {"PatientName": "{ParticipantID}"}})");

    Image image{source, type.find("T"), facts};
    const auto content = std::move(image).content("x");
    std::ofstream{directory / "out"}
        << content.head
        << (content.count == 0 ? ""
                               : read_file(content.file).substr(content.offset, content.count));

    CHECK(content.kind == kind);
    CHECK(element_of(directory / "out", {0x0010, 0x0010}) == "DEMO_0001");
    const auto pixels = [&](const fs::path& file) {
        const auto decoded = directory / "decoded";
        const auto done = run({.arguments = {"dcmdrle", file.native(), decoded.native()}});
        INFO(done.err);
        REQUIRE(done.exit_code == 0);
        const auto dumped = run({.arguments = {"dcm2pnm", "--write-raw-pnm", decoded.native()}});
        REQUIRE(dumped.exit_code == 0);
        return dumped.out;
    };
    CHECK((pixels(directory / "out") == pixels(directory / "plain")));
}

TEST_CASE("emptied elements are empty at any depth, and none is inserted")
{
    const TempDir directory;
    SmallImage image;
    image.more = {{"InstitutionName", "Somewhere"}};
    write_image(image, directory / "MR.1");
    const auto nested =
        run({.arguments = {"dcmodify", "-nb", "-i", "(0040,0275)[0].(0008,0080)=Elsewhere",
                           (directory / "MR.1").native()}});
    REQUIRE(nested.exit_code == 0);
    const auto type = types(R"({"clear": ["InstitutionName", "StationName"]})");

    write_image(directory / "MR.1", directory / "out", type.find("T"), facts);

    const auto bytes = read_file(directory / "out");
    CHECK(bytes.find("Somewhere") == std::string::npos);
    CHECK(bytes.find("Elsewhere") == std::string::npos);
    CHECK(element_of(directory / "out", {0x0008, 0x0080}).empty());
    CHECK(element_of(directory / "out", {0x0008, 0x1010}) == "(absent)");
}

TEST_CASE("two series of one number and description have folders of their own")
{
    const TempDir directory;
    std::vector<fs::path> files;
    for (const auto* const series : {"1", "2"}) {
        for (const auto* const number : {"1", "2"}) {
            SmallImage image;
            image.series = fmt::format("1.2.3.{}", series);
            image.sop = fmt::format("{}.{}", image.series, number);
            files.push_back(directory.path / ("MR." + image.sop));
            write_image(image, files.back());
        }
    }
    const auto type = types(R"({"layout": "{SeriesNumber:04}_{SeriesDescription}/{File}.dcm"})");

    const auto planned = plan_images(files, type.find("T"), facts, 2);

    REQUIRE(planned.size() == 4);
    CHECK(planned[0].name == "0001_t1-synthetic/MR.1.2.3.1.1.dcm");
    CHECK(planned[1].name == "0001_t1-synthetic/MR.1.2.3.1.2.dcm");
    CHECK(planned[2].name == "0001_t1-synthetic_2/MR.1.2.3.2.1.dcm");
    CHECK(planned[3].name == "0001_t1-synthetic_2/MR.1.2.3.2.2.dcm");
}

TEST_CASE("two series whose names differ in case only have folders that every disk tells apart")
{
    const TempDir directory;
    std::vector<fs::path> files;
    for (const auto* const description : {"t1 synthetic", "T1 Synthetic"}) {
        SmallImage image;
        image.series = fmt::format("1.2.3.{}", files.size() + 1);
        image.sop = image.series + ".1";
        image.more = {{"SeriesDescription", description}};
        files.push_back(directory.path / ("MR." + image.sop));
        write_image(image, files.back());
    }
    const auto type = types(R"({"layout": "{SeriesDescription}/image.dcm"})");

    const auto planned = plan_images(files, type.find("T"), facts, 1);

    REQUIRE(planned.size() == 2);
    CHECK(planned[0].name == "t1-synthetic/image.dcm");
    CHECK(planned[1].name == "T1-Synthetic_2/image.dcm");
}

TEST_CASE("SOP classes and beginnings of names decide what goes into a package")
{
    const TempDir directory;
    std::vector<fs::path> files{directory / "MR.1", directory / "SRt.2"};
    for (const auto& file : files) {
        write_image({}, file);
    }
    const auto prefix = types(R"({"exclude_prefix": ["SR", "PS"]})");
    const auto none = types(R"({"include_sop": ["1.2.3"]})");

    CHECK(plan_images(files, prefix.find("T"), facts, 1).size() == 1);
    CHECK(plan_images(files, none.find("T"), facts, 1).empty());
}

TEST_CASE("a work folder goes with all in it, but not with what links in it lead to")
{
    const TempDir directory;
    std::ofstream{directory / "precious"} << "x";
    fs::create_directory(directory / "elsewhere");
    std::ofstream{directory / "elsewhere/kept"} << "x";
    const auto work = directory / "Export";
    WorkFolder folder{work, "0123"};
    const auto deep = folder.keep("DICOM") / "a/b";
    fs::create_directories(deep);
    std::ofstream{deep / "file"} << "x";
    fs::create_symlink(directory / "precious", deep / "link");
    fs::create_directory_symlink(directory / "elsewhere", deep / "tree");

    CHECK_THROWS_AS((WorkFolder{work, "0123"}), Error); // it is in use
    CHECK(fs::is_empty(folder.fresh("DICOM")));
    folder.remove();

    CHECK(fs::is_empty(work));
    CHECK(fs::exists(directory / "precious"));
    CHECK(fs::exists(directory / "elsewhere/kept"));
    CHECK_NOTHROW(store::remove_tree(work / "tmp_none"));
    CHECK_THROWS_AS(store::remove_tree(work / ".."), Error);
}
