// SPDX-License-Identifier: MIT
#include "libfiona/pacs/store_command.h"

#include <catch2/catch.hpp>

#include <string>

using namespace fiona;

TEST_CASE("a C-STORE command is what the standard prescribes, byte for byte")
{
    const auto bytes = pacs::store_command("1.2.3", "1.2.34", 0x0102);

    const std::string text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    const std::string expected{"\x00\x00\x00\x00\x04\x00\x00\x00\x44\x00\x00\x00"
                               "\x00\x00\x02\x00\x06\x00\x00\x00"
                               "1.2.3\x00"
                               "\x00\x00\x00\x01\x02\x00\x00\x00\x01\x00"
                               "\x00\x00\x10\x01\x02\x00\x00\x00\x02\x01"
                               "\x00\x00\x00\x07\x02\x00\x00\x00\x00\x00"
                               "\x00\x00\x00\x08\x02\x00\x00\x00\x01\x00"
                               "\x00\x00\x00\x10\x06\x00\x00\x00"
                               "1.2.34",
                               12 + 14 + 10 * 4 + 14};
    CHECK(text == expected);
}
