// SPDX-License-Identifier: MIT
#include "tests/unit/redcapd/server_fixture.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;

namespace {

void fill(const Server& server)
{
    REQUIRE(server
                .put("incoming", R"([{"study_instance_uid":"1.1"},{"study_instance_uid":"1.2"},
        {"study_instance_uid":"1.1","redcap_repeat_instrument":"series",
         "redcap_repeat_instance":"1","series_instance_uid":"a"},
        {"study_instance_uid":"1.1","redcap_repeat_instrument":"series",
         "redcap_repeat_instance":"2","series_instance_uid":"b"}])")
                .status
            == 200);
}

} // namespace

TEST_CASE("delete: records go with all their rows, the answer is a bare count")
{
    const Server server;
    fill(server);
    const std::string format = GENERATE("json", "csv", "xml");

    const auto answer = server.call("incoming", {{"content", "record"},
                                                 {"action", "delete"},
                                                 {"records[0]", "1.1"},
                                                 {"records[1]", "1.2"},
                                                 {"records[2]", "1.1"},
                                                 {"returnFormat", format}});

    CHECK(answer.status == 200);
    CHECK(answer.body == "2");
    CHECK(server.get("incoming", {}) == "[]");
    const auto log = server.call("incoming", {{"content", "log"}, {"logtype", "record_delete"}});
    CHECK_THAT(log.body, Contains("Delete record (API) 1.1") && Contains("Delete record (API) 1.2")
                             && !Contains("Create"));
}

TEST_CASE("delete: one unknown record and nothing is deleted")
{
    const Server server;
    fill(server);

    const auto answer = server.call(
        "incoming", {{"content", "record"}, {"action", "delete"}, {"records", "1.1,x,y"}});

    CHECK(answer.status == 400);
    CHECK(
        answer.body
        == R"({"error":"One or more of the records provided cannot be deleted because they do not exist in the project. The following records do not exist: x, y"})");
    CHECK_THAT(server.get("incoming", {}), Contains("1.1"));
}

TEST_CASE("delete: one instance goes, the others and the record stay")
{
    const Server server;
    fill(server);
    const Server::Parameters order{{"content", "record"},
                                   {"action", "delete"},
                                   {"records[0]", "1.1"},
                                   {"instrument", "series"},
                                   {"repeat_instance", "1"}};

    CHECK(server.call("incoming", order).body == "1");
    CHECK(server.call("incoming", order).body == "1"); // again: nothing more happens

    CHECK(
        server.get("incoming",
                   {{"fields", "study_instance_uid,series_instance_uid"}, {"records", "1.1"}})
        == R"([{"study_instance_uid":"1.1","redcap_repeat_instrument":"","redcap_repeat_instance":"","series_instance_uid":""},)"
           R"({"study_instance_uid":"1.1","redcap_repeat_instrument":"series","redcap_repeat_instance":2,"series_instance_uid":"b"}])");
}

TEST_CASE("delete: a part that is not fully named is refused")
{
    const Server server;
    fill(server);
    REQUIRE(server.put("DEMO", R"([{"record_id":"A","age":"4"}])").status == 200);
    const auto [project, parameters] = GENERATE(table<std::string, Server::Parameters>({
        {"incoming", {{"records", "1.1"}, {"instrument", "series"}}},
        {"incoming", {{"records", "1.1"}, {"instrument", "x"}}},
        {"incoming", {{"records", "1.1"}, {"instrument", "series"}, {"repeat_instance", "x"}}},
        {"incoming", {}},
        {"DEMO", {{"records", "A"}, {"instrument", "participant"}}},
        {"DEMO", {{"records", "A"}, {"event", "x"}}},
        {"DEMO", {{"records", "A"}, {"arm", "7"}}},
    }));
    CAPTURE(parameters);
    auto all = parameters;
    all.insert(all.end(), {{"content", "record"}, {"action", "delete"}});
    const auto before = server.get(project, {});

    CHECK(server.call(project, all).status == 400);
    CHECK(server.get(project, {}) == before);
}

TEST_CASE("delete: a form of one event, then the rest of it")
{
    const Server server;
    REQUIRE(server
                .put("DEMO", R"([{"record_id":"A","age":"4"},
                     {"record_id":"A","redcap_event_name":"01_arm_1","age":"5"}])")
                .status
            == 200);
    const auto remove = [&](Server::Parameters part) {
        part.insert(part.end(), {{"content", "record"}, {"action", "delete"}, {"records", "A"}});
        return server.call("DEMO", part).body;
    };

    CHECK(remove({{"instrument", "participant"}, {"event", "01_arm_1"}}) == "1");
    CHECK(server.get("DEMO", {{"fields", "age"}}) == R"([{"age":"4"},{"age":""}])");
    CHECK(remove({{"event", "01_arm_1"}}) == "1");
    CHECK(server.get("DEMO", {{"fields", "age"}}) == R"([{"age":"4"}])");
    CHECK(remove({{"event", "event_1_arm_1"}}) == "1");
    CHECK(server.get("DEMO", {}) == "[]"); // nothing was left of it
    CHECK_THAT(server.call("DEMO", {{"content", "log"}}).body, Contains("Delete record (API) A"));
}
