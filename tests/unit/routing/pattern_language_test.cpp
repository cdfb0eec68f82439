// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/routing/pattern_language.h"

#include <catch2/catch.hpp>

#include <re2/re2.h>

#include <map>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
using routing::IdPool;
using routing::PatternLanguage;

namespace {

/// Draws until nothing is left.
std::set<std::string> all_ids(const PatternLanguage& language)
{
    IdPool pool{language};
    std::set<std::string> ids;
    while (const auto id = pool.draw()) {
        CHECK(ids.insert(*id).second);
    }
    return ids;
}

std::string size_of(std::string_view pattern)
{
    return PatternLanguage{pattern}.size().str();
}

std::string refusal(std::string_view pattern)
{
    try {
        const PatternLanguage language{pattern};
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        return e.what();
    }
    return {};
}

} // namespace

TEST_CASE("every construct of a pattern has its exact number of ids, each counted once")
{
    const auto [pattern, size] = GENERATE(table<const char*, const char*>({
        {"DEMO_001", "1"},
        {"DEMO_[0-9][0-9][0-9]", "1000"},
        {R"(P_0\d{4})", "10000"},
        {"[a-z0-9]{2}", "1296"},
        {"[12]", "2"},
        {"A[1-3]{1,2}", "12"},
        {"AB?C", "2"},
        {"X(abc|def)", "2"},
        {"X(a|b|c)", "3"},
        {"(ABC)", "1"},
        {"(?:ABC){2}", "1"},
        {R"((abc|def)_\1)", "2"},
        {R"(([0-9]{2})_\1)", "100"},
        {R"((a|b)(x|y)\2\1)", "4"},
        {R"(((a|b)\2|c))", "3"},
        {"X.", "36"}, // 62 characters, of which 26 differ from others in case only
        {R"(\w)", "37"},
        {"^DEMO_[0-9]$", "10"},
        {"^A$|^B$", "2"},
        {"(^A|B$)", "2"},
        {"[a-zA-Z]", "26"},
        {"(a|b|ab|a|[ab])", "3"},
        {"A[0-9]?[0-9]?", "111"},
        {"(A|AB)(C|BC)", "3"},
        {"[0-9]{11}", "100000000000"},
        {"[a-z]{64}", nullptr},
        {R"(A\.B\-[0-9])", "10"},
        {"A[-a]", "2"},
        {"A[a-]", "2"},
        {R"([\d_])", "11"},
        {"(A|)B", "2"},
        {"[-.]?A", "1"}, // an id does not begin with these
        {"(A|B)?", "2"}, // an id is not empty
        {"((A{0,2}){0,2}){0,2}X", "9"},
    }));
    CAPTURE(pattern);

    if (size != nullptr) {
        CHECK(size_of(pattern) == size);
    } else {
        CHECK(size_of(pattern).size() == 91); // 26^64
    }
}

TEST_CASE("the ids that are drawn are those that the pattern matches, all of them")
{
    const auto* const pattern = GENERATE("[ab]{0,3}c?", "(a|ab)(c|bc)[abc]?", "a(b|c){2}a?",
                                         "(ab?){1,2}", "^(a|b)c$|abc", "[a-c]{2}");
    CAPTURE(pattern);
    std::set<std::string> expected;
    std::vector<std::string> words{""};
    for (std::size_t i = 0; i < words.size(); ++i) { // all words over abc of up to five letters
        if (!words[i].empty() && RE2::FullMatch(words[i], pattern)) {
            expected.insert(words[i]);
        }
        for (const char c : {'a', 'b', 'c'}) {
            if (words[i].size() < 5) {
                words.push_back(words[i] + c);
            }
        }
    }
    const PatternLanguage language{pattern};

    CHECK(all_ids(language) == expected);
    CHECK(language.size().str() == std::to_string(expected.size()));
    for (const auto& word : words) {
        CHECK(language.contains(word) == expected.contains(word));
    }
}

