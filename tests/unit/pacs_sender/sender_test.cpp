// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pacs/query.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/pacs_server.h"
#include "tests/support/phantom.h"
#include "tests/support/scripted_pacs.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <set>

using namespace fiona;
using pacs::SendOutcome;

namespace {

std::vector<std::filesystem::path> images(const TempDir& directory, int count)
{
    std::vector<std::filesystem::path> files;
    for (int i = 1; i <= count; ++i) {
        SmallImage image;
        image.sop += fmt::format("{}", i);
        files.push_back(directory.path / fmt::format("{}.dcm", i));
        write_image(image, files.back());
    }
    return files;
}

std::size_t count(const std::vector<pacs::SendResult>& results, SendOutcome outcome)
{
    return static_cast<std::size_t>(
        std::ranges::count(results, outcome, &pacs::SendResult::outcome));
}

Fault fault_of(const std::function<void()>& step)
{
    try {
        step();
    } catch (const Error& e) {
        return e.fault();
    }
    FAIL("no error");
    return Fault::internal;
}

ScriptedPacs::Script always(std::uint16_t status)
{
    return [status](std::size_t) { return ScriptedPacs::Answer{.status = status}; };
}

} // namespace

TEST_CASE("a real PACS has what was sent to it, and says so when asked")
{
    const TempDir directory;
    const PacsServer server;
    const auto files = images(directory, 5);

    pacs::echo(server.peer());
    const auto results = pacs::send_files(server.peer(), files);

    CHECK(count(results, SendOutcome::stored) == 5);
    REQUIRE(results.size() == 5);
    CHECK(results[2].file == files[2]);
    CHECK(server.files().size() == 5);
    const auto found = pacs::find(server.peer(), pacs::Level::image,
                                  {{"StudyInstanceUID", SmallImage{}.study},
                                   {"SeriesInstanceUID", SmallImage{}.series},
                                   {"SOPInstanceUID", ""}});
    CHECK(found.size() == 5);
}

TEST_CASE("files of several classes and transfer syntaxes arrive in their own syntax")
{
    const TempDir directory;
    const PacsServer server;
    std::vector<std::filesystem::path> files;
    for (const auto* const syntax : {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1",
                                     "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99"}) {
        for (const auto* const sop_class :
             {"1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.4"}) {
            SmallImage image;
            image.transfer_syntax = syntax;
            image.sop_class = sop_class;
            image.sop += fmt::format(".{}", files.size() + 1);
            files.push_back(directory.path / fmt::format("{}.dcm", files.size()));
            write_image(image, files.back());
        }
    }

    const auto results = pacs::send_files(server.peer(), files);

    CHECK(count(results, SendOutcome::stored) == 8);
    CHECK(server.files().size() == 8);
}

TEST_CASE(
    "an uncompressed file is rewritten for a peer that takes only another uncompressed syntax")
{
    const auto* const syntax =
        GENERATE("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99");
    CAPTURE(syntax);
    const TempDir directory;
    const ScriptedPacs server{always(0), {"1.2.840.10008.1.2"}};
    SmallImage image;
    image.transfer_syntax = syntax;
    write_image(image, directory / "a.dcm");

    const auto results = pacs::send_files(server.peer(), {directory / "a.dcm"});

    CHECK(count(results, SendOutcome::stored) == 1);
    REQUIRE(server.received().size() == 1);
    CHECK(server.received().front().transfer_syntax == "1.2.840.10008.1.2");
    CHECK(server.received().front().elements > 25);
}

