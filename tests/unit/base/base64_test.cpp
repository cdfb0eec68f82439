// SPDX-License-Identifier: MIT
#include "libfiona/base/base64.h"

#include <catch2/catch.hpp>

#include <utility>
#include <vector>

using fiona::base64;
using fiona::base64_decoded;

TEST_CASE("base64 has the values of RFC 4648 section 10, both ways")
{
    const std::vector<std::pair<std::string, std::string>> vectors{
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {std::string{"\0\xff\xfe", 3}, "AP/+"},
    };
    for (const auto& [bytes, text] : vectors) {
        CHECK(base64(bytes) == text);
        CHECK(base64_decoded(text) == bytes);
    }
}

TEST_CASE("base64 is read in lines and without its padding, other text is refused")
{
    CHECK(base64_decoded("Zm9v\r\nYg==\n") == "foob");
    CHECK(base64_decoded("Zg") == "f");
    CHECK_FALSE(base64_decoded("Zm9v!"));
    CHECK_FALSE(base64_decoded("Zm9_"));
    CHECK_FALSE(base64_decoded("Zm9vY"));
}
