// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <limits>

using namespace fiona;
using namespace std::string_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::Message;

namespace {

std::string complaint(const std::string& text, json::Limits limits = {})
{
    try {
        static_cast<void>(json::parse(text, "x.json", limits));
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        return e.what();
    }
    return "";
}

} // namespace

TEST_CASE("JSON values are read as what they are")
{
    const auto value = json::parse(
        R"({"n":null,"b":true,"i":-7,"d":1.5,"s":"x","a":[1,"2"],"o":{"k":{}},"big":9223372036854775807})",
        "test");

    CHECK(value.find("n")->is_null());
    CHECK(value.find("b")->boolean());
    CHECK(value.find("i")->integer() == -7);
    CHECK(value.find("i")->number() == -7.0);
    CHECK(value.find("d")->number() == 1.5);
    CHECK(value.find("s")->string() == "x");
    CHECK(value.find("a")->array().size() == 2);
    CHECK(value.find("o")->find("k")->is_object());
    CHECK(value.find("big")->integer() == std::numeric_limits<std::int64_t>::max());
    CHECK(value.find("absent") == nullptr);
    CHECK(json::Value{1}.find("x") == nullptr);
}

TEST_CASE("scalars are also text, whatever their JSON type")
{
    const auto value =
        json::parse(R"({"s":"x","i":11112,"d":0.1,"b":false,"n":null,"a":[1]})", "test");

    CHECK(value.text("s") == "x");
    CHECK(value.text("i") == "11112");
    CHECK(value.text("d") == "0.1");
    CHECK(value.text("b") == "false");
    CHECK(value.text("n", "fallback") == "fallback");
    CHECK(value.text("a", "fallback") == "fallback");
    CHECK(value.text("absent").empty());
}

TEST_CASE("asking a value for another kind is a fault of the data")
{
    const json::Value text{"x"};
    CHECK_THROWS_AS(text.integer(), Error);
    CHECK_THROWS_AS(text.number(), Error);
    CHECK_THROWS_AS(text.boolean(), Error);
    CHECK_THROWS_AS(text.array(), Error);
    CHECK_THROWS_AS(text.object(), Error);
    CHECK_THROWS_AS(json::Value{1}.string(), Error);
}

