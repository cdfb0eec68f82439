// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/routing/studies.h"
#include "libfiona/store/incoming_list.h"
#include "tests/support/loose_redcap.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;
using routing::StudyState;

namespace {

redcap::Row transfer(const std::string& study,
                     std::map<std::string, std::string, std::less<>> values)
{
    values.insert({{"transfer_project_name", "DEMO"},
                   {"transfer_name", "DEMO_001"},
                   {"transfer_requested_date", "2026-03-01 10:00"}});
    return {study, "", "transfers", 1, std::move(values)};
}

std::vector<routing::Study> find(const SortedSite& site, LooseRedcap& redcap,
                                 const routing::StudyQuery& query = {})
{
    redcap::Incoming incoming{redcap, site.paths.state() / "locks"};
    return routing::find_studies(site.paths, incoming, query);
}

} // namespace

TEST_CASE("a study is described by its series, and by its requests")
{
    const SortedSite site;
    LooseRedcap redcap{"study_instance_uid"};
    site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
    site.sort("1.2.3", "1.2.3.1", "1.2.3.1.2");
    site.sort("1.2.3", "1.2.3.2", "1.2.3.2.1", {{"Modality", json::Array{"SR"}}});
    redcap.add({"1.2.3", "", "", 0, {}});
    redcap.add(transfer("1.2.3", {}));

    const auto studies = find(site, redcap);

    REQUIRE(studies.size() == 1);
    CHECK(studies[0].series == 2);
    CHECK(studies[0].images == 3);
    CHECK(studies[0].modalities == std::vector<std::string>{"MR", "SR"});
    CHECK(studies[0].state == StudyState::requested);
    const auto text = json::write(routing::as_json(studies[0]));
    CHECK_THAT(text, Contains("DEMO_001") && Contains("ACC0000123") && !Contains("TESTID001")
                         && !Contains("JANE"));
}

TEST_CASE("the state of a study follows its requests")
{
    const SortedSite site;
    LooseRedcap redcap{"study_instance_uid"};
    site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
    redcap.add({"1.2.3", "", "", 0, {}});

    SECTION("nobody asked")
    {
        CHECK(find(site, redcap).at(0).state == StudyState::unassigned);
    }
    SECTION("transferred")
    {
        redcap.add(transfer("1.2.3", {{"transfer_date", "2026-03-01 10:05"}}));
        CHECK(find(site, redcap).at(0).state == StudyState::done);
    }
    SECTION("failed")
    {
        redcap.add(transfer("1.2.3",
                            {{"transfer_date", "2026-03-01 10:05"}, {"transfer_error___2", "1"}}));
        CHECK(find(site, redcap).at(0).state == StudyState::error);
        CHECK(routing::errors_of(find(site, redcap).at(0).requests.at(0))
              == std::vector<std::string>{"send"});
    }
    SECTION("asked for again")
    {
        redcap.add(transfer("1.2.3", {{"transfer_date", "2026-03-01 09:00"}}));
        CHECK(find(site, redcap).at(0).state == StudyState::requested);
    }
}

TEST_CASE("a study of the list whose files have left is gone, not new")
{
    const SortedSite site;
    LooseRedcap redcap{"study_instance_uid"};
    store::IncomingList{site.paths.incoming_list()}.put(
        {1'700'000'000, "SCANNER1", "FIONA", "scanner1", StudyUid{"1.2.9"}, 1, "MR", ""});

    const auto studies = find(site, redcap);

    REQUIRE(studies.size() == 1);
    CHECK(studies[0].state == StudyState::gone);
    CHECK(studies[0].caller == "SCANNER1");
}

TEST_CASE("de-identified studies are shown only when asked for")
{
    const SortedSite site;
    LooseRedcap redcap{"study_instance_uid"};
    site.sort("1.3.6.1.4.1.45037.7550573941961769544717", "1.2.4.1", "1.2.4.1.1");
    site.sort("2.25.77", "2.25.77.1", "2.25.77.1.1");
    site.sort("2.25.88", "2.25.88.1", "2.25.88.1.1");
    redcap.add(transfer("1.2.3", {{"transfer_mapped_uid", "2.25.5, 2.25.77"}}));

    const auto visible = find(site, redcap);
    REQUIRE(visible.size() == 1);
    CHECK(visible[0].uid.str()
          == "2.25.88"); // a root that scanners use too: only what we sent hides

    routing::StudyQuery all;
    all.deidentified = routing::StudyQuery::Deidentified::show;
    CHECK(find(site, redcap, all).size() == 3);
}

TEST_CASE("a query narrows by arrival, project and filters")
{
    const SortedSite site;
    LooseRedcap redcap{"study_instance_uid"};
    site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
    site.sort("1.2.4", "1.2.4.1", "1.2.4.1.1", {{"Modality", json::Array{"CT"}}});
    redcap.add(transfer("1.2.3", {}));
    routing::StudyQuery query;

    SECTION("the project asked for")
    {
        query.project = ProjectName{"DEMO"};
        CHECK(find(site, redcap, query).at(0).uid.str() == "1.2.3");
    }
    SECTION("another project")
    {
        query.project = ProjectName{"OTHER"};
        CHECK(find(site, redcap, query).empty());
    }
    SECTION("a filter")
    {
        query.filters = {routing::StudyFilter{"modalities~CT"}};
        CHECK(find(site, redcap, query).at(0).uid.str() == "1.2.4");
    }
    SECTION("arrival")
    {
        query.arrived_since = Clock::now() + std::chrono::hours{1};
        CHECK(find(site, redcap, query).empty());
    }
}

TEST_CASE("control characters of a header do not reach the terminal")
{
    const SortedSite site;
    LooseRedcap redcap{"study_instance_uid"};
    site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1", {{"StudyDescription", "a\x1b[2Jb\n"}});

    CHECK(find(site, redcap).at(0).description == "a?[2Jb?");
}

TEST_CASE("an unreadable INCOMING is an error, not a list of new studies")
{
    const SortedSite site;
    LooseRedcap redcap{"study_instance_uid"};
    site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
    redcap.broken = Error{Fault::unreachable, "no connection"};

    CHECK_THROWS_AS(find(site, redcap), Error);
}

TEST_CASE("a study is found by its accession number if it is the only one")
{
    const SortedSite site;
    site.sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
    site.sort("1.2.4", "1.2.4.1", "1.2.4.1.1", {{"AccessionNumber", ""}});
    const store::StudyTree tree{site.paths};
    const auto by = [&](const char* accession) {
        return routing::study_with_accession(tree, Private<std::string>{accession});
    };

    CHECK(by("ACC0000123").str() == "1.2.3");
    CHECK_THROWS_WITH(by("ACC999"), Contains("no study") && !Contains("ACC999"));
    CHECK_THROWS_AS(by(""), Error);

    site.sort("1.2.5", "1.2.5.1", "1.2.5.1.1");
    CHECK_THROWS_WITH(by("ACC0000123"), Contains("2 studies") && !Contains("ACC0000123"));
}
