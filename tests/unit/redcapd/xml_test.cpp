// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/redcapd/xml.h"

#include <catch2/catch.hpp>

using namespace fiona;
namespace xml = fiona::redcapd::xml;

TEST_CASE("xml: elements, attributes and text, without prefixes")
{
    const auto root = xml::parse(
        "<?xml version=\"1.0\" encoding=\"UTF-8\" ?><a xmlns:r=\"u\" r:x=\"1 &amp; 2\"><r:b>t"
        "<![CDATA[<&]]></r:b><b/></a>",
        "input");

    CHECK(root.name == "a");
    CHECK(root.attribute("x") == "1 & 2");
    CHECK(root.attribute("y").empty());
    REQUIRE(root.children.size() == 2);
    CHECK(root.child("b")->text == "t<&");
    CHECK(root.child("c") == nullptr);
}

TEST_CASE("xml: what is written is read back as it was")
{
    const std::string text = GENERATE(as<std::string>{}, "", "a<b>&\"'", "]]>", "a]]]]>>b", "\n",
                                      "x\r\ny\tz", "\xc3\xa6\xe2\x82\xac");
    CAPTURE(text);

    const auto root =
        xml::parse("<a x=\"" + xml::escaped(text) + "\">" + xml::cdata(text) + "</a>", "input");

    CHECK(root.text == text);
    CHECK(root.attribute("x") == text);
}

TEST_CASE("xml: characters that XML cannot hold are replaced")
{
    CHECK(xml::escaped(std::string{"a\x01"
                                   "b"})
          == "a\xef\xbf\xbd"
             "b");
    CHECK(xml::cdata("\xef\xbf\xbf") == "<![CDATA[\xef\xbf\xbd]]>");
    CHECK(xml::cdata("\xff") == "<![CDATA[\xef\xbf\xbd]]>");
}

TEST_CASE("xml: what is no document, or too much of one, is refused without its content")
{
    std::string deep;
    for (int i = 0; i < 40; ++i) {
        deep += "<SECRET>";
    }
    const auto text = GENERATE_COPY(
        as<std::string>{}, "", "SECRET", "<a>SECRET", "<a></SECRET>", "<a/><a/>", "<a x=1/>",
        "<a>&SECRET;</a>", "<!DOCTYPE a [<!ENTITY b \"SECRET\">]><a>&b;</a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "<a>\xff</a>", deep, "<a>1<b/>2<b/></a>");
    CAPTURE(text);

    try {
        static_cast<void>(
            xml::parse(text, "input", {.max_bytes = 400, .max_depth = 32, .max_elements = 2}));
        FAIL("it was taken");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        CHECK_THAT(e.what(), Catch::Matchers::StartsWith("input: "));
        CHECK_THAT(e.what(), !Catch::Matchers::Contains("SECRET"));
    }
}
