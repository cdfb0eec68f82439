// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "libfiona/wsi/dicom_slide.h"
#include "tests/support/ndpi_maker.h"
#include "tests/support/orthanc_server.h"
#include "tests/support/skip.h"
#include "tests/support/slide_objects.h"
#include "tests/support/svs_maker.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace fiona;
using namespace fiona::wsi;
namespace fs = std::filesystem;

namespace {

constexpr const char* plugin = "/usr/share/orthanc/plugins/libOrthancWSI.so";

std::string asked(const std::vector<std::string>& arguments)
{
    std::vector<std::string> command{"curl", "--silent", "--show-error", "--fail"};
    command.insert(command.end(), arguments.begin(), arguments.end());
    const auto answer = run({.arguments = command});
    INFO(answer.err);
    REQUIRE(answer.exit_code == 0);
    return answer.out;
}

} // namespace

TEST_CASE("Orthanc's viewer of slides finds the pyramid and gives its tiles")
{
    if (!OrthancServer::is_here()) {
        return;
    }
    if (!fs::exists(plugin)) {
        skip("the package orthanc-wsi is not installed");
        return;
    }
    const bool is_aperio = GENERATE(true, false);
    const TempDir root;
    const auto file = root / "slide";
    if (is_aperio) {
        static_cast<void>(slide_maker::make_svs(file, {}));
    } else {
        static_cast<void>(
            slide_maker::make_ndpi(file, {.width = 2048, .height = 1024, .levels = 3}));
    }
    const auto slide = Slide::open(file);
    fs::create_directory(root / "out");
    const auto written = write_dicom_slide(slide, sample_slide_header(), root / "out");
    const OrthancServer server{{.plugins = {plugin}}};

    for (const auto& object : written.files) {
        asked({"--data-binary", "@" + object.native(), server.url() + "/instances"});
    }
    const auto series =
        json::parse(asked({server.url() + "/series"}), "series").array().at(0).text();
    const auto pyramid = json::parse(asked({server.url() + "/wsi/pyramids/" + series}), "pyramid");

    const auto levels = slide.levels();
    CHECK(pyramid.find("TotalWidth")->integer() == static_cast<std::int64_t>(levels[0].width));
    CHECK(pyramid.find("TotalHeight")->integer() == static_cast<std::int64_t>(levels[0].height));
    CHECK(pyramid.find("Resolutions")->array().size() == levels.size());
    const auto tile = asked({server.url() + "/wsi/tiles/" + series + "/0/1/0"});
    CHECK(decode_jpeg(tile) == decode_jpeg(frames_of(written.files.at(0)).at(1)));
}
