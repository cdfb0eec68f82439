// SPDX-License-Identifier: MIT
#include "libfiona/base/json.h"
#include "libfiona/base/json_place.h"

#include <catch2/catch.hpp>

using namespace fiona;
using json::Place;

TEST_CASE("the place of a value is where an editor shows its first character")
{
    constexpr std::string_view text = "\n { \"a\": [1, -2.5e3, \"x]\\\"\", null],\n"
                                      "   \"b\" : {\"c\":{\"d\":[[],{},true]}} }";
    REQUIRE(json::parse(text, "text").is_object());
    const auto& [path, place] = GENERATE(table<std::string, Place>({
        {"", {2, 2}},
        {"a", {2, 9}},
        {"a[0]", {2, 10}},
        {"a[1]", {2, 13}},
        {"a[2]", {2, 21}},
        {"a[3]", {2, 29}},
        {"b", {3, 10}},
        {"b.c", {3, 15}},
        {"b.c.d[1]", {3, 24}},
        {"b.c.d[2]", {3, 27}},
        // the last value of a path that leads nowhere
        {"a[4]", {2, 9}},
        {"a.b", {2, 9}},
        {"[0]", {2, 2}},
        {"b.c.x.y", {3, 15}},
        {"b.c.d[1].e", {3, 24}},
        {"b.c.d[x]", {3, 20}},
        {"..", {2, 2}},
    }));
    CAPTURE(path);

    CHECK(json::place_of(text, path) == place);
}