TEST_CASE("a compressed file is decoded only for a peer that takes its syntax in no other way")
{
    const TempDir directory;
    const phantom::Patient patient{"DOE^JANE", "PAT-1001", "19700102", "F"};
    const phantom::Study study = [&] {
        phantom::Study made{patient, 1};
        made.add_mr_series({.transfer_syntax = phantom::TransferSyntax::rle});
        return made;
    }();
    const auto files = study.write_to(directory / "in");
    std::size_t decoded = 0;
    const auto decode = [&](const std::filesystem::path&) {
        ++decoded;
        SmallImage plain;
        write_image(plain, directory / "plain.dcm");
        return directory / "plain.dcm";
    };

    const ScriptedPacs careful{always(0), {"1.2.840.10008.1.2.5"}};
    const auto as_it_is = pacs::send_files(careful.peer(), files, {}, decode);
    CHECK(count(as_it_is, SendOutcome::stored) == 1);
    CHECK(decoded == 0);
    CHECK_FALSE(as_it_is.front().was_decoded);
    CHECK(careful.received().front().transfer_syntax == "1.2.840.10008.1.2.5");

    const auto* const only = GENERATE("1.2.840.10008.1.2.1", "1.2.840.10008.1.2");
    const ScriptedPacs simple{always(0), {only}};
    const auto plain = pacs::send_files(simple.peer(), files, {}, decode);
    CHECK(count(plain, SendOutcome::stored) == 1);
    CHECK(decoded == 1);
    CHECK(plain.front().was_decoded);
    CHECK(plain.front().file == files.front());
    CHECK(simple.received().front().transfer_syntax == only);
    CHECK_FALSE(std::filesystem::exists(directory / "plain.dcm"));
}

TEST_CASE("what cannot be decoded is refused for good, with the reason")
{
    const TempDir directory;
    phantom::Study study{phantom::Patient{"DOE^JANE", "PAT-1001", "19700102", "F"}, 1};
    study.add_mr_series({.transfer_syntax = phantom::TransferSyntax::rle});
    auto files = study.write_to(directory / "in");
    files.push_back(images(directory, 1).front());
    const ScriptedPacs simple{always(0)};

    const auto results = pacs::send_files(
        simple.peer(), files, {}, [](const std::filesystem::path&) -> std::filesystem::path {
            throw Error{Fault::data, "the stream is broken"};
        });

    REQUIRE(results.size() == 2);
    CHECK(results[0].outcome == SendOutcome::refused);
    CHECK(results[0].status == 0x0122);
    CHECK_FALSE(pacs::may_succeed_later(results[0]));
    CHECK_THAT(results[0].reason,
               Catch::Contains("RLE") && Catch::Contains("the stream is broken"));
    CHECK(results[1].outcome == SendOutcome::stored);
}

TEST_CASE("a class that the peer does not take is refused with 0122 and the others go")
{
    const TempDir directory;
    const ScriptedPacs server{always(0)};
    auto files = images(directory, 2);
    SmallImage strange;
    strange.sop_class = "1.2.826.0.1.3680043.9.7433.99";
    write_image(strange, files.front());

    const auto results = pacs::send_files(server.peer(), files);

    REQUIRE(results.size() == 2);
    CHECK(results[0].outcome == SendOutcome::refused);
    CHECK(results[0].status == 0x0122);
    CHECK(results[1].outcome == SendOutcome::stored);
    CHECK_FALSE(pacs::may_succeed_later(results[0]));
}

TEST_CASE("each status of the peer becomes the outcome and the words that are ours")
{
    struct Case {
        std::uint16_t status;
        SendOutcome outcome;
        bool again;
        std::string reason;
    };
    const auto expected = GENERATE(
        Case{0x0000, SendOutcome::stored, false, "stored (0000)"},
        Case{0xB000, SendOutcome::warning, false, "stored, elements were changed (B000)"},
        Case{0xB006, SendOutcome::warning, false, "stored, elements were discarded (B006)"},
        Case{0xA700, SendOutcome::refused, true, "out of resources (A700)"},
        Case{0xA900, SendOutcome::refused, false, "data set does not match its SOP class (A900)"},
        Case{0xC000, SendOutcome::refused, false, "cannot understand the data set (C000)"},
        Case{0xC123, SendOutcome::refused, false, "cannot understand the data set (C123)"},
        Case{0x0122, SendOutcome::refused, false, "SOP class not supported (0122)"},
        Case{0x0124, SendOutcome::refused, false, "not authorized (0124)"},
        Case{0x0110, SendOutcome::refused, true, "processing failure (0110)"});
    const TempDir directory;
    const ScriptedPacs server{always(expected.status)};

    const auto results = pacs::send_files(server.peer(), images(directory, 1));

    REQUIRE(results.size() == 1);
    CHECK(results[0].status == expected.status);
    CHECK(results[0].outcome == expected.outcome);
    CHECK(results[0].reason == expected.reason);
    CHECK(pacs::may_succeed_later(results[0]) == expected.again);
}

