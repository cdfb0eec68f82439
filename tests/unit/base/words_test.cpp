// SPDX-License-Identifier: MIT
#include "libfiona/base/words.h"

#include <catch2/catch.hpp>

namespace {

enum class Fruit { apple, pear, plum };
constexpr fiona::WordTable<Fruit, 2> fruits{{{Fruit::apple, "apple"}, {Fruit::pear, "pear"}}};

} // namespace

TEST_CASE("a table of words is read both ways, and says nothing of what it lacks")
{
    CHECK(fiona::word_of(fruits, Fruit::pear) == "pear");
    CHECK(fiona::meaning_of(fruits, "apple") == Fruit::apple);

    CHECK(fiona::word_of(fruits, Fruit::plum).empty());
    CHECK_FALSE(fiona::meaning_of(fruits, "Apple"));
}
