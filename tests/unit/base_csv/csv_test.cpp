// SPDX-License-Identifier: MIT
#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"

#include <catch2/catch.hpp>

#include <utility>

using Catch::Matchers::Contains;
using fiona::Error;
using fiona::csv::Rows;
namespace csv = fiona::csv;

TEST_CASE("CSV: cells, quotes and line ends are read as RFC 4180 says")
{
    const auto [text, rows] = GENERATE(table<std::string, Rows>({
        {"", {}},
        {"a", {{"a"}}},
        {"a,b\nc,d\n", {{"a", "b"}, {"c", "d"}}},
        {"a,b\r\nc,d\r\n", {{"a", "b"}, {"c", "d"}}},
        {"a,b\r", {{"a", "b"}}},
        {"a,,\n", {{"a", "", ""}}},
        {",\n", {{"", ""}}},
        {"\n\na\n\n\r\nb\n", {{"a"}, {"b"}}},
        {"\"a,b\",c", {{"a,b", "c"}}},
        {"\"say \"\"hi\"\"\",x", {{"say \"hi\"", "x"}}},
        {"\"two\nlines\",x\n", {{"two\nlines", "x"}}},
        {"\"\",\"\"", {{"", ""}}},
        {"\"\"\"\"", {{"\""}}},
        {"a\rb,c", {{"a\rb", "c"}}},
        {"\xef\xbb\xbf"
         "a,b",
         {{"a", "b"}}},
        {"\xc3\xa6,\xc3\xb8", {{"\xc3\xa6", "\xc3\xb8"}}},
    }));
    CAPTURE(text);

    CHECK(csv::parse(text, ',', "test") == rows);
}

TEST_CASE("CSV: another delimiter leaves the comma alone")
{
    CHECK(csv::parse("a,b;c\td", ';', "test") == Rows{{"a,b", "c\td"}});
    CHECK(csv::parse("a,b;c\td", '\t', "test") == Rows{{"a,b;c", "d"}});
}

TEST_CASE("CSV: a malformed file is refused with its line and without its content")
{
    const auto [text, line] = GENERATE(table<std::string, std::string>({
        {"ok,ok\nsecret\"x,y\n", "line 2"},
        {"ok\n\"a\"secret,y\n", "line 2"},
        {"ok\nok\n\"secret\nsecret\n", "line 3"},
        {"\"two\nlines\",x\nsecret\"", "line 3"},
        {"\"", "line 1"},
        {"secret\xff", "not UTF-8"},
    }));
    CAPTURE(text);

    CHECK_THROWS_WITH(csv::parse(text, ',', "list.csv"),
                      Contains("list.csv") && Contains(line) && !Contains("secret"));
}

TEST_CASE("CSV: a file of more bytes or cells than allowed is refused")
{
    CHECK_THROWS_AS(csv::parse("abcdef", ',', "test", {.max_bytes = 5, .max_cells = 10}), Error);
    CHECK_THROWS_AS(csv::parse("a,b,c\nd", ',', "test", {.max_bytes = 50, .max_cells = 3}), Error);
    CHECK_NOTHROW(csv::parse("a,b,c\nd", ',', "test", {.max_bytes = 50, .max_cells = 4}));
}

TEST_CASE("CSV: what is written is read back")
{
    const std::string cell = GENERATE("", "plain", "with blank", "a,b", "a\"b", "a\r\nb", "a\tb");
    CAPTURE(cell);

    CHECK(csv::parse("x," + csv::quoted(cell, ',') + ",y", ',', "test") == Rows{{"x", cell, "y"}});
}

TEST_CASE("CSV: a cell with a blank is quoted, a plain one is not")
{
    CHECK(csv::quoted("Event 1", ',') == "\"Event 1\"");
    CHECK(csv::quoted("a;b", ',') == "a;b");
    CHECK(csv::quoted("a;b", ';') == "\"a;b\"");
}