TEST_CASE("a refused object does not keep the others back")
{
    const TempDir directory;
    const ScriptedPacs server{[](std::size_t object) {
        return ScriptedPacs::Answer{.status = static_cast<std::uint16_t>(object == 2 ? 0xA700 : 0)};
    }};

    const auto results = pacs::send_files(server.peer(), images(directory, 4));

    CHECK(count(results, SendOutcome::stored) == 3);
    CHECK(results[1].outcome == SendOutcome::refused);
}

TEST_CASE("when the peer drops the association once, the rest goes over a new one")
{
    const TempDir directory;
    const ScriptedPacs server{
        [](std::size_t object) { return ScriptedPacs::Answer{.drop = object == 3}; }};

    const auto results = pacs::send_files(server.peer(), images(directory, 6));

    CHECK(count(results, SendOutcome::stored) == 6);
    CHECK(server.associations() == 2);
    const auto stored = server.stored();
    CHECK(std::set<std::string>(stored.begin(), stored.end()).size() == 6);
}

TEST_CASE("when the peer drops every association, the rest is unsent and nothing hangs")
{
    const TempDir directory;
    const ScriptedPacs server{
        [](std::size_t object) { return ScriptedPacs::Answer{.drop = object >= 3}; }};
    std::size_t told = 0;

    const auto results = pacs::send_files(server.peer(), images(directory, 6),
                                          [&](const pacs::SendResult&) { ++told; });

    CHECK(count(results, SendOutcome::stored) == 2);
    CHECK(count(results, SendOutcome::unsent) == 4);
    CHECK(told == 6);
    CHECK(server.associations() == 4);
}

TEST_CASE("an object that always costs the association keeps no other back")
{
    const TempDir directory;
    // The first file is the first object, and behind the five others it is tried again.
    const ScriptedPacs server{
        [](std::size_t object) { return ScriptedPacs::Answer{.drop = object == 1 || object > 6}; }};

    const auto results = pacs::send_files(server.peer(), images(directory, 6));

    CHECK(count(results, SendOutcome::stored) == 5);
    CHECK(results[0].outcome == SendOutcome::unsent);
}

TEST_CASE("a file with a value of odd length is sent with the byte that it lacks")
{
    const std::string syntax = GENERATE("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99");
    CAPTURE(syntax);
    const TempDir directory;
    const PacsServer server;
    auto files = images(directory, 2);
    SmallImage image;
    image.sop += "9";
    image.transfer_syntax = syntax;
    files.push_back(directory / "odd.dcm");
    write_image(image, files.back());
    auto bytes = read_file(files.back());
    if (syntax == "1.2.840.10008.1.2.1") {
        bytes += std::string{"\xfc\xff\xfc\xffOB\0\0\3\0\0\0abc", 15}; // trailing padding
    } else if (bytes.size() % 2 == 0) {
        bytes += '\0';
    }
    REQUIRE(bytes.size() % 2 == 1);
    store::write_file(files.back(), bytes);
    std::ranges::reverse(files);

    const auto results = pacs::send_files(server.peer(), files);

    CHECK(count(results, SendOutcome::stored) == 3);
    CHECK(server.files().size() == 3);
}

