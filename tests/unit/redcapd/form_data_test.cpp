// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcapd/form_data.h"

#include <catch2/catch.hpp>

using fiona::redcapd::FormData;

TEST_CASE("form data: urlencoded bodies are read as PHP reads them")
{
    const auto form =
        FormData::parse("a=1&a=2&b=x+y%20z&c%5B0%5D=p&c[1]=q%2Cr&c[]=s&d=%C3%A6&e&f=&&g=%zz%4");

    CHECK(form.text("a") == "2");
    CHECK(form.text("b") == "x y z");
    CHECK(form.list("c") == std::vector<std::string>{"p", "q,r", "s"});
    CHECK(form.text("d") == "\xc3\xa6");
    CHECK(form.has("e"));
    CHECK(form.text("f").empty());
    CHECK(form.text("g") == "%zz%4");
    CHECK_FALSE(form.has("h"));
}

TEST_CASE("form data: an empty array is absent, another name is not it")
{
    const auto form = FormData::parse("arms=&fields=a,%20b,&field[0]=x&fields2[0]=y&records[0]=");

    CHECK(form.list("arms").empty());
    CHECK(form.list("fields") == std::vector<std::string>{"a", "b"});
    CHECK(form.list("records").empty());
}

TEST_CASE("form data: booleans in the spellings of PHP, R and Python")
{
    const auto form = FormData::parse("a=true&b=True&c=1&d=false&e=False&f=0&g=");

    CHECK((form.flag("a") && form.flag("b") && form.flag("c")));
    CHECK_FALSE(
        (form.flag("d") || form.flag("e") || form.flag("f") || form.flag("g") || form.flag("h")));
}

TEST_CASE("form data: too many parameters are refused")
{
    std::string body;
    for (int i = 0; i < 100'001; ++i) {
        body += "a&";
    }

    CHECK_THROWS_AS(FormData::parse(body), fiona::Error);
}
