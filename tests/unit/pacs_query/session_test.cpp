// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pacs/query.h"
#include "tests/support/orthanc_server.h"
#include "tests/support/pacs_server.h"
#include "tests/support/scripted_finder.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <stdexcept>
#include <thread>

using namespace fiona;
using pacs::Ending;
using pacs::Keys;
using pacs::Level;
using pacs::Next;

namespace {

std::vector<Keys> many(std::size_t count)
{
    std::vector<Keys> studies;
    for (std::size_t i = 0; i < count; ++i) {
        studies.push_back({{"StudyInstanceUID", fmt::format("1.2.3.{}", i)}, {"StudyDate", ""}});
    }
    return studies;
}

std::size_t count_of(pacs::QuerySession& session, const Keys& keys)
{
    std::size_t count = 0;
    session.find(Level::study, keys, [&](const Keys& /*answer*/) {
        ++count;
        return Next::more;
    });
    return count;
}

std::filesystem::path image_of(const TempDir& directory, int study, int number,
                               const std::map<std::string, std::string>& more = {})
{
    SmallImage image;
    image.study = fmt::format("1.2.826.0.1.3680043.9.7433.77.{}", study);
    image.series = image.study + ".1";
    image.sop = fmt::format("{}.1.{}", image.study, number);
    image.more = more;
    const auto file = directory.path / fmt::format("{}-{}.dcm", study, number);
    write_image(image, file);
    return file;
}

} // namespace

TEST_CASE("a hundred queries go over one association")
{
    const ScriptedFinder finder{archive_of(many(3))};
    pacs::QuerySession session{finder.peer()};

    for (int i = 0; i < 100; ++i) {
        REQUIRE(count_of(session, {{"StudyInstanceUID", "1.2.3.1"}}) == 1);
    }

    CHECK(finder.associations() == 1);
    CHECK(session.queries() == 100);
}

TEST_CASE("a connection that the peer closed between two queries is made anew")
{
    ScriptedFinder finder{archive_of(many(3))};
    pacs::QuerySession session{finder.peer()};
    REQUIRE(count_of(session, {{"StudyInstanceUID", ""}}) == 3);

    finder.hang_up();

    CHECK(count_of(session, {{"StudyInstanceUID", ""}}) == 3);
    CHECK(session.associations() == 2);
}

TEST_CASE("a connection lost among the answers is no complete answer")
{
    const ScriptedFinder finder{[](const auto& /*level*/, const auto& /*keys*/) {
        return ScriptedFinder::Answer{many(5), 0, true};
    }};
    pacs::QuerySession session{finder.peer()};

    try {
        static_cast<void>(count_of(session, {{"StudyInstanceUID", ""}}));
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::unreachable);
    }
}

TEST_CASE("the statuses of a last answer are told apart")
{
    struct Row {
        std::uint16_t status;
        Ending ending;
    };
    const auto row = GENERATE(Row{0x0000, Ending::complete}, Row{0xa700, Ending::out_of_resources},
                              Row{0xa900, Ending::refused}, Row{0xc001, Ending::unable},
                              Row{0xfe00, Ending::cancelled}, Row{0x0122, Ending::refused});
    const ScriptedFinder finder{[&](const auto& /*level*/, const auto& /*keys*/) {
        return ScriptedFinder::Answer{many(2), row.status, false};
    }};
    pacs::QuerySession session{finder.peer()};
    CAPTURE(row.status);

    const auto result = session.find(Level::study, {{"StudyInstanceUID", ""}},
                                     [](const Keys& /*answer*/) { return Next::more; });

    CHECK(result.ending == row.ending);
    CHECK(result.status == row.status);
    CHECK(result.answers == 2);
}

