// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

template <typename Action>
Fault fault_of(const Action& action)
{
    try {
        static_cast<void>(action());
    } catch (const Error& e) {
        return e.fault();
    }
    FAIL("nothing was thrown");
    return Fault::internal;
}

fs::path put(const fs::path& file, const std::string& bytes, mode_t mode = 0644)
{
    std::ofstream{file, std::ios::binary} << bytes;
    ::chmod(file.c_str(), mode);
    return file;
}

} // namespace

TEST_CASE("a file is read whole, up to the limit")
{
    const TempDir directory;
    const auto content = std::string(200'000, 'x') + '\0' + "end";
    const auto file = put(directory / "file", content);

    CHECK(read_file(file) == content);
    CHECK(read_file(file, content.size()) == content);
    CHECK(fault_of([&] { return read_file(file, content.size() - 1); }) == Fault::data);
}

TEST_CASE("a file that is not there is missing, or nothing where that is expected")
{
    const TempDir directory;

    CHECK(fault_of([&] { return read_file(directory / "none"); }) == Fault::missing);
    CHECK_FALSE(read_file_if_any(directory / "none").has_value());
    CHECK(read_file_if_any(put(directory / "empty", "")) == "");
    CHECK_THROWS_AS(read_file(directory.path), Error);
}

TEST_CASE("a secret is read only from a regular file that nobody else may touch")
{
    const TempDir directory;
    const auto mode = GENERATE(as<mode_t>{}, 0600, 0400);
    CHECK(read_secret_file(put(directory / "good", "s3cret", mode)).reveal() == "s3cret");

    const auto open_mode = GENERATE(as<mode_t>{}, 0640, 0604, 0660, 0620, 0644, 0601);
    const auto open_file = put(directory / "open", "s3cret", open_mode);
    CHECK(fault_of([&] { return read_secret_file(open_file); }) == Fault::config);
    CHECK_THROWS_WITH(read_secret_file(open_file), Contains("0600") && !Contains("s3cret"));
}

TEST_CASE("a secret is not read through a link, from a directory, or from another user's file")
{
    const TempDir directory;
    const auto file = put(directory / "file", "s3cret", 0600);
    fs::create_symlink(file, directory / "link");

    CHECK(fault_of([&] { return read_secret_file(directory / "link"); }) == Fault::config);
    CHECK(fault_of([&] { return read_secret_file(directory.path); }) == Fault::config);
    CHECK(fault_of([&] { return read_secret_file(directory / "none"); }) == Fault::config);
    if (::geteuid() == 0) {
        REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
        CHECK(fault_of([&] { return read_secret_file(file); }) == Fault::config);
    }
}

TEST_CASE("directories are made with their parents, again is no error, a file in the way is")
{
    const TempDir directory;
    const auto deep = directory / "a/b/c";

    make_directories(deep);
    make_directories(deep);
    make_directories(directory / "a/b/c/");

    struct stat status {};
    REQUIRE(::stat(deep.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U & ~0750U) == 0);
    put(directory / "file", "");
    CHECK_THROWS_AS(make_directories(directory / "file"), Error);
    CHECK_THROWS_AS(make_directories(directory / "file/x"), Error);
}

TEST_CASE("a full disk is an error, not a short file")
{
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    REQUIRE(full >= 0);

    CHECK(fault_of([&] {
              write_all(full, "x", "the file");
              return 0;
          })
          == Fault::io);
    ::close(full);
}

TEST_CASE("a directory that is not there cannot be synced")
{
    const TempDir directory;
    sync_directory(directory.path);
    CHECK(fault_of([&] {
              sync_directory(directory / "none");
              return 0;
          })
          == Fault::missing);
}
