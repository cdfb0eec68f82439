// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/answer.h"
#include "libfiona/redcapd/filter.h"

#include <catch2/catch.hpp>

#include <map>

using fiona::redcapd::Filter;
using fiona::redcapd::Refusal;

namespace {

bool matches(const std::string& text)
{
    const std::map<std::string, std::string> values{
        {"name", "DEMO"}, {"number", "10"}, {"blank", ""}, {"box/2", "1"}, {"v1_arm_1:age", "7"}};
    const Filter filter{text};
    return filter.matches([&](std::size_t index) {
        const auto& it = filter.references()[index];
        const auto key = (it.event.empty() ? "" : it.event + ":") + it.field
                         + (it.code.empty() ? "" : "/" + it.code);
        const auto found = values.find(key);
        return found == values.end() ? std::string{} : found->second;
    });
}

} // namespace

TEST_CASE("filter: comparisons and what joins them mean what REDCap makes of them")
{
    const auto [text, result] = GENERATE(table<std::string, bool>({
        {"[name]=\"DEMO\"", true},
        {"[name] = 'DEMO'", true},
        {"[name]='demo'", false},
        {"[name] <> 'DEMO'", false},
        {"[name] != 'X'", true},
        {"[number] > 9", true}, // as numbers: "10" < "9" as text
        {"[number] >= '10.0'", true},
        {"[number] < 10", false},
        {"[number] <= 10", true},
        {"[number] = -10", false},
        {"[name] > 9", true}, // as text
        {"[blank] = ''", true},
        {"[blank] = 0", false},
        {"[missing] = \"\"", true},
        {"[box(2)] = '1'", true},
        {"[box(1)] = '1'", false},
        {"[v1_arm_1][age] = 7", true},
        {"[age] = 7", false},
        {"[name]='X' or [number]=10", true},
        {"[name]='X' || [number]=10", true},
        {"[name]='DEMO' and [number]=11", false},
        {"[name]='DEMO' && [number]=10", true},
        {"[name]='X' and [number]=10 or [number]=10", true},
        {"[number]=10 or [number]=10 and [name]='X'", true}, // and binds closer
        {"([number]=10 or [number]=10) and [name]='X'", false},
        {"not [name]='X'", true},
        {"NOT([name]='DEMO')", false},
        {"!([name]='X') AND not not [number]=10", true},
        {"[number]", true},
        {"[blank]", false},
        {"0", false},
        {"([name]) = ('DEMO')", true},
        {" \t[name]\n=\r'DEMO' ", true},
        {"[name] = 'a\"b'", false},
    }));
    CAPTURE(text);

    CHECK(matches(text) == result);
}

TEST_CASE("filter: what is not the grammar is refused")
{
    const std::string text =
        GENERATE("", " ", "[", "[name", "[name]=", "=1", "[name]='", "[name]='DEMO", "(", ")",
                 "([name]=1", "[name]=1)", "[name]=1 [name]=1", "[name]=1 and", "or [name]=1",
                 "[name]==1", "name='DEMO'", "[name(1]='1'x", "[a][b][c]=1", "[name)]=1",
                 "1=1; DROP TABLE value", "[name] = 1e999", "nan", "[name] like 'D%'");
    CAPTURE(text);

    CHECK_THROWS_AS(matches(text), Refusal);
}

TEST_CASE("filter: size and depth are bounded, a long chain is not deep")
{
    const auto nested = [](std::size_t depth) {
        return std::string(depth, '(') + "1" + std::string(depth, ')');
    };
    std::string chain = "[name]=1";
    while (chain.size() < 4000) {
        chain += " or [name]=1";
    }

    CHECK(matches(nested(64)));
    CHECK_THROWS_AS(matches(nested(65)), Refusal);
    CHECK_THROWS_AS(matches(std::string(65, '!') + "1"), Refusal);
    CHECK_FALSE(matches(chain));
    CHECK_THROWS_AS(matches("1" + std::string(4096, ' ')), Refusal);
}
