// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/site/builder.h"
#include "libfiona/site/ports.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <set>

using namespace fiona;
namespace fs = std::filesystem;

TEST_CASE("a builder makes what is missing with the mode asked for")
{
    const TempDir root;
    site::Builder builder{Mode::apply};

    builder.directory(root / "keys", 0700);
    builder.file(root / "tokens", "a = b\n", 0600);

    CHECK(fs::status(root / "keys").permissions() == fs::perms::owner_all);
    CHECK(fs::status(root / "tokens").permissions()
          == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(read_file(root / "tokens") == "a = b\n");
    CHECK(builder.made().size() == 2);
    CHECK(builder.kept().empty());
}

TEST_CASE("a builder changes nothing that is there")
{
    const TempDir root;
    site::Builder{Mode::apply}.file(root / "config.json", "mine", 0640);
    site::Builder builder{Mode::apply};

    builder.file(root / "config.json", "theirs", 0640);

    CHECK(read_file(root / "config.json") == "mine");
    CHECK(builder.made().empty());
    CHECK(builder.kept().size() == 1);
}

TEST_CASE("a builder in a dry run names what it would make and makes nothing")
{
    const TempDir root;
    site::Builder builder{Mode::dry_run};

    builder.directory(root / "data", 0750);
    builder.file(root / "config.json", "x", 0640);

    CHECK(builder.made().size() == 2);
    CHECK(fs::is_empty(root.path));
}

TEST_CASE("a builder refuses a file where a directory must be")
{
    const TempDir root;
    site::Builder{Mode::apply}.file(root / "data", "x", 0640);

    CHECK_THROWS_AS(site::Builder{Mode::apply}.directory(root / "data", 0750), Error);
}

TEST_CASE("free ports are all different")
{
    const auto ports = site::free_loopback_ports(20);

    CHECK(std::set<std::uint16_t>(ports.begin(), ports.end()).size() == 20);
    CHECK(std::ranges::find(ports, 0) == ports.end());
}
