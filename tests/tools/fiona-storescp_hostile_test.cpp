// SPDX-License-Identifier: MIT
#include "tests/support/raw_association.h"
#include "tests/support/receiver_site.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

using receiver::eventually;
using receiver::Site;

TEST_CASE("fiona-storescp: no AE title is a reason to refuse or a way out of a directory")
{
    const auto caller = GENERATE(as<std::string>{}, "../../etc", "a\"b'c", "$(id);`id`", "A,B C",
                                 "\xe6\xf8\xe5", "line\nfeed", "%2e%2e/");
    Site site;
    site.start();
    const raw::Ids ids;

    REQUIRE(raw::Association{site.port, caller, caller}.store(ids) == 0x0000);

    CHECK(site.waiting() == 1);
    std::size_t marks = 0;
    for (const auto& entry : fs::directory_iterator{site.site(".arrived")}) {
        marks += entry.is_regular_file() ? 1U : 0U;
    }
    CHECK(marks == 1);
    CHECK_THAT(site.log(), !Contains("line\nfeed"));
    CHECK(eventually([&] { return site.log().find("association_ended") != std::string::npos; }));
}

TEST_CASE("fiona-storescp: a bad object is set aside, refused, and the next one is stored")
{
    struct Case {
        std::string command_sop;
        raw::Ids data;
        std::uint16_t status;
    };
    raw::Ids good;
    std::vector<Case> cases;
    for (const auto* const sop : {"../../evil", "/tmp/evil", "..", "1..2", "1.2;touch x"}) {
        raw::Ids bad = good;
        bad.sop = sop;
        cases.push_back({sop, bad, 0x0117});
    }
    for (const auto* const study : {"..", "../../evil", "/", "1.2/../3", "1.2.x"}) {
        raw::Ids bad = good;
        bad.study = study;
        cases.push_back({good.sop, bad, 0xc002});
    }
    raw::Ids other = good;
    other.sop = "1.2.3.4";
    cases.push_back({good.sop, other, 0xa900});
    other = good;
    other.sop_class = "1.2.840.10008.5.1.4.1.1.2";
    cases.push_back({good.sop, other, 0xa900});
    other = good;
    other.sop = "1.2\n3"; // DCMTK drops the line end from the command, not from the data set
    cases.push_back({other.sop, other, 0xa900});
    other = good;
    other.series = "";
    cases.push_back({good.sop, other, 0xc002});
    Site site;
    site.start();
    const raw::Association association{site.port};

    std::size_t refused = 0;
    for (const auto& one : cases) {
        CAPTURE(one.command_sop, one.data.study, one.status);
        raw::Ids command;
        command.sop = one.command_sop;
        CHECK(association.store(command, raw::data_set(one.data)) == one.status);
        CHECK(fs::is_empty(site.site("archive")));
        CHECK(site.files(".rejected").size() == 2 * ++refused); // the object and the reason
    }
    const auto nested = [](unsigned depth) { // undefined lengths
        std::string open;
        std::string close;
        for (unsigned i = 0; i < depth; ++i) {
            open += raw::tag(0x0040a730) + "SQ" + raw::little(0, 2) + raw::little(0xffffffff, 4)
                    + raw::tag(0xfffee000) + raw::little(0xffffffff, 4);
            close +=
                raw::tag(0xfffee00d) + raw::little(0, 4) + raw::tag(0xfffee0dd) + raw::little(0, 4);
        }
        return open + close;
    };
    const auto whole = raw::data_set(good);
    for (const auto& data : {whole.substr(0, whole.size() - 2), whole + nested(65),
                             whole + nested(20'000), std::string{"<html>"}}) {
        CHECK(association.store(good, data) == 0xc001);
        CHECK(fs::is_empty(site.site("archive")));
    }
    CHECK(association.store(good, whole + nested(64)) == 0x0000);
    CHECK(site.waiting() == 1);
    CHECK(association.release());
    CHECK_THAT(site.log(), !Contains("association_crashed"));
}

TEST_CASE("fiona-storescp: an abort in the middle of an object leaves nothing")
{
    Site site;
    site.start();
    const raw::Ids ids;
    {
        const raw::Association association{site.port};
        association.connection.send(raw::pdv(1, 3, raw::store_command(ids.sop_class, ids.sop)));
        association.connection.send(raw::pdv(1, 0, raw::data_set(ids, 500'000).substr(0, 100'000)));
        REQUIRE(eventually([&] { return !fs::is_empty(site.site(".incoming")); }));
        association.abort();
        REQUIRE(association.connection.read().type == 0);
    }

    CHECK(eventually([&] { return site.log().find("association_ended") != std::string::npos; }));
    CHECK(fs::is_empty(site.site(".incoming")));
    CHECK(fs::is_empty(site.site("archive")));
    CHECK(site.waiting() == 0);
}
