// SPDX-License-Identifier: MIT
#include "libfiona/site/show.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;

TEST_CASE("show prints what is in effect and never a secret")
{
    const TempDir root;
    store::write_file(root / "config.json",
                      R"({"ROOT": "/srv/x", "CONNECTION": "SECRETTOKEN1", "QUIETTIME": "7",
                          "REDCAP": {"url": "https://user:SECRETWORD2@redcap.example.org/api/",
                                     "token": "SECRETTOKEN3"}})");

    const auto document = site::effective_config(Config::load(root / "config.json"));

    const auto text = json::write(document);
    CHECK_THAT(text, !Contains("SECRET"));
    CHECK(document.find("REDCAP")->text("url") == "https://redcap.example.org/api/");
    CHECK(document.text("QUIETTIME") == "7");
    CHECK(document.find("PATHS")->text("raw") == "/srv/x/data/site/raw");
    const auto lines = site::as_lines(document);
    CHECK(std::ranges::find(lines, "QUIETTIME = 7") != lines.end());
}
