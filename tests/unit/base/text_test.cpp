// SPDX-License-Identifier: MIT
#include "libfiona/base/text.h"

#include <catch2/catch.hpp>

#include <string>

using namespace fiona;
using namespace std::string_literals;

TEST_CASE("UTF-8 is what RFC 3629 says")
{
    // U+0041, U+007F, U+0080, U+07FF, U+0800, U+D7FF, U+E000, U+FFFF, U+10000, U+10FFFF
    const auto legal = GENERATE(""s, "A"s, "\x7f"s, "\xc2\x80"s, "\xdf\xbf"s, "\xe0\xa0\x80"s,
                                "\xed\x9f\xbf"s, "\xee\x80\x80"s, "\xef\xbf\xbf"s,
                                "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "a\0b"s);
    CHECK(is_utf8(legal));
}

TEST_CASE("overlong forms, surrogates, stray and missing bytes are no UTF-8")
{
    const auto illegal =
        GENERATE("\x80"s, "\xbf"s, "\xc0\x80"s, "\xc1\xbf"s, "\xe0\x80\x80"s, "\xe0\x9f\xbf"s,
                 "\xed\xa0\x80"s, "\xed\xbf\xbf"s, "\xf0\x80\x80\x80"s, "\xf0\x8f\xbf\xbf"s,
                 "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xfe"s, "\xff"s, "\xc2"s, "\xe1\x80"s,
                 "\xf1\x80\x80"s,
                 "\xc2"
                 "A"s,
                 "\xe1\x80"
                 "A"s,
                 "ok\xe5"s);
    CAPTURE(illegal);
    CHECK_FALSE(is_utf8(illegal));
}

TEST_CASE("blanks, line ends and NULs are trimmed from both ends only")
{
    CHECK(trimmed("  a b\t\r\n"s + "\0"s) == "a b");
    CHECK(trimmed(" \0 "s).empty());
    CHECK(trimmed("").empty());
}

TEST_CASE("splitting n separators makes n + 1 parts")
{
    using Parts = std::vector<std::string_view>;
    CHECK(split("", '|') == Parts{""});
    CHECK(split("a", '|') == Parts{"a"});
    CHECK(split("|a||b|", '|') == Parts{"", "a", "", "b", ""});
}

TEST_CASE("lower case touches ASCII letters only")
{
    CHECK(lower_case("AZ[@`a\xc3\x85") == "az[@`a\xc3\x85");
}

TEST_CASE("every byte string survives percent encoding")
{
    std::string all;
    for (int c = 0; c < 256; ++c) {
        all += static_cast<char>(c);
    }
    for (const auto& text : {all, ""s, "."s, ".."s, "../../x"s, "%"s, "%%41"s, "a b"s, "%2e"s,
                             "MY CT/1"s, "Åsløkken^Bjørn"s, "\0"s}) {
        CAPTURE(text);
        CHECK(percent_decoded(percent_encoded(text, 1000)) == text);
    }
}

TEST_CASE("encoded text is one visible path component and one blank-separated field")
{
    const auto text = GENERATE(""s, "."s, ".."s, "../../etc/passwd"s, "/"s, " "s, "a\nb"s,
                               ".hidden"s, "\x7f"s, "\0"s);
    CAPTURE(text);

    const auto encoded = percent_encoded(text);

    CHECK_FALSE(encoded.empty());
    CHECK(encoded.front() != '.');
    CHECK(encoded.find_first_of("/ \n\t\x7f"s + "\0"s) == std::string::npos);
}

TEST_CASE("encoded text never grows beyond its limit, and is never cut inside a %XX")
{
    const std::string blanks(100, ' ');

    CHECK(percent_encoded(blanks, 10) == "%20%20%20");
    CHECK(percent_encoded(std::string(300, 'a')).size() == 200);
    CHECK(percent_encoded("ab ", 4) == "ab");
}

TEST_CASE("a cut leaves no half of a UTF-8 character")
{
    CHECK(percent_encoded("aå", 2) == "a");
    CHECK(percent_encoded("aå", 3) == "aå");
    CHECK(percent_encoded("€€", 5) == "€");
}

TEST_CASE("what is no percent code stays as it is")
{
    CHECK(percent_decoded("%4") == "%4");
    CHECK(percent_decoded("%zz%41") == "%zzA");
    CHECK(percent_decoded("100%") == "100%");
    CHECK(percent_decoded("%-1") == "%-1");
    CHECK(percent_decoded("%") == "");
}
