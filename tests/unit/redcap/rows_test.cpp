// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcap/filter.h"
#include "libfiona/redcap/form.h"
#include "libfiona/redcap/rows.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace fiona::redcap;

namespace {

Fault fault_of(std::string body)
{
    try {
        static_cast<void>(parse_rows(body, "id"));
    } catch (const Error& e) {
        return e.fault();
    }
    FAIL("taken as rows: " << body);
    return Fault::internal;
}

} // namespace

TEST_CASE("an export is read whatever JSON types its values have")
{
    std::string body = R"([
      {"id":"A","redcap_event_name":"e_arm_1","redcap_repeat_instrument":"","redcap_repeat_instance":"","x":"\u00e6"},
      {"id":7,"redcap_repeat_instrument":"series","redcap_repeat_instance":12,"x":null,"y":1.5,"z":true},
      {"id":"B","redcap_repeat_instrument":"series","redcap_repeat_instance":"3"}])";

    const auto rows = parse_rows(body, "id");

    REQUIRE(rows.size() == 3);
    CHECK(rows[0].record == "A");
    CHECK(rows[0].event == "e_arm_1");
    CHECK(rows[0].instance == 0);
    CHECK(rows[0].value("x") == "\xc3\xa6");
    CHECK(rows[1].record == "7");
    CHECK(rows[1].instrument == "series");
    CHECK(rows[1].instance == 12);
    CHECK(rows[1].value("x").empty());
    CHECK(rows[1].value("y") == "1.5");
    CHECK(rows[1].value("z") == "1");
    CHECK(rows[1].values.size() == 3);
    CHECK(rows[2].instance == 3);
}

TEST_CASE("anything but a complete list of flat objects is no export")
{
    const auto* const body = GENERATE("", "[", "[{\"id\":\"A\"}", "{}", "{\"id\":\"A\"}", "[[]]",
                                      "[{\"id\":{}}]", "[1]", "null", "[{\"id\":\"A\"}] x",
                                      "[{\"id\":\"A\",\"redcap_repeat_instance\":\"new\"}]",
                                      "[{\"id\":\"\xff\"}]", "[{\"id\":[\"A\"]}]");
    CAPTURE(body);

    CHECK(fault_of(body) == Fault::temporary);
}

TEST_CASE("a NUL in the body does not end the list early")
{
    CHECK(fault_of(std::string{"[{\"id\":\"A\"}]\0[{\"id\":\"B\"}]", 24}) == Fault::temporary);
}

TEST_CASE("a row without its record is not guessed at")
{
    CHECK(fault_of(R"([{"id":"A"},{"x":"1"}])") == Fault::protocol);
    CHECK(fault_of(R"([{"id":""}])") == Fault::protocol);
}

TEST_CASE("a hundred thousand nested lists end quickly")
{
    CHECK(fault_of(std::string(100'000, '[')) == Fault::temporary);
}

TEST_CASE("a row to import carries its keys, and only those it has")
{
    const auto base = row_object({"A", {}, {}, 0, {{"x", "1"}}}, "id");
    const auto instance = row_object({"A", "e_arm_1", "series", 2, {}}, "id");

    CHECK(json::write(base) == R"({"id":"A","x":"1"})");
    CHECK(
        json::write(instance)
        == R"({"id":"A","redcap_event_name":"e_arm_1","redcap_repeat_instance":2,"redcap_repeat_instrument":"series"})");
}

TEST_CASE("a form is encoded so that PHP reads the same bytes")
{
    Form form;
    form.set("content", "record").set("records", std::vector<std::string>{"1.2", "a b&=%"});
    form.set("fields", std::vector<std::string>{});

    CHECK(form.body() == "content=record&records%5B0%5D=1.2&records%5B1%5D=a%20b%26%3D%25");
}

TEST_CASE("a value with syntax in it never reaches a filter")
{
    CHECK(field_equals("transfer_project_name", "DEMO 1")
          == "[transfer_project_name] = \"DEMO 1\"");
    const auto* const value = GENERATE("a\"b", "a'b", "[x]", "a\nb", "a\\b", "\xff");
    CAPTURE(value);
    CHECK_THROWS_AS(field_equals("x", value), Error);
    CHECK_THROWS_AS(field_equals("x] or [y", "1"), Error);
}