TEST_CASE("a peer that does not answer in time leaves the object unsent")
{
    const TempDir directory;
    const ScriptedPacs server{[](std::size_t) {
        return ScriptedPacs::Answer{.delay = std::chrono::milliseconds{60'000}};
    }};
    auto peer = server.peer();
    peer.timeout = std::chrono::seconds{1};

    const auto results = pacs::send_files(peer, images(directory, 1));

    REQUIRE(results.size() == 1);
    CHECK(results[0].outcome == SendOutcome::unsent);
    CHECK(pacs::may_succeed_later(results[0]));
}

TEST_CASE("a peer that takes long for each image, and longer than for all else, gets them once")
{
    const TempDir directory;
    const ScriptedPacs server{[](std::size_t) {
        return ScriptedPacs::Answer{.delay = std::chrono::milliseconds{2'500}};
    }};
    auto peer = server.peer();
    peer.timeout = std::chrono::seconds{1};

    const auto results = pacs::send_files(peer, images(directory, 2));

    CHECK(count(results, SendOutcome::stored) == 2);
    CHECK(server.stored().size() == 2);
    CHECK(server.associations() == 1);
    CHECK(pacs::Peer{}.timeout * pacs::store_patience > std::chrono::minutes{1});
}

TEST_CASE("a peer that ends each association after 500 images gets 1,200 of them, each once")
{
    constexpr int many = 1200;
    const TempDir directory;
    const ScriptedPacs server{
        [](std::size_t object) { return ScriptedPacs::Answer{.drop = object % 501 == 0}; }};

    const auto results = pacs::send_files(server.peer(), images(directory, many));

    CHECK(count(results, SendOutcome::stored) == many);
    const auto stored = server.stored();
    CHECK(stored.size() == many);
    CHECK(std::set<std::string>(stored.begin(), stored.end()).size() == many);
    CHECK(server.associations() == 3);
}

TEST_CASE("a file that is no DICOM is unsent, its neighbours go")
{
    const TempDir directory;
    const ScriptedPacs server{always(0)};
    auto files = images(directory, 2);
    std::filesystem::resize_file(files[0], 100);

    const auto results = pacs::send_files(server.peer(), files);

    CHECK(results[0].outcome == SendOutcome::unsent);
    CHECK(results[1].outcome == SendOutcome::stored);
}

TEST_CASE("a file without a SOP class or instance is refused, its neighbours go")
{
    const TempDir directory;
    const ScriptedPacs server{always(0)};
    auto files = images(directory, 2);
    SmallImage image;
    (GENERATE(true, false) ? image.sop_class : image.sop).clear();
    files.push_back(directory / "nothing.dcm");
    write_image(image, files.back());

    const auto results = pacs::send_files(server.peer(), files);

    CHECK(count(results, SendOutcome::stored) == 2);
    CHECK(results[2].outcome == SendOutcome::refused);
    CHECK(results[2].reason == "invalid instance (0117)");
    CHECK_FALSE(pacs::may_succeed_later(results[2]));
}

TEST_CASE("more presentation contexts than one association carries are spread over several")
{
    const TempDir directory;
    const ScriptedPacs server{always(0)};
    std::vector<std::filesystem::path> files;
    for (int i = 0; i < 140; ++i) {
        SmallImage image;
        image.sop_class = fmt::format("1.2.826.0.1.3680043.9.7433.98.{}", i + 1);
        if (i == 139) {
            image.sop_class = SmallImage{}.sop_class;
        }
        image.sop += fmt::format(".{}", i + 1);
        files.push_back(directory.path / fmt::format("{}.dcm", i));
        write_image(image, files.back());
    }

    const auto results = pacs::send_files(server.peer(), files);

    CHECK(server.associations() == 3);
    CHECK(count(results, SendOutcome::refused) == 139);
    CHECK(results.back().outcome == SendOutcome::stored);
}

TEST_CASE("a peer that is not there is unreachable, one that does not know us is a protocol fault")
{
    const TempDir directory;
    const auto files = images(directory, 1);
    pacs::Peer nobody{"127.0.0.1", unused_port(), "NOBODY", "FIONA", std::chrono::seconds{2}};
    CHECK(fault_of([&] { pacs::echo(nobody); }) == Fault::unreachable);
    CHECK(fault_of([&] { static_cast<void>(pacs::send_files(nobody, files)); })
          == Fault::unreachable);

    const PacsServer server;
    auto wrong = server.peer();
    wrong.called_aet = "OTHER";
    CHECK(fault_of([&] { pacs::echo(wrong); }) == Fault::protocol);
}
