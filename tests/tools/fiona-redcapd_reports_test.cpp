// SPDX-License-Identifier: MIT
// content=report: exports that an operator stored under a number.
#include "tests/support/redcap_calls.h"

#include <catch2/catch.hpp>

#include <array>

using Catch::Matchers::Contains;
using Match = Expected::Match;

namespace {

Outcome report(const RedcapCalls& redcap, std::vector<std::string> arguments)
{
    arguments.insert(arguments.begin(), "report");
    arguments.insert(arguments.end(), {"--db", redcap.site.database()});
    return run_tool("fiona-redcapd", arguments);
}

} // namespace

TEST_CASE("fiona-redcapd: a report is the export that was stored, in every format")
{
    const RedcapCalls redcap;
    fill_with_records(redcap);
    const auto incoming = redcap.site.token("incoming");
    const auto made =
        report(redcap, {"create", "--project", "incoming", "--title", "To DEMO", "--field",
                        "transfer_project_name", "--field", "transfer_error", "--filter",
                        R"([transfer_project_name]="DEMO")"});
    REQUIRE(made.out == "1\n");
    REQUIRE(report(redcap, {"create", "--project", "DEMO", "--title", "Who", "--field",
                            "first_name", "--field", "sex"})
                .out
            == "2\n");
    const Parameters asked{{"content", "report"}, {"report_id", "1"}};
    const auto with = [&](const Parameters& more) {
        auto all = asked;
        all.insert(all.end(), more.begin(), more.end());
        return all;
    };
    const std::vector<Expected> table{
        {"json, the fields, the filter", incoming, asked, 200,
         R"([{"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers",)"
         R"("redcap_repeat_instance":1,"transfer_project_name":"DEMO","transfer_error___1":"0",)"
         R"("transfer_error___2":"0")",
         Match::part},
        {"csv", incoming, with({{"format", "csv"}, {"csvDelimiter", ";"}}), 200,
         "study_instance_uid;redcap_repeat_instrument;redcap_repeat_instance;", Match::part,
         "text/csv; charset=utf-8"},
        {"xml", incoming, with({{"format", "xml"}}), 200,
         "<records><item><study_instance_uid><![CDATA[1.9]]>", Match::part,
         "text/xml; charset=utf-8"},
        {"labels",
         redcap.demo,
         {{"content", "report"}, {"report_id", "2"}, {"rawOrLabel", "label"}},
         200,
         R"("redcap_event_name":"Event 1")",
         Match::part},
        {"parameters of other exports do not change it", incoming,
         with({{"records[0]", "1.10"}, {"fields[0]", "study_description"}}), 200,
         R"("transfer_project_name":"DEMO")", Match::part},
        {"of another project",
         incoming,
         {{"content", "report"}, {"report_id", "2"}},
         400,
         R"({"error":"The value of the parameter \"report_id\" is not valid"})"},
        {"unknown",
         incoming,
         {{"content", "report"}, {"report_id", "1 or 1"}},
         400,
         R"({"error":"The value of the parameter \"report_id\" is not valid"})"},
        {"none",
         incoming,
         {{"content", "report"}},
         400,
         R"({"error":"The value of the parameter \"report_id\" is not valid"})"},
        {"without the right", redcap.token("incoming", "import"), asked, 403,
         R"({"error":"You do not have API Export privileges"})"},
        {"it cannot be imported", incoming, with({{"data", "[]"}}), 501,
         R"({"error":"The requested method is not implemented."})"},
    };

    for (const auto& row : table) {
        redcap.check(row);
    }
}

TEST_CASE("fiona-redcapd: reports are made once, listed, and removed")
{
    const RedcapCalls redcap;
    const std::vector<std::string> create{"create", "--project", "autoid",      "--title",
                                          "Used",   "--field",   "autoid_value"};
    auto other = create;
    other.back() = "autoid_hash";
    auto dry = create;
    dry.emplace_back("-n");

    CHECK(report(redcap, dry).out == "report would be made: Used\n");
    CHECK(report(redcap, {"list", "--project", "autoid"}).out.empty());
    CHECK(report(redcap, create).out == "1\n");
    CHECK(report(redcap, create).out == "1\n"); // there already
    CHECK(report(redcap, dry).out == "1\n");
    CHECK(report(redcap, other).exit_code == EX_DATAERR);
    CHECK(report(redcap, {"list", "--project", "autoid"}).out
          == "1\tUsed\trecord_id,autoid_value\t\n");
    CHECK(report(redcap, {"remove", "--project", "autoid", "1", "-n"}).out
          == "report would be removed: 1\n");
    CHECK(report(redcap, {"remove", "--project", "incoming", "1"}).exit_code == EX_NOINPUT);
    CHECK(report(redcap, {"remove", "--project", "autoid", "1"}).out == "report removed: 1\n");
    CHECK(report(redcap, {"remove", "--project", "autoid", "1"}).exit_code == EX_NOINPUT);
    CHECK(report(redcap, create).out == "2\n"); // a number is never used twice
}

TEST_CASE("fiona-redcapd: a report that cannot work is refused, without its filter")
{
    const RedcapCalls redcap;
    const std::array<std::vector<std::string>, 6> bad{{
        {"--title", "two\nlines"},
        {"--filter", "[autoid_value] =\n'PRIVATE'"},
        {"--field", "no_such_field"},
        {"--filter", R"([no_such_field]="PRIVATE")"},
        {"--filter", R"([autoid_value]="PRIVATE)"},
        {"--filter", R"([autoid_value]="PRIVATE" and)"},
    }};

    for (const auto& options : bad) {
        std::vector<std::string> arguments{"create", "--project", "autoid"};
        if (options.front() != "--title") {
            arguments.insert(arguments.end(), {"--title", "Bad"});
        }
        arguments.insert(arguments.end(), options.begin(), options.end());
        const auto run = report(redcap, arguments);
        CAPTURE(run.err);
        CHECK(run.exit_code == EX_DATAERR);
        CHECK_THAT(run.out + run.err, !Contains("PRIVATE"));
    }
    CHECK(report(redcap, {"create", "--project", "none", "--title", "Bad"}).exit_code
          == EX_NOINPUT);
    CHECK(report(redcap, {"create", "--project", "autoid"}).exit_code == EX_USAGE);
    CHECK(report(redcap, {"list", "--project", "autoid"}).out.empty());
}
