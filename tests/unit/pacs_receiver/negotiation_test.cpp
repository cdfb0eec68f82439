// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_negotiation.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace fiona;
using namespace fiona::pacs;
using TransferSyntaxes = ReceiverConfig::TransferSyntaxes;

TEST_CASE("the uncompressed profile takes the original's three syntaxes in the original's order")
{
    CHECK(preferred_syntaxes(TransferSyntaxes::uncompressed)
          == std::vector<std::string>{"1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2",
                                      "1.2.840.10008.1.2"});
}

TEST_CASE("the open profile takes everything DCMTK knows, what loses nothing first")
{
    const auto syntaxes = preferred_syntaxes(TransferSyntaxes::any);
    const auto place = [&](std::string_view uid) {
        return std::ranges::find(syntaxes, uid) - syntaxes.begin();
    };

    CHECK(syntaxes.size() >= 40);
    CHECK(std::set<std::string>{syntaxes.begin(), syntaxes.end()}.size() == syntaxes.size());
    CHECK(place("1.2.840.10008.1.2") < place("1.2.840.10008.1.2.4.70"));
    CHECK(place("1.2.840.10008.1.2.4.90") < place("1.2.840.10008.1.2.4.50"));
    CHECK(place("1.2.840.10008.1.2.5") < place("1.2.840.10008.1.2.4.91"));
    CHECK(place("1.2.840.10008.1.2.4.108") < static_cast<std::ptrdiff_t>(syntaxes.size())); // HEVC
}

TEST_CASE("storage classes, verification and unknown classes pass, other services do not")
{
    const std::string ct = "1.2.840.10008.5.1.4.1.1.2";
    const std::string siemens_private = "1.3.12.2.1107.5.9.1";
    const std::string find = "1.2.840.10008.5.1.4.1.2.2.1";

    CHECK(is_acceptable_class(ct, false));
    CHECK(is_acceptable_class("1.2.840.10008.1.1", false));
    CHECK(is_acceptable_class(siemens_private, true));
    CHECK_FALSE(is_acceptable_class(siemens_private, false));
    CHECK_FALSE(is_acceptable_class(find, true));
}

TEST_CASE("our order decides between proposed syntaxes, not the sender's")
{
    CHECK(choose({"a", "b"}, {"b", "a"}) == "a");
    CHECK_FALSE(choose({"a"}, {"b"}));
    CHECK_FALSE(choose({"a"}, {}));
}