TEST_CASE("nesting up to the limit is read, one more is refused")
{
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '[') + std::string(depth, ']');
    };

    CHECK(complaint(nested(100)).empty());
    CHECK_THAT(complaint(nested(101)), Contains("nested too deeply"));
    CHECK_THAT(complaint(nested(100'000)), Contains("nested too deeply"));
    CHECK_THAT(complaint(std::string(100'000, '[')), Contains("nested too deeply"));
    std::string objects;
    for (int i = 0; i < 100'000; ++i) {
        objects += R"({"a":)";
    }
    CHECK_THAT(complaint(objects), Contains("nested too deeply"));
}

TEST_CASE("a complaint names file, line and column, never the content")
{
    const auto text = complaint("{\n  \"name\": \"DOE^JANE\",\n  \"born\" 1970\n}");

    CHECK_THAT(text, Contains("x.json: line 3, column "));
    CHECK_THAT(text, !Contains("DOE") && !Contains("1970"));
}

TEST_CASE("what is no JSON is refused")
{
    const auto text = GENERATE(""s, " "s, "{"s, "[1,]"s, "{\"a\":1,}"s, "{a:1}"s, "nul"s, "01"s,
                               "1."s, "+1"s, "'a'"s, "\"\n\""s, "\"\\x41\""s, "1 2"s, "[] []"s,
                               "NaN"s, "1e999"s, "{} // comment"s, "{}\0{}"s, "{}\0"s, "\"a\0b\""s);
    CAPTURE(text);
    CHECK_THAT(complaint(text), Contains("line 1, column"));
}

TEST_CASE("bytes that are not UTF-8 are refused")
{
    const auto text = GENERATE("\"\xe5\""s, "\"\xc0\x80\""s, "\"\xed\xa0\x80\""s,
                               "\"\xf4\x90\x80\x80\""s, "\"\xc3\""s);
    CAPTURE(text);
    CHECK_THAT(complaint(text), Contains("not JSON"));
}

TEST_CASE("surrogate pairs are one character, half of a pair is refused")
{
    CHECK(json::parse(R"("\ud83d\ude00 \u00e5")", "test").string() == "\xf0\x9f\x98\x80 å");
    CHECK_FALSE(complaint(R"("\ud83d")").empty());
    CHECK_FALSE(complaint(R"("\ud83dx")").empty());
    CHECK_FALSE(complaint(R"("\ude00")").empty());
    CHECK_FALSE(complaint(R"("\ud83d\ud83d")").empty());
    CHECK(json::parse(R"("\\ude00")", "test").string() == R"(\ude00)");
    CHECK(json::parse(R"({"\ud83d\ude00":1})", "test").object().begin()->first
          == "\xf0\x9f\x98\x80");
}

TEST_CASE("more bytes than allowed are refused unread")
{
    CHECK_THAT(complaint("[1,2,3]", {.max_bytes = 6}), Contains("more than the 6 allowed"));
    CHECK(complaint("[1,2,3]", {.max_bytes = 7}).empty());
}

TEST_CASE("of two equal keys the last one counts, as in Python")
{
    CHECK(json::parse(R"({"a":1,"a":2})", "test").find("a")->integer() == 2);
}

TEST_CASE("compact JSON has no blanks and sorted keys")
{
    const json::Value value{json::Object{{"b", 1}, {"a", json::Array{json::Value{}, true, "x"}}}};

    CHECK(json::write(value) == R"({"a":[null,true,"x"],"b":1})");
    CHECK(json::quoted("a\"b\\\n") == R"("a\"b\\\n")");
}

TEST_CASE("bytes that are not UTF-8 are written as U+FFFD")
{
    CHECK(json::write(json::Value{"a\xe5z"}) == R"("a\ufffdz")");
    CHECK(json::write(json::Value{"\xc3"}) == R"("\ufffd")");
    CHECK(json::write(json::Value{"\xed\xa0\x80"}).find("d800") == std::string::npos);
}

TEST_CASE("numbers beyond 64 bit signed are numbers still")
{
    const json::Value value{std::numeric_limits<std::uint64_t>::max()};

    CHECK_FALSE(value.is_integer());
    CHECK(value.number() == Approx(1.8446744073709552e19));
    CHECK(json::parse("18446744073709551615", "test").number() == Approx(1.8446744073709552e19));
}

TEST_CASE("pretty JSON is byte for byte what Python writes")
{
    const json::Value value{json::Object{
        {"empty", json::Object{{"list", json::Array{}}, {"object", json::Object{}}, {"text", ""}}},
        {"numbers", json::Array{0, -1, 9223372036854775807, 1.0, -0.0, 0.1, 1e-7, 1.5e300, 5e-324,
                                1e15, 1e16, 123456789012345680.0, 0.0001, 0.00001, 2.5}},
        {"words", json::Array{true, false, json::Value{}}},
        {"text", "tab\t nl\n cr\r quote\" back\\ slash/ bell\a bs\b ff\f esc\x1b del\x7f"},
        {"unicode", "Åsløkken \xe2\x82\xac \xf0\x9f\x98\x80"},
        {"nested", json::Array{json::Array{1, json::Array{2}}, json::Object{{"Ø", 1}}}}}};
    const TempDir directory;
    const auto ours = json::write(value, json::Style::pretty);
    store::write_file(directory / "value.json", ours);

    const auto python = run({{"python3", "-c",
                              "import json, sys\n"
                              "with open(sys.argv[1]) as f: value = json.load(f)\n"
                              "json.dump(value, sys.stdout, indent=2, sort_keys=True)\n",
                              directory / "value.json"}});

    REQUIRE(python.exit_code == 0);
    CHECK(ours == python.out);
    CHECK(json::write(json::parse(ours, "test"), json::Style::pretty) == ours);
}

TEST_CASE("a double is the same after being written and read")
{
    const auto number =
        GENERATE(0.1, 1.0 / 3.0, 1.7976931348623157e308, 2.2250738585072014e-308, 5e-324,
                 123456.789e-10, 0.30000000000000004, 9007199254740993.0, 8.5e-9);
    CAPTURE(number);

    const auto again = json::parse(json::write(json::Value{number}), "test");

    CHECK_FALSE(again.is_integer());
    CHECK(again.number() == number);
}

TEST_CASE("numbers are read exactly, and refused where a double cannot hold them")
{
    const auto number = [](std::string_view text) { return json::parse(text, "test").number(); };

    CHECK(number("0e-70") == 0.0);
    CHECK(number("12345678901234568008") == 12345678901234568008.0);
    CHECK(number("-9223372036854775808") == -9223372036854775808.0);
    CHECK(json::parse("-9223372036854775808", "test").is_integer());
    CHECK_FALSE(json::parse("9223372036854775808", "test").is_integer());
    CHECK(number("4.9406564584124654e-324") == 4.9406564584124654e-324);
    CHECK(number("1E5") == 1e5);
    CHECK_THAT(complaint("[1,-1e400]"), Contains("line 1, column 4"));
    CHECK_THAT(complaint("1e-400"), Contains("a number out of range"));
}

TEST_CASE("an infinite number is written as null")
{
    CHECK(json::write(json::Value{std::numeric_limits<double>::infinity()}) == "null");
}
