// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "tests/support/raw_association.h"
#include "tests/support/receiver_site.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/mount.h>
#include <unistd.h>

#include <chrono>
#include <set>

using namespace fiona;
namespace fs = std::filesystem;

using receiver::eventually;
using receiver::numbered;
using receiver::Site;
using receiver::stored_data_set;

TEST_CASE("fiona-storescp: nobody is kept waiting by those who say nothing")
{
    Site site{{{"acse_timeout", 4}, {"dimse_timeout", 4}}};
    site.start();
    const raw::Connection silent{site.port};
    const raw::Connection half{site.port};
    half.send(raw::request("A", "B", {}).substr(0, 20));
    const raw::Association idle{site.port};

    const auto start = std::chrono::steady_clock::now();
    const raw::Association association{site.port};
    CHECK(association.echo() == 0x0000);
    CHECK(association.store(raw::Ids{}) == 0x0000);
    CHECK(std::chrono::steady_clock::now() - start < std::chrono::seconds{4});

    CHECK(silent.read().type != 2);
    CHECK(half.read().type != 2);
    CHECK(idle.connection.read().type == 7); // A-ABORT
}

TEST_CASE("fiona-storescp: a full house, a stranger and a useless proposal are turned away")
{
    Site site{{{"max_per_peer", 100}, {"allowed_callers", json::Array{json::Value{"SCANNER"}}}}};
    site.start();
    CHECK(raw::Association{site.port, "STRANGER"}.rejection() == "1/1/3");
    CHECK(raw::Association{site.port,
                           "SCANNER",
                           "FIONA",
                           {{1, "1.2.840.10008.5.1.4.1.2.2.1", {raw::explicit_little}}}}
              .rejection()
          == "1/1/1");
    REQUIRE(eventually([&] { return site.status().find("associations")->array().empty(); }));
    std::vector<raw::Association> guests;
    for (int i = 0; i < 20; ++i) {
        guests.emplace_back(site.port);
        REQUIRE(guests.back().is_accepted());
    }

    CHECK(raw::Association{site.port}.rejection() == "2/3/2");

    CHECK(guests.front().echo() == 0x0000);
    CHECK(guests.back().release());
    guests.pop_back();
    CHECK(eventually([&] { return raw::Association{site.port}.is_accepted(); }));
}

TEST_CASE("fiona-storescp: without room there is no success, and the association survives")
{
    SECTION("the spool is full")
    {
        Site site{{{"spool_max", 1}}};
        site.start();
        const raw::Association association{site.port};
        raw::Ids ids;
        REQUIRE(association.store(ids) == 0x0000);
        std::optional<std::uint16_t> status;
        unsigned stored = 1;
        const auto refused = [&] {
            ids.sop = numbered(++stored);
            status = association.store(ids);
            return status != 0x0000;
        };
        REQUIRE(eventually(refused)); // the count is a second old at most
        CHECK(status == 0xa700);
        CHECK(association.echo() == 0x0000);
        CHECK_FALSE(fs::exists(site.archived(ids)));
        CHECK(raw::Association{site.port}.rejection() == "2/3/1");
    }
    SECTION("the disk is short")
    {
        Site site{{{"hard_free_bytes", std::int64_t{1} << 50U}}};
        site.start();
        CHECK(raw::Association{site.port}.rejection() == "2/3/1");
    }
}

TEST_CASE("fiona-storescp: on a full disk no object is acknowledged that is not there")
{
    const TempDir mount_point;
    if (::geteuid() != 0
        || ::mount("tmpfs", mount_point.path.c_str(), "tmpfs", 0, "size=2m") != 0) {
        skip("a small file system can be mounted by root only");
        return;
    }
    {
        Site site{{}, mount_point.path};
        site.start();
        const raw::Association association{site.port};
        unsigned acknowledged = 0;
        std::set<std::uint16_t> statuses;
        for (unsigned i = 1; i <= 30; ++i) {
            raw::Ids ids;
            ids.sop = numbered(i);
            const auto data = raw::data_set(ids, 150'000);
            const auto status = association.store(ids, data);
            REQUIRE(status);
            statuses.insert(*status);
            if (status == 0x0000) {
                ++acknowledged;
                CHECK(stored_data_set(site.archived(ids)) == data);
            }
        }
        CHECK(statuses == std::set<std::uint16_t>{0x0000, 0xa700});
        CHECK(acknowledged >= 5);
        CHECK(fs::is_empty(site.site(".incoming")));
        for (const auto& file : site.files("archive")) {
            fs::remove(file);
        }
        CHECK(association.store(raw::Ids{}) == 0x0000);
    }
    CHECK(::umount(mount_point.path.c_str()) == 0);
}
