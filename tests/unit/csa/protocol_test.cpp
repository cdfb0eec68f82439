// SPDX-License-Identifier: MIT
#include "libfiona/csa/protocol.h"

#include <catch2/catch.hpp>

#include <optional>

using fiona::csa::Protocol;

namespace {

constexpr std::string_view text = "<XProtocol>\n"
                                  "{\n"
                                  "  outside = \"no\"\n"
                                  "### ASCCONV BEGIN object=MrProtDataImpl@MrProtocolData ###\n"
                                  "sGroupArray.asGroup[0].nSize\t = \t25\r\n"
                                  "tProtocolName\t = \t\"\"ep2d = fast\"\"\n"
                                  "sWipMemBlock.tFree = \"one quote\"\n"
                                  "lSequenceID\t = \t69\n"
                                  "other.SequenceID = 70\n"
                                  "no equal sign here\n"
                                  " = without a key\n"
                                  "empty = \n"
                                  "empty.quoted = \"\"\"\"\n"
                                  "odd = \"\n"
                                  "latin = \"\"Bj\xf8rn\"\"\n"
                                  "lSequenceID = 71\n"
                                  "### ASCCONV END ###\"\n"
                                  "behind = \"no\"\n";

} // namespace

TEST_CASE("lines between the marks are keys and values")
{
    const auto protocol = Protocol::parse(text);

    CHECK(protocol.value("sGroupArray.asGroup[0].nSize") == "25");
    CHECK(protocol.value("tProtocolName") == "ep2d = fast");
    CHECK(protocol.value("sWipMemBlock.tFree") == "one quote");
    CHECK(protocol.value("lSequenceID") == "69");
    CHECK(protocol.value("empty") == "");
    CHECK(protocol.value("empty.quoted") == "");
    CHECK(protocol.value("odd") == "\"");
    CHECK(protocol.value("latin") == "Bjørn");
    CHECK(protocol.value("outside") == std::nullopt);
    CHECK(protocol.value("behind") == std::nullopt);
    CHECK(protocol.value("") == std::nullopt);
    CHECK(protocol.size() == 10);
}

TEST_CASE("the first line whose key has an ending is found")
{
    const auto protocol = Protocol::parse(text);

    CHECK(protocol.value_by_ending("SequenceID") == "69");
    CHECK(protocol.value_by_ending("nSize") == "25");
    CHECK(protocol.value_by_ending("NoSuchKey") == std::nullopt);
}

TEST_CASE("several parts are read, the first occurrence of a key wins")
{
    const auto protocol =
        Protocol::parse("### ASCCONV BEGIN ###\na = 1\n### ASCCONV END ###\n"
                        "a = 2\nb = 2\n"
                        "### ASCCONV BEGIN ###\na = 3\nb = 3\n### ASCCONV END ###");

    CHECK(protocol.value("a") == "1");
    CHECK(protocol.value("b") == "3");
}

TEST_CASE("a protocol that is cut off loses the last line, never a part of it")
{
    const auto whole = Protocol::parse(text);
    for (std::size_t length = 0; length <= text.size(); ++length) {
        const auto protocol = Protocol::parse(text.substr(0, length));
        CAPTURE(length);
        for (const auto* const key : {"sGroupArray.asGroup[0].nSize", "lSequenceID"}) {
            const auto value = protocol.value(key);
            CHECK((!value || value == whole.value(key)));
        }
    }
}

TEST_CASE("text without a protocol has no values")
{
    const auto* const nothing = GENERATE("", "a = 1", "### ASCCONV BEGIN", "### ASCCONV END ###",
                                         "### ASCCONV BEGIN ###", "### ASCCONV BEGIN ###\na = 1");
    CAPTURE(nothing);

    CHECK(Protocol::parse(nothing).size() == 0);
}
