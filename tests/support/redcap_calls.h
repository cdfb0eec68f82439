// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/redcap_server.h"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

// Tables of calls for the running embedded REDCap.

using Parameters = std::vector<std::pair<std::string, std::string>>;

inline Reply post(const std::string& where, const Parameters& parameters)
{
    std::vector<std::string> options;
    for (const auto& [name, value] : parameters) {
        options.insert(options.end(), {"--data-urlencode", name + "=" + value});
    }
    return curl(where, options);
}

/// One row of a table: what is asked, and what must come back.
struct Expected {
    enum class Match { whole, part };
    const char* row; ///< of the specification, for people
    std::string token;
    Parameters parameters; ///< format=json and returnFormat=json unless they are given
    int status = 200;
    std::string body;
    Match match = Match::whole;
    std::string type = "application/json; charset=utf-8";
};

/// Makes the call; a mismatch names its row.
inline void check_call(const std::string& url, const Expected& expected)
{
    const auto has = [&](const std::string& name) {
        for (const auto& parameter : expected.parameters) {
            if (parameter.first == name) {
                return true;
            }
        }
        return false;
    };
    Parameters parameters{{"token", expected.token}};
    if (!has("format")) {
        parameters.emplace_back("format", "json");
    }
    if (!has("returnFormat") && !has("format")) {
        parameters.emplace_back("returnFormat", "json");
    }
    parameters.insert(parameters.end(), expected.parameters.begin(), expected.parameters.end());
    INFO(expected.row);
    const auto reply = post(url, parameters);
    CHECK(reply.status == expected.status);
    if (expected.match == Expected::Match::whole) {
        CHECK(reply.body == expected.body);
    } else {
        CHECK_THAT(reply.body, Catch::Matchers::Contains(expected.body));
    }
    CHECK(reply.type == expected.type);
}

/// A site with a longitudinal research project DEMO and a server.
class RedcapCalls {
public:
    explicit RedcapCalls(const std::vector<std::string>& options = {})
        : demo{run_tool("fiona-redcapd",
                        {"project", "create", "--db", site.database(), "--title", "DEMO", "--event",
                         "01", "--event", "baseline", "--print-token"})
                   .out.substr(0, 32)},
          server{site, options}
    {
        REQUIRE(demo.size() == 32);
    }

    /// A token with these rights in a project.
    [[nodiscard]] std::string token(const std::string& project, const std::string& rights) const
    {
        return run_tool("fiona-redcapd", {"token", "create", "--db", site.database(), "--project",
                                          project, "--rights", rights, "--user", "other"})
            .out.substr(0, 32);
    }
    [[nodiscard]] Reply call(const std::string& with, Parameters parameters) const
    {
        parameters.emplace_back("token", with);
        return post(server.url, parameters);
    }
    void check(const Expected& expected) const { check_call(server.url, expected); }

    RedcapSite site;
    std::string demo; ///< token of DEMO
    RedcapServer server;
};

/// A study with one series and two transfers, and one without.
inline void fill_with_records(const RedcapCalls& redcap)
{
    const auto reply = redcap.call(redcap.site.token("incoming"),
                                   {{"content", "record"}, {"format", "json"}, {"data", R"([
        {"study_instance_uid":"1.9","study_description":"MR \"a, b\"","incoming_studies_complete":2},
        {"study_instance_uid":"1.10","study_description":"CT"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"series","redcap_repeat_instance":"7",
         "series_instance_uid":"1.9.1"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers",
         "redcap_repeat_instance":"1","transfer_project_name":"DEMO"},
        {"study_instance_uid":"1.9","redcap_repeat_instrument":"transfers",
         "redcap_repeat_instance":"2","transfer_project_name":"OTHER","transfer_error___3":"1"}])"}});
    REQUIRE(reply.body == R"({"count":2})");
    REQUIRE(redcap
                .call(redcap.demo, {{"content", "record"}, {"format", "json"}, {"data", R"([
        {"record_id":"P2","redcap_event_name":"01_arm_1","first_name":"b"},
        {"record_id":"P2","first_name":"a","age":"1.5","sex":"1"},
        {"record_id":"P2","redcap_repeat_instrument":"imaging","redcap_repeat_instance":"1",
         "img_event_name":"01_arm_1"}])"}})
                .body
            == R"({"count":1})");
}
