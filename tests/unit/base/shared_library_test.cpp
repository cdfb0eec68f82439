// SPDX-License-Identifier: MIT
#include "libfiona/base/curl.h"
#include "libfiona/base/error.h"
#include "libfiona/base/shared_library.h"

#include <catch2/catch.hpp>

using namespace fiona;

TEST_CASE("a library that is not installed is named with its package")
{
    try {
        const SharedLibrary library{"libfiona-nobody-has-it.so.7", "Nobody", "libnobody7"};
        FAIL("it was loaded");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::missing);
        CHECK(std::string{error.what()} == "Nobody is not installed: install libnobody7");
    }
}

TEST_CASE("a function that a library has not is asked for, or named")
{
    const SharedLibrary library{"libz.so.1", "zlib", "zlib1g"};

    const auto* const version = library.get<const char*()>("zlibVersion")();

    CHECK(version[0] == '1');
    CHECK(library.find<void()>("fiona_has_no_such") == nullptr);
    CHECK_THROWS_WITH(library.get<void()>("fiona_has_no_such"),
                      "zlib has no function fiona_has_no_such");
}

TEST_CASE("libcurl is loaded by the first call, and its functions do as they say")
{
    const auto url = parse_url("https://user@redcap.example.org:8443/api/");

    REQUIRE(url);
    CHECK(url->host == "redcap.example.org");
    CHECK(url->port == "8443");
    CHECK_FALSE(parse_url("no url"));
    const CurlHandle handle;
    CHECK(handle.get() != nullptr);
    CHECK_THROWS_AS(handle.set(-1, 0L), Error);
}
