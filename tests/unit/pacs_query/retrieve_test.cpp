// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/process.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/pacs/retrieve.h"
#include "tests/support/orthanc_server.h"
#include "tests/support/pacs_server.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace fs = std::filesystem;
using namespace fiona;
using pacs::Ending;

namespace {

const std::string study_uid = "1.2.826.0.1.3680043.9.7433.88.1";

enum class Compressed { none, one }; // dcmqrscp as it is started here takes none

/// Two MR series of three images each and a report.
std::vector<fs::path> write_study(const TempDir& directory, Compressed images = Compressed::none)
{
    std::vector<fs::path> files;
    for (int number = 1; number <= 6; ++number) {
        SmallImage image;
        image.study = study_uid;
        image.series = fmt::format("{}.{}", study_uid, 1 + number % 2);
        image.sop = fmt::format("{}.9.{}", study_uid, number);
        files.push_back(directory.path / fmt::format("{}.dcm", number));
        write_image(image, files.back());
    }
    const auto compressed = directory / "6-rle.dcm";
    if (images == Compressed::one) {
        REQUIRE(
            run({.arguments = {"dcmcrle", files.back().native(), compressed.native()}}).exit_code
            == 0);
        files.back() = compressed;
    }
    SmallImage report;
    report.study = study_uid;
    report.series = study_uid + ".3";
    report.sop = study_uid + ".9.7";
    report.sop_class = "1.2.840.10008.5.1.4.1.1.88.11";
    report.modality = "SR";
    report.pixels = SmallImage::Pixels::none;
    files.push_back(directory / "7.dcm");
    write_image(report, files.back());
    return files;
}

void fill(const pacs::Peer& peer, const std::vector<fs::path>& files)
{
    for (const auto& result : pacs::send_files(peer, files)) {
        INFO(result.reason);
        REQUIRE(result.outcome == pacs::SendOutcome::stored);
    }
}

std::vector<pacs::Holding> holdings_at(const pacs::Peer& peer, const pacs::Wanted& wanted)
{
    pacs::QuerySession session{peer};
    return pacs::find_holdings(session, wanted);
}

void check_get(const pacs::Peer& peer, Compressed images)
{
    const TempDir directory;
    const TempDir target;
    fill(peer, write_study(directory, images));
    const pacs::Wanted wanted{StudyUid{study_uid}};
    const auto holdings = holdings_at(peer, wanted);
    REQUIRE(holdings.size() == 7);

    const auto result = pacs::get(peer, wanted, holdings, target.path);

    INFO(pacs::describe(result.ending, result.status));
    CHECK(result.completed == 7);
    CHECK(result.missing == 0);
    CHECK(result.is_complete());
    REQUIRE(result.files.size() == 7);
    for (const auto& file : result.files) {
        const auto scan = dicom::prescan_file(file);
        CHECK(scan.study == study_uid);
        CHECK(file.filename().native().ends_with("." + scan.sop_instance));
    }
    CHECK(std::ranges::none_of(fs::directory_iterator{target.path}, [](const auto& entry) {
        return entry.path().extension() == ".part";
    }));
}

} // namespace

TEST_CASE("a study is fetched from dcmqrscp by C-GET")
{
    const PacsServer server;
    check_get(server.peer(), Compressed::none);
}

TEST_CASE("a study with a compressed image is fetched from Orthanc by C-GET")
{
    if (OrthancServer::is_here()) {
        const OrthancServer server;
        check_get(server.peer(), Compressed::one);
    }
}

TEST_CASE("one series is fetched without the others of its study")
{
    const TempDir directory;
    const TempDir target;
    const PacsServer server;
    fill(server.peer(), write_study(directory));
    const pacs::Wanted wanted{StudyUid{study_uid}, SeriesUid{study_uid + ".3"}};

    const auto result =
        pacs::get(server.peer(), wanted, holdings_at(server.peer(), wanted), target.path);

    CHECK(result.is_complete());
    REQUIRE(result.files.size() == 1);
    CHECK(result.files.front().filename().native().ends_with(".9.7"));
}

