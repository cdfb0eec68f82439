// SPDX-License-Identifier: MIT
#include "libfiona/routing/assign_report.h"
#include "tests/support/loose_redcap.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

redcap::Transfer failed_transfer()
{
    redcap::Transfer transfer{.study = StudyUid{"1.2.3"},
                              .instance = 2,
                              .project = "DEMO",
                              .participant = "DEMO_001",
                              .event = "",
                              .requested = "2026-03-01 10:00",
                              .transferred = "2026-03-01 10:05",
                              .mapped_uids = "",
                              .error_message = ""};
    transfer.send_error = true;
    return transfer;
}

} // namespace

TEST_CASE("plain rows begin with the study and have no heading")
{
    routing::TransferQuery query;
    query.heading = routing::TransferQuery::Heading::no;

    const auto report = routing::report_transfers({failed_transfer()}, query);

    CHECK(routing::tab_separated(report.rows)
          == std::vector<std::string>{"1.2.3\tDEMO\tDEMO_001\t-\terror\t2026-03-01 10:00\t"
                                      "2026-03-01 10:05\tsend"});
}

TEST_CASE("only failures, or only one project, are shown when asked for")
{
    auto good = failed_transfer();
    good.send_error = false;
    good.project = "OTHER";
    routing::TransferQuery query;

    query.which = routing::TransferQuery::Which::errors;
    CHECK(routing::report_transfers({good, failed_transfer()}, query).document.array().size() == 1);
    query.project = ProjectName{"OTHER"};
    CHECK(routing::report_transfers({good, failed_transfer()}, query).document.array().empty());
}

TEST_CASE("a tab inside a cell does not make a column")
{
    CHECK(routing::tab_separated({{"a\tb", "c\nd"}}) == std::vector<std::string>{"a?b\tc?d"});
}

TEST_CASE("the list of projects shows active ones, and that a token is there, not which")
{
    LooseRedcap dtp{"record_id"};
    dtp.add({"DEMO",
             "",
             "",
             0,
             {{"project_name", "DEMO"},
              {"project_active", "1"},
              {"project_token", "SECRETTOKEN"},
              {"project_use_autoid", "1"},
              {"project_autoid_aetitle", "DEMO_AE"}}});
    dtp.add({"OLD", "", "", 0, {{"project_name", "OLD"}, {"project_active", "0"}}});

    const auto report = routing::report_projects(dtp);

    const auto text = json::write(report.document);
    CHECK_THAT(text, Contains("DEMO_AE") && Contains("\"has_token\":true") && !Contains("OLD")
                         && !Contains("SECRET"));
    CHECK(report.rows.size() == 2);
}
