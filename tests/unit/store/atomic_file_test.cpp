// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/failing_sync.h"
#include "tests/support/forked_child.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>

using namespace fiona;
using store::AtomicFile;
namespace fs = std::filesystem;

namespace {

std::size_t count_entries(const fs::path& directory)
{
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator{directory}, fs::directory_iterator{}));
}

} // namespace

TEST_CASE("a file appears when it is committed, not before")
{
    const TempDir directory;
    AtomicFile file{directory / "file"};
    file.write("one ");
    file.write("two");
    CHECK_FALSE(fs::exists(directory / "file"));

    file.commit();

    CHECK(read_file(directory / "file") == "one two");
    CHECK(count_entries(directory.path) == 1);
}

TEST_CASE("without commit nothing ever existed")
{
    const TempDir directory;
    store::write_file(directory / "file", "old");
    {
        AtomicFile file{directory / "file"};
        file.write("new");
    }
    CHECK(read_file(directory / "file") == "old");
    CHECK(count_entries(directory.path) == 1);
}

TEST_CASE("commit replaces, commit_new does not")
{
    const TempDir directory;
    store::write_file(directory / "file", "old");

    AtomicFile fresh{directory / "file"};
    fresh.write("new");
    CHECK_THROWS_AS(fresh.commit_new(), Error);
    CHECK(read_file(directory / "file") == "old");
    fresh.commit();
    CHECK(read_file(directory / "file") == "new");

    AtomicFile other{directory / "other"};
    other.commit_new();
    CHECK(read_file(directory / "other").empty());
    CHECK(count_entries(directory.path) == 2);
}

TEST_CASE("a file of secrets has its mode from the first moment")
{
    const TempDir directory;
    AtomicFile file{directory / "key", 0600};
    for (const auto& entry : fs::directory_iterator{directory.path}) {
        struct stat status {};
        REQUIRE(::stat(entry.path().c_str(), &status) == 0);
        CHECK((status.st_mode & 0777U) == 0600);
    }
    file.commit();
    CHECK(fs::status(directory / "key").permissions()
          == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("kill -9 in the middle leaves nothing under the final name")
{
    const TempDir directory;
    ForkedChild child{[&] {
        AtomicFile file{directory / "file"};
        file.write(std::string(100'000, 'x'));
        fs::create_directory(directory / "half written");
        ::pause();
    }};
    REQUIRE(eventually([&] { return fs::exists(directory / "half written"); }));

    child.kill();

    CHECK_FALSE(fs::exists(directory / "file"));
    for (const auto& entry : fs::directory_iterator{directory.path}) {
        const auto name = entry.path().filename().native();
        CHECK((name == "half written" || (name.front() == '.' && name.ends_with(".part"))));
    }
    store::write_file(directory / "file", "complete");
    CHECK(read_file(directory / "file") == "complete");
}

TEST_CASE("kill -9 at any moment of replacing leaves the old or the new content")
{
    const TempDir directory;
    store::write_file(directory / "file", std::string(50'000, 'a'));
    for (int round = 0; round < 20; ++round) {
        ForkedChild child{[&] {
            for (char c = 'b';; c = c == 'z' ? 'a' : static_cast<char>(c + 1)) {
                store::write_file(directory / "file", std::string(50'000, c));
            }
        }};
        std::this_thread::sleep_for(std::chrono::milliseconds{1 + round % 7}); // the moment varies

        child.kill();

        const auto content = read_file(directory / "file");
        REQUIRE(content == std::string(50'000, content.at(0)));
    }
}

TEST_CASE("a leftover of a process with our pid is not written into")
{
    const TempDir directory;
    const auto first_name = [&] {
        const AtomicFile probe{directory / "file"};
        return fs::directory_iterator
        {
            directory.path
            } -> path().filename().native();
    }();
    const auto first =
        std::stoul(first_name.substr(first_name.find_last_of('.', first_name.size() - 6) + 1));
    for (auto next = first + 1; next < first + 4; ++next) {
        std::ofstream{
            directory.path
            / (".file." + std::to_string(::getpid()) + "." + std::to_string(next) + ".part")}
            << "somebody else's";
    }

    store::write_file(directory / "file", "ours");

    CHECK(read_file(directory / "file") == "ours");
    CHECK(count_entries(directory.path) == 4);
}

TEST_CASE("a file that cannot be synced never gets its name")
{
    const auto commit = GENERATE(&AtomicFile::commit, &AtomicFile::commit_new);
    const TempDir directory;
    const FailingSync other;
    {
        AtomicFile file{directory / "file"};
        file.write("bytes");
        other.take_place_of(file.fd());

        CHECK_THROWS_AS((file.*commit)(), Error);

        CHECK_FALSE(fs::exists(directory / "file"));
    }
    CHECK(fs::is_empty(directory.path));
}

TEST_CASE("a full disk is an error and leaves nothing behind")
{
    const TempDir directory;
    const auto disk = directory / "disk";
    fs::create_directory(disk);
    if (::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=64k") != 0) {
        skip("a small file system cannot be mounted here");
        return;
    }

    store::write_file(disk / "small", "fits");
    try {
        store::write_file(disk / "large", std::string(1'000'000, 'x'));
        FAIL("a megabyte fitted into 64 kB");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::io);
    }
    CHECK(count_entries(disk) == 1);
    CHECK(read_file(disk / "small") == "fits");
    ::umount(disk.c_str());
}

TEST_CASE("a directory that is not there is missing")
{
    const TempDir directory;
    try {
        const AtomicFile file{directory / "none/file"};
        FAIL("opened");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::missing);
    }
}