TEST_CASE("a query is cancelled when its caller has enough, and the association lives on")
{
    const ScriptedFinder finder{archive_of(many(3'000))};
    pacs::QuerySession session{finder.peer()};
    std::size_t seen = 0;

    const auto result =
        session.find(Level::study, {{"StudyInstanceUID", ""}}, [&](const Keys& /*answer*/) {
            ++seen;
            return seen == 10 ? Next::enough : Next::more;
        });

    CHECK(seen == 10);
    CHECK(result.answers == 10);
    CHECK(count_of(session, {{"StudyInstanceUID", "1.2.3.7"}}) == 1);
    CHECK(finder.associations() == 1);
    CHECK(finder.cancels() == 1);
}

TEST_CASE("what the receiver of answers throws comes out, and the next query works")
{
    const ScriptedFinder finder{archive_of(many(3))};
    pacs::QuerySession session{finder.peer()};

    CHECK_THROWS_AS(
        session.find(Level::study, {{"StudyInstanceUID", ""}},
                     [](const Keys& /*answer*/) -> Next { throw std::runtime_error{"full"}; }),
        std::runtime_error);

    CHECK(count_of(session, {{"StudyInstanceUID", ""}}) == 3);
}

TEST_CASE("a query that takes too long ends at its deadline")
{
    const ScriptedFinder finder{[](const auto& /*level*/, const auto& /*keys*/) {
        std::this_thread::sleep_for(std::chrono::seconds{2}); // the slow archive itself
        return ScriptedFinder::Answer{};
    }};
    pacs::QuerySession session{finder.peer(), std::chrono::seconds{1}};

    try {
        static_cast<void>(count_of(session, {{"StudyInstanceUID", ""}}));
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::unreachable);
    }
}

TEST_CASE("text in every character set comes back as UTF-8")
{
    const TempDir directory;
    const PacsServer server;
    struct Row {
        const char* charset;
        const char* stored;
        const char* expected;
    };
    const auto row =
        GENERATE(Row{"ISO_IR 100", "\xC5se^Synthetic", "\xC3\x85se^Synthetic"},
                 Row{"ISO_IR 192", "\xC3\x85se^Synthetic", "\xC3\x85se^Synthetic"},
                 Row{"ISO_IR 144", "\xBB\xEE^X", "\xD0\x9B\xD1\x8E^X"},
                 Row{"\\ISO 2022 IR 87", "Yamada^Tarou=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B",
                     "Yamada^Tarou=\xE5\xB1\xB1\xE7\x94\xB0^\xE5\xA4\xAA\xE9\x83\x8E"});
    CAPTURE(row.charset);
    const auto file = image_of(
        directory, 1, 1, {{"SpecificCharacterSet", row.charset}, {"PatientName", row.stored}});
    REQUIRE(pacs::send_files(server.peer(), {file}).front().outcome == pacs::SendOutcome::stored);

    const auto found =
        pacs::find(server.peer(), Level::study,
                   {{"StudyInstanceUID", ""}, {"PatientName", ""}, {"SpecificCharacterSet", ""}});

    REQUIRE(found.size() == 1);
    // dcmqrscp says no character set at all: what is ASCII or UTF-8 is told right, the rest is a guess.
    if (!found.front().at("SpecificCharacterSet").empty()) {
        CHECK(found.front().at("PatientName") == row.expected);
    }
}

TEST_CASE("a character set that the answer declares is believed")
{
    const ScriptedFinder finder{[](const auto& /*level*/, const auto& /*keys*/) {
        return ScriptedFinder::Answer{{{{"SpecificCharacterSet", "ISO_IR 144"},
                                        {"PatientName", "\xBB\xEE^X"},
                                        {"ModalitiesInStudy", "MR\\SR"}}},
                                      0,
                                      false};
    }};
    pacs::QuerySession session{finder.peer()};
    Keys answer;

    session.find(Level::study, {{"PatientName", ""}, {"ModalitiesInStudy", ""}},
                 [&](const Keys& one) {
                     answer = one;
                     return Next::more;
                 });

    CHECK(answer == Keys{{"PatientName", "\xD0\x9B\xD1\x8E^X"}, {"ModalitiesInStudy", "MR\\SR"}});
}

TEST_CASE("every level is answered by dcmqrscp and by Orthanc")
{
    const TempDir directory;
    std::vector<std::filesystem::path> files;
    for (int number = 1; number <= 3; ++number) {
        files.push_back(image_of(directory, 1, number));
    }
    const auto check = [&](const pacs::Peer& peer) {
        for (const auto& result : pacs::send_files(peer, files)) {
            REQUIRE(result.outcome == pacs::SendOutcome::stored);
        }
        const std::string study = "1.2.826.0.1.3680043.9.7433.77.1";
        CHECK(pacs::find(peer, Level::patient, {{"PatientID", small_image_id}}).size() == 1);
        CHECK(pacs::find(peer, Level::study, {{"StudyInstanceUID", study}}).size() == 1);
        CHECK(pacs::find(peer, Level::series,
                         {{"StudyInstanceUID", study}, {"SeriesInstanceUID", ""}})
                  .size()
              == 1);
        CHECK(pacs::find(peer, Level::image,
                         {{"StudyInstanceUID", study},
                          {"SeriesInstanceUID", study + ".1"},
                          {"SOPInstanceUID", ""}})
                  .size()
              == 3);
    };

    SECTION("dcmqrscp")
    {
        const PacsServer server;
        check(server.peer());
    }
    SECTION("Orthanc")
    {
        if (OrthancServer::is_here()) {
            const OrthancServer server;
            check(server.peer());
        }
    }
}

TEST_CASE("Orthanc's limit of answers is seen")
{
    if (!OrthancServer::is_here()) {
        return;
    }
    const TempDir directory;
    const OrthancServer server{{.limit = 5}};
    std::vector<std::filesystem::path> files;
    for (int study = 1; study <= 8; ++study) {
        files.push_back(image_of(directory, study, 1));
    }
    for (const auto& result : pacs::send_files(server.peer(), files)) {
        REQUIRE(result.outcome == pacs::SendOutcome::stored);
    }
    pacs::QuerySession session{server.peer()};

    const auto result = session.find(Level::study, {{"StudyInstanceUID", ""}},
                                     [](const Keys& /*answer*/) { return Next::more; });

    CHECK(result.ending == Ending::cancelled);
    CHECK(result.answers == 5);
}
