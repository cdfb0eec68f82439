// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/store/folder.h"
#include "tests/support/skip.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <thread>

using namespace fiona;
using store::Folder;
namespace fs = std::filesystem;

TEST_CASE("remove_tree takes a directory with odd names, and leaves what links in it lead to")
{
    const TempDir root;
    fs::create_directories(root / "kept");
    std::ofstream{root / "kept/file"} << "x";
    fs::create_directories(root / "gone/ a'b\"$(x);\nc/deeper");
    std::ofstream{root / "gone/ a'b\"$(x);\nc/-rf"} << "x";
    std::ofstream{root / "gone/\xff\xfe"} << "x";
    fs::create_directory_symlink(root / "kept", root / "gone/link");
    fs::create_directory_symlink("..", root / "gone/up");
    const Folder folder{root.path, "a test"};

    CHECK(store::measure_tree(folder, "gone").files == 4);
    const auto amount = store::remove_tree(folder, "gone");

    CHECK(amount.files == 4);
    CHECK_FALSE(fs::exists(root / "gone"));
    CHECK(fs::exists(root / "kept/file"));
}

TEST_CASE("a link in the place of a directory is not followed")
{
    const TempDir root;
    fs::create_directories(root / "kept");
    std::ofstream{root / "kept/file"} << "x";
    fs::create_directory_symlink(root / "kept", root / "link");
    const Folder folder{root.path, "a test"};

    CHECK_FALSE(folder.descend("link"));
    CHECK(store::remove_tree(folder, "link").files == 0);
    CHECK(fs::exists(root / "kept/file"));
}

TEST_CASE("a directory that is exchanged for a link at any moment leads nobody out")
{
    const TempDir root;
    fs::create_directories(root / "outside/deep");
    for (const auto* const name : {"outside/file", "outside/deep/file"}) {
        std::ofstream{root / name} << "x";
    }
    fs::create_directories(root / "base");
    fs::create_directory_symlink(root / "outside", root / "link");
    const auto victim = (root / "base/study").native();
    const auto link = (root / "link").native();
    unsigned exchanged = 0;
    std::jthread swapper{[&](const std::stop_token& stop) {
        while (!stop.stop_requested()) { // the link is now in the one place, now in the other
            exchanged +=
                ::renameat2(AT_FDCWD, victim.c_str(), AT_FDCWD, link.c_str(), RENAME_EXCHANGE) == 0
                    ? 1U
                    : 0U;
        }
    }};
    const Folder base{root / "base", "a test"};

    std::size_t removed = 0;
    std::size_t refused = 0;
    const auto begin = std::chrono::steady_clock::now();
    const auto has_lasted = [&](std::chrono::seconds time) {
        return std::chrono::steady_clock::now() - begin > time;
    };
    // A busy machine may need longer until one try finds the directory in its place.
    while (!has_lasted(std::chrono::seconds{3})
           || (removed == 0 && !has_lasted(std::chrono::seconds{60}))) {
        std::error_code taken; // the other may be moving it
        fs::create_directories(fs::path{victim} / "series", taken);
        if (!fs::is_symlink(victim, taken)) {
            std::ofstream{fs::path{victim} / "series/object"} << "x";
        }
        try {
            removed += store::remove_tree(base, "study").files;
        } catch (const Error&) { // it has become something else: refused, as it should be
            ++refused;
        }
        if (!fs::is_symlink(link, taken)) { // gone with the study: another one
            fs::remove_all(link, taken);
            fs::create_directory_symlink(root / "outside", link, taken);
        } else if (fs::is_symlink(victim, taken)) {
            // Two links: nothing would make a directory of either again.
            fs::remove(victim, taken);
        }
    }
    swapper.request_stop();
    swapper.join();

    CHECK(exchanged > 100);
    CAPTURE(refused);
    CHECK(removed > 0);
    CHECK(fs::exists(root / "outside/file"));
    CHECK(fs::exists(root / "outside/deep/file"));
}

TEST_CASE("what a link leads to is there, gone, or unknown")
{
    const TempDir root;
    std::ofstream{root / "file"} << "x";
    fs::create_symlink("file", root / "good");
    fs::create_symlink("nothing", root / "bad");
    fs::create_symlink("file/below", root / "below a file");
    fs::create_symlink("loop", root / "loop");
    fs::create_symlink(std::string(300, 'x'), root / "too long");
    const Folder folder{root.path, "a test"};

    CHECK(folder.end_of("good") == Folder::End::there);
    CHECK(folder.end_of("bad") == Folder::End::gone);
    CHECK(folder.end_of("below a file") == Folder::End::gone);
    CHECK(folder.end_of("loop") == Folder::End::gone);
    CHECK(folder.end_of("too long") == Folder::End::unknown);
}

TEST_CASE("remove_tree ends at a mount point, of the same file system too")
{
    const TempDir root;
    fs::create_directories(root / "other");
    std::ofstream{root / "other/file"} << "x";
    fs::create_directories(root / "study/mounted");
    std::ofstream{root / "study/own"} << "x";

    const auto child = ::fork();
    if (child == 0) { // a mount namespace of its own: nobody else sees the mount
        if (::unshare(CLONE_NEWNS) != 0
            || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
            || ::mount((root / "other").c_str(), (root / "study/mounted").c_str(), nullptr, MS_BIND,
                       nullptr)
                   != 0) {
            ::_exit(77);
        }
        try {
            store::remove_tree(Folder{root.path, "a test"}, "study");
            ::_exit(1);
        } catch (const Error& e) {
            ::_exit(e.fault() == Fault::data ? 0 : 2);
        }
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    if (WEXITSTATUS(status) == 77) {
        skip("no mount namespaces here");
        return;
    }
    CHECK(WEXITSTATUS(status) == 0);
    CHECK(fs::exists(root / "other/file"));
}
