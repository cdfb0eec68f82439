// SPDX-License-Identifier: MIT
#include "libfiona/base/number.h"

#include <catch2/catch.hpp>

#include <cstdint>

using fiona::read_number;

TEST_CASE("a number is read if it is all of the text")
{
    CHECK(read_number<int>("-17") == -17);
    CHECK(read_number<std::uint16_t>("65535") == 65535);
    CHECK(read_number<std::uint16_t>("00a8", 16) == 0xa8);
    CHECK(read_number<double>("1.5e2") == 150.0);
}

TEST_CASE("what is no number, or too large for its type, is none")
{
    const auto* const text =
        GENERATE("", " ", "+1", " 1", "1 ", "1x", "x", "-", "0x10", "65536", "-1", "1.5");
    CAPTURE(text);

    CHECK_FALSE(read_number<std::uint16_t>(text));
    CHECK_FALSE(read_number<std::uint8_t>("100", 16));
    CHECK_FALSE(read_number<double>(""));
    CHECK_FALSE(read_number<double>("1.5 mm"));
    CHECK_FALSE(read_number<double>("1e999"));
}
