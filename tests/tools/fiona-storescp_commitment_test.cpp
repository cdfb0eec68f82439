// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "tests/support/commitment_peer.h"
#include "tests/support/raw_association.h"
#include "tests/support/receiver_site.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <set>
#include <string>

using namespace fiona;
using receiver::eventually;
using receiver::Site;
using std::chrono::seconds;

namespace {

constexpr auto transaction = "1.2.826.0.1.3680043.8.498.9.1";
constexpr auto unknown_object = "1.2.826.0.1.3680043.8.498.9.404";

std::size_t owed(const Site& site)
{
    return site.files(".commitment/new").size();
}

json::Object with_peer(const commitment::Listener& listener)
{
    return {{"commitment_retry", 1},
            {"peers", json::Object{{"SCANNER", json::Object{{"host", "127.0.0.1"},
                                                            {"port", listener.port()}}}}}};
}

/// One stored object, on an association of its own.
raw::Ids stored(const Site& site)
{
    raw::Ids ids;
    const raw::Association association{site.port};
    REQUIRE(association.store(ids) == 0x0000);
    REQUIRE(association.release());
    return ids;
}

} // namespace

TEST_CASE("fiona-storescp: commitment is reported on the same association")
{
    Site site;
    site.start();
    const auto ids = stored(site);
    commitment::Requester requester{site.port, "SCANNER"};

    REQUIRE(requester.request(transaction, {{ids.sop_class, ids.sop}}) == 0x0000);
    const auto all = requester.report(seconds{15});
    REQUIRE(all);
    CHECK(all->event_type == 1);
    CHECK(all->transaction == transaction);
    CHECK(all->committed == std::set<std::string>{ids.sop});
    CHECK(all->failed.empty());

    REQUIRE(
        requester.request(transaction, {{ids.sop_class, ids.sop}, {ids.sop_class, unknown_object}})
        == 0x0000);
    const auto some = requester.report(seconds{15});
    REQUIRE(some);
    CHECK(some->event_type == 2);
    CHECK(some->committed == std::set<std::string>{ids.sop});
    CHECK(some->failed == std::set<std::string>{unknown_object});
    CHECK(some->first_reason == 0x0112);

    REQUIRE(requester.request(transaction, {{"1.2.840.10008.5.1.4.1.1.2", ids.sop}}) == 0x0000);
    const auto other = requester.report(seconds{15});
    REQUIRE(other);
    CHECK(other->committed.empty());
    CHECK(other->first_reason == 0x0119);
    CHECK(eventually([&] { return owed(site) == 0; }));
    CHECK(eventually(
        [&] { return site.status().find("commitments")->find("reported")->integer() == 3; }));
}

TEST_CASE("fiona-storescp: a request without objects or transaction is refused and not kept")
{
    Site site;
    site.start();
    commitment::Requester requester{site.port, "SCANNER"};

    CHECK(requester.request(transaction, {}) != 0x0000);
    CHECK(requester.request("../../evil", {{raw::secondary_capture, unknown_object}}) != 0x0000);
    CHECK(owed(site) == 0);
}

TEST_CASE("fiona-storescp: commitment is reported to a peer that has hung up")
{
    commitment::Listener listener;
    Site site{with_peer(listener)};
    site.start();
    const auto ids = stored(site);
    {
        commitment::Requester requester{site.port, "SCANNER"};
        REQUIRE(requester.request(transaction, {{ids.sop_class, ids.sop}}) == 0x0000);
    } // released without taking the report

    const auto report = listener.report(seconds{20});

    REQUIRE(report);
    CHECK(report->event_type == 1);
    CHECK(report->transaction == transaction);
    CHECK(report->committed == std::set<std::string>{ids.sop});
    CHECK(eventually([&] { return owed(site) == 0; }));
}

TEST_CASE("fiona-storescp: a promised report survives kill -9 of the receiver")
{
    commitment::Listener listener;
    Site site{with_peer(listener)};
    site.start();
    const auto ids = stored(site);
    {
        commitment::Requester requester{site.port, "SCANNER"};
        REQUIRE(requester.request(transaction, {{ids.sop_class, ids.sop}}) == 0x0000);
        ::kill(site.pid(), SIGKILL);
        REQUIRE(eventually([&] { return site.pid() == 0; }));
    }
    CHECK(owed(site) <= 1); // 0: it was on its way already

    site.start();
    const auto report = listener.report(seconds{20});

    REQUIRE(report);
    CHECK(report->committed == std::set<std::string>{ids.sop});
    CHECK(eventually([&] { return owed(site) == 0; }));
}

TEST_CASE("fiona-storescp: a report to nobody is postponed, then given up and kept")
{
    Site site{{{"commitment_retry", 1}, {"commitment_give_up", 1}}};
    site.start();
    {
        commitment::Requester requester{site.port, "STRANGER"};
        REQUIRE(requester.request(transaction, {{raw::secondary_capture, unknown_object}})
                == 0x0000);
    }

    CHECK(eventually([&] { return site.files(".commitment/failed").size() == 1; }));
    CHECK(owed(site) == 0);
    CHECK(eventually(
        [&] { return site.status().find("commitments")->find("failed")->integer() == 1; }));
    CHECK_THAT(site.log(), !Catch::Matchers::Contains(unknown_object));
}
