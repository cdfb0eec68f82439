// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

TEST_CASE("a held lock is a temporary fault that names the holder")
{
    const TempDir directory;
    const FileLock first{directory / "lock"};

    try {
        const FileLock second{directory / "lock"};
        FAIL("locked twice");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::temporary);
        CHECK_THAT(e.what(), Contains("held by process " + std::to_string(::getpid())));
    }
    CHECK(FileLock::holder(directory / "lock") == ::getpid());
    CHECK(read_file(directory / "lock") == std::to_string(::getpid()) + "\n");
}

TEST_CASE("a lock is free again when its object is gone, and its file stays")
{
    const TempDir directory;
    {
        const FileLock lock{directory / "lock"};
    }

    CHECK_FALSE(FileLock::holder(directory / "lock").has_value());
    CHECK(std::filesystem::exists(directory / "lock"));
    const FileLock again{directory / "lock"};
}

TEST_CASE("nobody holds a lock that was never made")
{
    const TempDir directory;
    CHECK_FALSE(FileLock::holder(directory / "none").has_value());
    CHECK_FALSE(std::filesystem::exists(directory / "none"));
    CHECK_THROWS_AS(FileLock{directory / "none/lock"}, Error);
}

TEST_CASE("the death of the holder frees the lock")
{
    const TempDir directory;
    ForkedChild child{[&] {
        const FileLock lock{directory / "lock"};
        ::pause();
    }};
    REQUIRE(eventually([&] { return FileLock::holder(directory / "lock") == child.pid(); }));

    child.kill();

    CHECK_FALSE(FileLock::holder(directory / "lock").has_value());
    const FileLock lock{directory / "lock"};
    CHECK(FileLock::holder(directory / "lock") == ::getpid());
}

TEST_CASE("patience waits for the lock, and no longer than it was told")
{
    const TempDir directory;
    ForkedChild child{[&] {
        const FileLock lock{directory / "lock"};
        while (!std::filesystem::exists(directory / "let go")) {
            std::this_thread::sleep_for(5ms);
        }
    }};
    REQUIRE(eventually([&] { return FileLock::holder(directory / "lock") == child.pid(); }));

    const auto begin = std::chrono::steady_clock::now();
    CHECK_THROWS_AS((FileLock{directory / "lock", 50ms}), Error);
    CHECK(std::chrono::steady_clock::now() - begin >= 50ms);

    std::filesystem::create_directory(directory / "let go");
    const FileLock lock{directory / "lock", 10s};
    CHECK(child.wait() == 0);
}

TEST_CASE("somebody who only asks for the holder never makes a lock fail")
{
    const TempDir directory;
    {
        const FileLock made{directory / "lock"};
    }
    ForkedChild asking{[&] {
        for (;;) {
            static_cast<void>(FileLock::holder(directory / "lock"));
        }
    }};

    std::size_t taken = 0;
    for (int i = 0; i < 300; ++i) {
        const FileLock lock{directory / "lock"};
        ++taken;
    }

    CHECK(taken == 300);
}

TEST_CASE("a lock that cannot be looked at is not taken for a free one")
{
    const TempDir directory;
    std::filesystem::create_symlink("lock", directory / "lock"); // to itself

    CHECK_THROWS_AS(FileLock::holder(directory / "lock"), Error);
    CHECK_FALSE(FileLock::holder(directory / "never taken").has_value());
    CHECK_FALSE(FileLock::holder(directory / "no directory" / "lock").has_value());
}