TEST_CASE("what a pattern must not have is refused with its place and its reason")
{
    const auto [pattern, reason] = GENERATE(table<const char*, const char*>({
        {"A*", "character 2: endless"},
        {"A+", "character 2: endless"},
        {"A{2,}", "endless"},
        {"A{,3}", "must be followed by a number"},
        {"A{3,2}", "below its minimum"},
        {"A{100000000000}", "more than 64"},
        {"(A{64}){2}", "at most 64 characters"},
        {"A{2}?", "repetition of a repetition"},
        {"A??", "repetition of a repetition"},
        {"*A", "repetition of nothing"},
        {"(?=A)", "(?...)"},
        {"(?P<n>A)", "(?...)"},
        {"[^a]", "negated"},
        {R"(\D)", "escapes"},
        {R"(\s)", "escapes"},
        {R"(\bA)", "escapes"},
        {R"(\1(A))", "not closed before"},
        {R"((A\1))", "not closed before"},
        {R"((A)?\1)", "optional"},
        {R"((?:(A)|B)\1)", "another alternative"},
        {R"(((A|B)C)\2\1)", "holds another"},
        {R"(([0-9]{5})\1)", "10000 texts"},
        {"A^B", "not at the beginning"},
        {"A$B", "not at the end"},
        {"(^A){2}", "not at the beginning"},
        {"^?A", "repeated anchor"},
        {"A B", "letters, digits"},
        {"A/B", "letters, digits"},
        {"\xc3\x85", "letters, digits"},
        {"[a-", "without its ]"},
        {"[z-a]", "before its beginning"},
        {R"([\d-z])", "range between classes"},
        {"[+-z]", "letters, digits"},
        {"(A", "without its )"},
        {"A)", "without its ("},
        {"", "no participant id"},
        {"()", "no participant id"},
        {"[ab]{0,30}a[ab]{30}", "too intricate"},
    }));
    CAPTURE(pattern);

    CHECK_THAT(refusal(pattern), Contains(reason));
}

TEST_CASE("nesting without end is refused, not followed")
{
    CHECK_THAT(refusal(std::string(500, '(') + "A" + std::string(499, ')')), Contains("deeply"));
    CHECK_THAT(refusal(std::string(1'001, 'A')), Contains("more than 1000"));
    CHECK(refusal("((((((((A{0,2}){0,2}){0,2}){0,2}){0,2}){0,2})))").empty());
}

TEST_CASE("ten thousand ids are drawn from a pattern of ten thousand, and no more")
{
    const PatternLanguage language{R"(P_0\d{4})"};
    IdPool pool{language};

    std::set<std::string> ids;
    for (int i = 0; i < 10'000; ++i) {
        const auto id = pool.draw();
        REQUIRE(id);
        ids.insert(*id);
    }

    CHECK(ids.size() == 10'000);
    CHECK(pool.left().is_zero());
    CHECK_FALSE(pool.draw());
}

TEST_CASE("ids that are taken, in whatever case, are not drawn, the last free one is found")
{
    const PatternLanguage language{"Px_[0-9]{3}"};
    IdPool pool{language};
    for (int i = 0; i < 1'000; ++i) {
        if (i != 417) {
            pool.take(fmt::format("{}_{:03}", i % 2 == 0 ? "pX" : "PX", i));
        }
    }
    pool.take("other_001");
    pool.take("Px_001");

    CHECK(pool.left().str() == "1");
    CHECK(pool.draw() == "Px_417");
    CHECK_FALSE(pool.draw());
}

TEST_CASE("of the spellings of an id each is drawn, and only those of the pattern")
{
    const PatternLanguage language{"([a-b]|[A-C])x"};

    std::set<std::string> seen;
    for (int i = 0; i < 400; ++i) {
        IdPool pool{language};
        seen.insert(*pool.draw());
    }

    CHECK(language.size().str() == "3");
    CHECK(seen == std::set<std::string>{"ax", "bx", "Ax", "Bx", "Cx"});
}

TEST_CASE("every id is drawn equally often")
{
    // 14 ids, 14,000 draws: each about 1,000 times, with a standard deviation of 30.
    const PatternLanguage language{"(A|AB|ABC)[12]|Z[1-3]?Y?|Z"};
    REQUIRE(language.size().str() == "14");

    std::map<std::string, int> times;
    for (int i = 0; i < 14'000; ++i) {
        IdPool pool{language};
        ++times[*pool.draw()];
    }

    CHECK(times.size() == 14);
    for (const auto& [id, count] : times) {
        CAPTURE(id, count);
        CHECK(std::abs(count - 1'000) < 200); // over six standard deviations
    }
}

TEST_CASE("counts are exact beyond 64 bits")
{
    routing::WordCount count{1};
    for (int i = 0; i < 130; ++i) {
        count += count;
    }

    CHECK(count.str() == "1361129467683753853853498429727072845824"); // 2^130
    CHECK((count - routing::WordCount{1}).str() == "1361129467683753853853498429727072845823");
    CHECK(routing::WordCount::random_below(count) < count);
}
