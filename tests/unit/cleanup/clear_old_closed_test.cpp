// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/store/spool.h"
#include "tests/unit/cleanup/full_old_site.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
using full_old_site::FullSite;
namespace fs = std::filesystem;

TEST_CASE("clear_old removes nothing when something it needs cannot be read")
{
    FullSite site;
    const auto replace_by_file = [](const fs::path& path) {
        fs::remove_all(path);
        std::ofstream{path} << "no directory";
    };
    std::string expected;
    SECTION("the spool")
    {
        fs::create_directories(site.paths.spool());
        replace_by_file(site.paths.spool() / "new");
        expected = "the spool";
    }
    SECTION("no spool at all")
    {
        fs::remove_all(site.paths.spool());
        expected = "the spool";
    }
    SECTION("an entry of the spool")
    {
        const store::Spool spool{site.paths.spool()};
        store::write_file(site.paths.spool() / "new/0.1.2.json", "{");
        expected = "an entry of the spool";
    }
    SECTION("the marks")
    {
        fs::remove_all(site.paths.arrived());
        expected = "the arrival marks";
    }
    SECTION("the requests")
    {
        fs::remove_all(site.paths.requests());
        expected = "the transfer requests";
    }
    SECTION("the work directories")
    {
        replace_by_file(site.paths.work());
        expected = "read ";
    }
    SECTION("the list of arrived studies")
    {
        fs::remove_all(site.paths.incoming_list());
        fs::create_directories(site.paths.incoming_list());
        expected = "";
    }
    SECTION("the job list")
    {
        fs::create_directories(site.paths.job_list());
        expected = "";
    }
    CAPTURE(expected);

    CHECK_THROWS_WITH(site.clear(), Contains(expected));

    CHECK(fs::exists(site.archived(1)));
    CHECK(fs::exists(site.paths.raw() / OldSite::study(1).str()));
}

TEST_CASE("clear_old removes nothing when the disk or REDCap does not answer")
{
    FullSite site;

    SECTION("REDCap")
    {
        CHECK_THROWS_WITH(site.clear([](MemoryRedcap& server) {
            server.before_export = [] { throw Error{Fault::temporary, "no answer"}; };
        }),
                          Contains("nothing is removed: REDCap cannot say")
                              && Contains("no answer"));
    }
    SECTION("REDCap, when it is asked again")
    {
        const auto report = site.clear([](MemoryRedcap& server) {
            server.before_export = [&server] {
                if (server.exports >= 3) {
                    throw Error{Fault::temporary, "no answer"};
                }
            };
        });
        REQUIRE(report.trouble);
        CHECK(report.trouble->fault() == Fault::temporary);
        CHECK(report.removed.empty());
    }
    SECTION("the disk")
    {
        const auto run = [&] {
            return cleanup::clear_old(site.config, site.order,
                                      {.disk = []() -> store::DiskSpace {
                                           throw Error{Fault::io, "ask for the free space"};
                                       },
                                       .incoming = [&] { return site.redcap(); }});
        };
        CHECK_THROWS_WITH(run(), Contains("free space"));
    }
    SECTION("the disk, half-way")
    {
        int asked = 0;
        auto order = site.order;
        order.now = Clock::now();
        const auto report =
            cleanup::clear_old(site.config, order,
                               {.disk = [&]() -> store::DiskSpace {
                                    if (++asked > 1) {
                                        throw Error{Fault::io, "ask for the free space"};
                                    }
                                    return site.disk();
                                },
                                .incoming = [&] { return site.redcap(); }});
        REQUIRE(report.trouble);
        CHECK(report.removed.empty());
    }
    CHECK(site.studies_there(3).size() == 3);
}
