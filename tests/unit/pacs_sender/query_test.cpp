// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/pacs/query.h"
#include "tests/support/pacs_server.h"
#include "tests/support/small_image.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;

TEST_CASE("a name in Latin-1 is found and comes back as UTF-8")
{
    const TempDir directory;
    const PacsServer server;
    SmallImage image;
    image.more = {{"SpecificCharacterSet", "ISO_IR 100"}, {"PatientName", "\xC5se^Synthetic"}};
    write_image(image, directory / "a.dcm");
    REQUIRE(pacs::send_files(server.peer(), {directory / "a.dcm"}).front().outcome
            == pacs::SendOutcome::stored);

    const auto found = pacs::find(server.peer(), pacs::Level::study,
                                  {{"StudyInstanceUID", image.study}, {"PatientName", ""}});

    REQUIRE(found.size() == 1);
    CHECK(found.front().at("StudyInstanceUID") == image.study);
    CHECK(found.front().at("PatientName").ends_with("se^Synthetic"));
    CHECK(found.front().at("PatientName").front() != '\xC5');
}

TEST_CASE("nothing found is an empty list, not an error")
{
    const PacsServer server;

    CHECK(pacs::find(server.peer(), pacs::Level::study, {{"StudyInstanceUID", "1.2.3"}}).empty());
}

TEST_CASE("a key that is no ASCII or no keyword is refused before anything is asked")
{
    const pacs::Peer nobody{"127.0.0.1", 1, "NOBODY", "FIONA", std::chrono::seconds{1}};
    const auto keys =
        GENERATE(pacs::Keys{{"PatientName", "\xC3\x85se"}}, pacs::Keys{{"PatientName", "a\nb"}},
                 pacs::Keys{{"NoSuchKeyword", ""}}, pacs::Keys{{"StudyComments", ""}});

    try {
        static_cast<void>(pacs::find(nobody, pacs::Level::study, keys));
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
    }
}
