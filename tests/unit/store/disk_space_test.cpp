// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/store/disk_space.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using store::DiskState;

namespace {

constexpr std::uint64_t gib = std::uint64_t{1} << 30U;

DiskState state(std::uint64_t free, std::uint64_t total, double inodes = 1.0)
{
    return store::disk_state({free, total, inodes}, ReceiverConfig{});
}

} // namespace

TEST_CASE("of share and bytes the larger threshold counts")
{
    // a large disk: 10 % and 2 %
    CHECK(state(101 * gib, 1000 * gib) == DiskState::ok);
    CHECK(state(99 * gib, 1000 * gib) == DiskState::low);
    CHECK(state(21 * gib, 1000 * gib) == DiskState::low);
    CHECK(state(19 * gib, 1000 * gib) == DiskState::hard);
    // a small one: 20 GiB and 2 GiB
    CHECK(state(21 * gib, 50 * gib) == DiskState::ok);
    CHECK(state(19 * gib, 50 * gib) == DiskState::low);
    CHECK(state(1 * gib, 50 * gib) == DiskState::hard);
}

TEST_CASE("a disk without inodes takes no more files")
{
    CHECK(state(900 * gib, 1000 * gib, 0.01) == DiskState::hard);
    CHECK(state(900 * gib, 1000 * gib, 0.03) == DiskState::ok);
}

TEST_CASE("a disk is asked for its room, and not answering is an error")
{
    const TempDir directory;
    const auto space = store::disk_space(directory.path);

    CHECK(space.total_bytes > 0);
    CHECK(space.free_bytes <= space.total_bytes);
    CHECK(space.free_inode_share > 0.0);
    CHECK(space.free_inode_share <= 1.0);
    CHECK_THROWS_AS(store::disk_space(directory / "none"), Error);
}

TEST_CASE("the use of a disk is what df says: of what users may have, rounded up")
{
    const auto used = [](std::uint64_t bytes, std::uint64_t free) {
        return store::DiskSpace{.free_bytes = free, .used_bytes = bytes}.used_percent();
    };
    CHECK(used(0, 100) == 0);
    CHECK(used(1, 999) == 1);
    CHECK(used(80, 20) == 80);
    CHECK(used(801, 199) == 81);
    CHECK(used(95, 0) == 100); // the rest is root's
    CHECK(used(0, 0) == 0);
}
