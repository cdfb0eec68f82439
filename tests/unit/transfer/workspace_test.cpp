// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/transfer/workspace.h"
#include "tests/support/transfer_site.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <fstream>

using namespace fiona;
using transfer::Workspace;

namespace fs = std::filesystem;

TEST_CASE("a workspace is private and leaves nothing behind")
{
    const TransferSite site;
    {
        const Workspace workspace{site.paths(), "host.1"};
        const auto room = workspace.make_room("study", 1000);
        std::ofstream{room / "file"} << "x";

        struct stat status {};
        REQUIRE(::stat(room.c_str(), &status) == 0);
        CHECK((status.st_mode & 0777U) == 0700U);
        CHECK(fs::is_empty(workspace.make_room("study", 1000)));
    }
    CHECK_FALSE(fs::exists(site.paths().temporary() / "transfer-host.1"));
    CHECK_FALSE(fs::exists(site.paths().temporary() / "transfer-host.1.lock"));
}

TEST_CASE("what a dead worker left is removed, what a living one has stays")
{
    const TransferSite site;
    const Workspace living{site.paths(), "host.1"};
    std::ofstream{living.make_room("study", 0) / "file"} << "x";
    const auto dead = site.paths().temporary() / "transfer-other.host.2";
    fs::create_directories(dead / "study");
    std::ofstream{dead.native() + ".lock"} << "2\n";

    Workspace::sweep(site.paths());

    CHECK_FALSE(fs::exists(dead));
    CHECK_FALSE(fs::exists(dead.native() + ".lock"));
    CHECK(fs::exists(site.paths().temporary() / "transfer-host.1" / "study" / "file"));
}

TEST_CASE("a study that does not fit is a temporary fault before anything is written")
{
    const TransferSite site;
    const Workspace workspace{site.paths(), "host.1"};

    try {
        static_cast<void>(workspace.make_room("study", std::uint64_t{1} << 60U));
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::temporary);
    }
}
