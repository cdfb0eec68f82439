// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/requests.h"
#include "tests/support/refused_command.h"
#include "tests/support/run_tool.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <csignal>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

constexpr auto tool = "fiona-create-transfer-requests";

StudyUid study(int number)
{
    return StudyUid{fmt::format("1.2.826.0.1.3680043.2.1125.{}", number)};
}

SeriesUid series(int number)
{
    return SeriesUid{fmt::format("1.2.826.0.1.3680043.2.1125.{}.1", number)};
}

bool without_redcapd()
{
    if (has_tool("fiona-redcapd")) {
        return false;
    }
    skip("fiona-redcapd is not built");
    return true;
}

/// A site with its REDCap, and so many studies that somebody assigned.
struct AssignedSite {
    explicit AssignedSite(int studies)
    {
        site.start_redcap();
        client = site.client(redcap::Role::incoming);
        std::vector<redcap::Row> rows;
        for (int i = 1; i <= studies; ++i) {
            site.put_series(study(i), series(i));
            rows.push_back(row(i, fmt::format("DEMO_{:04}", i)));
        }
        client->import_records(rows, redcap::Overwrite::normal);
    }

    static redcap::Row row(int number, const std::string& participant)
    {
        return {study(number).str(),
                {},
                "transfers",
                1,
                {{"transfer_project_name", "DEMO"},
                 {"transfer_name", participant},
                 {"transfer_event_name", "baseline"},
                 {"transfer_requested_date", "2024-01-02 10:30"}}};
    }

    [[nodiscard]] store::Requests requests() const { return store::Requests{site.config().paths}; }

    Site site;
    std::unique_ptr<redcap::Client> client;
};

json::Value document(const Outcome& run)
{
    return json::parse(run.out, "the result");
}

} // namespace

TEST_CASE("fiona-create-transfer-requests: an assigned study becomes a request, once")
{
    if (without_redcapd()) {
        return;
    }
    const AssignedSite assigned{1};

    const auto first = assigned.site.run(tool, {"--json"});
    const auto second = assigned.site.run(tool, {"--json"});

    CHECK(first.exit_code == EX_OK);
    CHECK(document(first).find("filed")->array().size() == 1);
    CHECK(document(first).find("calls")->integer() == 3); // dictionary, ids, records
    CHECK(document(second).find("calls")->integer() == 0);
    CHECK(second.exit_code == EX_OK);
    CHECK(document(second).find("filed")->array().empty());
    CHECK(document(second).find("pending")->integer() == 1);
    const auto requests = assigned.requests();
    REQUIRE(requests.waiting().size() == 1);
    const store::RequestWorker worker{requests};
    const auto name = requests.waiting()[0];
    REQUIRE(worker.claim(name, Clock::now()));
    CHECK(worker.read(name).participant.str() == "DEMO_0001");
    CHECK(worker.read(name).event->str() == "baseline");
    CHECK_THAT(first.out + first.err, !Contains("DEMO_0001") && !Contains(study(1).str()));
}

TEST_CASE(
    "fiona-create-transfer-requests: sent studies rest until something new arrives or is asked")
{
    if (without_redcapd()) {
        return;
    }
    const AssignedSite assigned{1};
    redcap::Incoming incoming{*assigned.client, assigned.site.config().paths.state() / "locks"};
    assigned.site.put_series(study(1), series(1), std::chrono::minutes{10});
    incoming.write_result(
        {.study = study(1), .instance = 1, .started = Clock::now() - std::chrono::minutes{5}});

    CHECK_THAT(assigned.site.run(tool).out, Contains("0 filed") && Contains("1 sent"));
    incoming.request_again(incoming.transfers().at(0), Clock::now());
    CHECK_THAT(assigned.site.run(tool, {"--now"}).out,
               Contains("1 filed") && Contains("requested again"));
}

TEST_CASE("fiona-create-transfer-requests: a dry run lists and files nothing")
{
    if (without_redcapd()) {
        return;
    }
    const AssignedSite assigned{2};

    const auto run = assigned.site.run(tool, {"-n"});

    CHECK(run.exit_code == EX_OK);
    CHECK_THAT(run.out, Contains("would file #") && Contains("0 filed"));
    CHECK(assigned.requests().waiting().empty());
}

TEST_CASE("fiona-create-transfer-requests: one row that cannot be used does not stop the others")
{
    if (without_redcapd()) {
        return;
    }
    const AssignedSite assigned{3};
    assigned.client->import_records({AssignedSite::row(2, "../JANE DOE")},
                                    redcap::Overwrite::normal);

    const auto run = assigned.site.run(tool);

    CHECK(run.exit_code == EX_DATAERR);
    CHECK(assigned.requests().waiting().size() == 2);
    CHECK_THAT(run.err, Contains("event=transfer_refused study=#") && !Contains("JANE"));
}

TEST_CASE("fiona-create-transfer-requests: bad command line, and a REDCap that is down")
{
    Site site;
    store::write_file(site.root() / "redcap.tokens", "incoming = 0123456789ABCDEF\n", 0600);

    CHECK(answer_to_wrong_command(tool, {"--what"}) == "refused");
    CHECK(site.run(tool).exit_code == EX_TEMPFAIL);
    CHECK(store::Requests{site.config().paths}.waiting().empty());
}

TEST_CASE(
    "fiona-create-transfer-requests: killed half-way, run again: every request once and whole")
{
    if (without_redcapd()) {
        return;
    }
    constexpr int studies = 300;
    const AssignedSite assigned{studies};
    const auto requests = assigned.requests();
    const auto& site = assigned.site;
    Background run{tool, {"--config", site.config_file().native()}, site.root() / "log"};
    REQUIRE(wait_until([&] { return !requests.waiting().empty(); }));
    run.signal(SIGKILL);
    const auto before = requests.waiting().size();

    const auto last = site.run(tool);

    CHECK(last.exit_code == EX_OK);
    CHECK(before < studies);
    REQUIRE(requests.waiting().size() == studies);
    for (const auto& name : requests.waiting()) {
        const auto text = read_file(site.config().paths.requests() / name);
        CHECK(store::TransferRequest::parse(text, name).file_name() == name);
    }
}