TEST_CASE("what a peer has lost since it was asked makes a retrieval incomplete")
{
    const TempDir directory;
    const TempDir target;
    const PacsServer server;
    fill(server.peer(), write_study(directory));
    const pacs::Wanted wanted{StudyUid{study_uid}};
    auto holdings = holdings_at(server.peer(), wanted);
    holdings.push_back({study_uid + ".1", study_uid + ".9.99", holdings.front().sop_class});

    const auto result = pacs::get(server.peer(), wanted, holdings, target.path);

    CHECK(result.files.size() == 7);
    CHECK(result.missing == 1);
    CHECK_FALSE(result.is_complete());
}

TEST_CASE("an unknown study is nothing to fetch")
{
    const TempDir target;
    const PacsServer server;
    const pacs::Wanted wanted{StudyUid{"1.2.3"}};
    const auto holdings = holdings_at(server.peer(), wanted);
    CHECK(holdings.empty());

    try {
        static_cast<void>(pacs::get(server.peer(), wanted, holdings, target.path));
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::missing);
    }
}

TEST_CASE("a disk that takes no more ends a retrieval")
{
    const TempDir directory;
    const PacsServer server;
    fill(server.peer(), write_study(directory));
    const pacs::Wanted wanted{StudyUid{study_uid}};

    CHECK_THROWS_AS(pacs::get(server.peer(), wanted, holdings_at(server.peer(), wanted),
                              directory / "not-there"),
                    Error);
}

TEST_CASE("a study is sent on by C-MOVE, by dcmqrscp and by Orthanc")
{
    const TempDir directory;
    const auto files = write_study(directory);
    const ScriptedPacs destination{
        [](std::size_t /*object*/) { return ScriptedPacs::Answer{}; },
        {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.5"}};
    const pacs::Wanted wanted{StudyUid{study_uid}};
    const auto check = [&](const pacs::Peer& peer) {
        fill(peer, files);
        const auto result =
            pacs::move(peer, wanted, holdings_at(peer, wanted), AeTitle{"ELSEWHERE"});
        INFO(pacs::describe(result.ending, result.status));
        CHECK(result.is_complete());
        CHECK(result.completed == 7);
        CHECK(destination.stored().size() == 7);
    };

    SECTION("dcmqrscp")
    {
        const PacsServer server{{{"ELSEWHERE", destination.port()}}};
        check(server.peer());
    }
    SECTION("Orthanc")
    {
        if (OrthancServer::is_here()) {
            const OrthancServer server{{.destinations = {{"ELSEWHERE", destination.port()}}}};
            check(server.peer());
        }
    }
}

TEST_CASE("a destination that refuses objects makes a C-MOVE incomplete")
{
    const TempDir directory;
    const auto files = write_study(directory);
    const ScriptedPacs destination{
        [](std::size_t object) {
            return ScriptedPacs::Answer{static_cast<std::uint16_t>(object == 3 ? 0xa700 : 0x0000)};
        },
        {"1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.5"}};
    const PacsServer server{{{"ELSEWHERE", destination.port()}}};
    fill(server.peer(), files);
    const pacs::Wanted wanted{StudyUid{study_uid}};

    const auto result =
        pacs::move(server.peer(), wanted, holdings_at(server.peer(), wanted), AeTitle{"ELSEWHERE"});

    CHECK_FALSE(result.is_complete());
}

TEST_CASE("a C-MOVE to a title that the peer does not know is refused")
{
    const TempDir directory;
    const PacsServer server;
    fill(server.peer(), write_study(directory));
    const pacs::Wanted wanted{StudyUid{study_uid}};

    const auto result =
        pacs::move(server.peer(), wanted, holdings_at(server.peer(), wanted), AeTitle{"NOBODY"});

    CHECK(result.ending != Ending::complete);
    CHECK_FALSE(result.is_complete());
}
