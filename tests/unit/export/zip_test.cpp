// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/export/zip_writer.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace fs = std::filesystem;
using namespace fiona;
using namespace fiona::exports;

namespace {

std::string some_bytes(std::size_t count, unsigned seed)
{
    std::mt19937 engine{seed};
    std::string bytes(count, '\0');
    for (auto& byte : bytes) {
        byte = static_cast<char>(engine() % 17); // deflates to about half
    }
    return bytes;
}

zip::Totals write_zip(const fs::path& target, const std::vector<zip::Content>& contents,
                      const zip::Settings& settings = {})
{
    zip::Output output{target};
    zip::Writer writer{output, settings};
    for (const auto& content : contents) {
        writer.add([content] { return content; });
    }
    const auto totals = writer.finish();
    static_cast<void>(output.commit());
    return totals;
}

std::string run_or_fail(const std::vector<std::string>& arguments)
{
    const auto finished = run({.arguments = arguments,
                               .deadline = std::chrono::minutes{5}, // 4 GB, beside other tests
                               .max_output = std::size_t{256} << 20U});
    INFO(fmt::format("{}", fmt::join(arguments, " ")));
    INFO(finished.out << finished.err);
    REQUIRE(finished.exit_code == 0);
    return finished.out;
}

const std::string python_test = R"(
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None
assert archive.comment == b''
for info in archive.infolist():
    assert info.date_time == (1980, 1, 1, 0, 0, 0), info
    assert info.comment == b'', info
    print(info.filename, info.file_size)
)";

/// Info-ZIP, 7z and Python all say that it is whole, and unzip gives the bytes back.
void check_readers(const fs::path& package, const std::vector<zip::Content>& contents)
{
    run_or_fail({"unzip", "-tqq", package.native()});
    run_or_fail({"7z", "t", "-bd", package.native()});
    const auto names = run_or_fail({"python3", "-c", python_test, package.native()});
    const TempDir unpacked;
    run_or_fail({"unzip", "-qq", "-d", unpacked.path.native(), package.native()});
    CHECK(static_cast<std::size_t>(std::ranges::count(names, '\n')) == contents.size());
    for (const auto& content : contents) {
        CAPTURE(content.name);
        auto expected = content.head;
        if (!content.file.empty()) {
            expected += read_file(content.file).substr(content.offset, content.count);
        }
        REQUIRE(fs::exists(unpacked.path / content.name));
        CHECK((read_file(unpacked.path / content.name) == expected));
        CHECK(names.find(fmt::format("{} {}\n", content.name, expected.size()))
              != std::string::npos);
    }
}

} // namespace

TEST_CASE("a package of small and large contents is read by Info-ZIP, 7z and Python")
{
    const TempDir directory;
    const auto big = directory / "big";
    std::ofstream{big} << some_bytes(9'000'000, 1);
    std::vector<zip::Content> contents{
        {.name = "DEMO/DEMO_0001/20240102_101500/0001_blåbærsyltetøy-Æ/MR.1.dcm",
         .head = "header",
         .file = big,
         .offset = 100,
         .count = 250'000},
        {.name = "empty", .head = ""},
        {.name = "large.dcm",
         .head = some_bytes(3'000'000, 2),
         .file = big,
         .offset = 1,
         .count = 8'999'998},
        {.name = "large-jpeg.dcm",
         .head = "h",
         .file = big,
         .offset = 0,
         .count = 9'000'000,
         .kind = zip::Content::Kind::compressed},
        {.name = "fiona.txt", .head = "æøå\n"}};
    for (unsigned i = 0; i < 100; ++i) {
        contents.push_back({.name = fmt::format("many/{}", i), .head = some_bytes(100 * i, i)});
    }
    const auto package = directory / "package.zip";
    zip::Settings settings;
    SECTION("deflated") {}
    SECTION("deflated by one thread")
    {
        settings.threads = 1;
    }
    SECTION("stored")
    {
        settings.compression = zip::Compression::store;
    }

    const auto totals = write_zip(package, contents, settings);

    CHECK(totals.entries == contents.size());
    CHECK(totals.packed == fs::file_size(package));
    check_readers(package, contents);
    run_or_fail({"env", "-C", directory.path.native(), "md5sum", "--quiet", "-c", "package.md5"});
    CHECK_FALSE(fs::exists(directory / "package.zip.part"));
}

TEST_CASE("the same contents make the same bytes, whatever the number of threads")
{
    const TempDir directory;
    std::vector<zip::Content> contents;
    for (unsigned i = 0; i < 30; ++i) {
        contents.push_back(
            {.name = fmt::format("f{}", i), .head = some_bytes(100'000 * (i % 25), i)});
    }
    write_zip(directory / "one.zip", contents, {.threads = 1});
    write_zip(directory / "four.zip", contents, {.threads = 4});

    CHECK((read_file(directory / "one.zip") == read_file(directory / "four.zip")));
}

TEST_CASE("more than 65535 entries need the larger directory, and all readers take it")
{
    const TempDir directory;
    std::vector<zip::Content> contents;
    for (unsigned i = 0; i < 66'000; ++i) {
        contents.push_back({.name = fmt::format("d{}/{}", i % 7, i), .head = "x"});
    }
    write_zip(directory / "many.zip", contents);

    run_or_fail({"unzip", "-tqq", directory / "many.zip"});
    run_or_fail({"7z", "t", "-bd", directory / "many.zip"});
    const auto names = run_or_fail({"python3", "-c", python_test, directory / "many.zip"});
    CHECK(std::ranges::count(names, '\n') == 66'000);
}

TEST_CASE("a content of more than 4 GB is read by all")
{
    const TempDir directory;
    const auto sparse = directory / "sparse";
    std::ofstream{sparse} << "begin";
    constexpr std::uint64_t bytes = (std::uint64_t{4} << 30U) + 12'345;
    fs::resize_file(sparse, bytes);
    write_zip(directory / "package.zip",
              {{.name = "large", .file = sparse, .offset = 0, .count = bytes},
               {.name = "behind", .head = "the end"}});

    run_or_fail({"unzip", "-tqq", directory / "package.zip"});
    run_or_fail({"7z", "t", "-bd", directory / "package.zip"});
    const auto names = run_or_fail({"python3", "-c", python_test, directory / "package.zip"});
    CHECK(names == fmt::format("large {}\nbehind 7\n", bytes));
}

TEST_CASE("an encrypted package opens with its password and with no other")
{
    const TempDir directory;
    const auto package = directory / "secret.zip";
    const std::string password{"correct horse 'æøå' $(x)"};
    const std::vector<zip::Content> contents{
        {.name = "small", .head = some_bytes(70'001, 1)},
        {.name = "stored", .head = some_bytes(17, 1), .kind = zip::Content::Kind::compressed},
        {.name = "large", .head = some_bytes(5'000'001, 3)}};

    write_zip(package, contents, {.password = Private<std::string>{password}});

    const TempDir unpacked;
    run_or_fail({"7z", "x", "-bd", "-p" + password, "-o" + unpacked.path.native(), package});
    for (const auto& content : contents) {
        CHECK((read_file(unpacked.path / content.name) == content.head));
    }
    CHECK(run({.arguments = {"7z", "t", "-bd", "-pwrong", package}}).exit_code != 0);
    CHECK(read_file(package).find(contents[1].head) == std::string::npos);
}

TEST_CASE("what a content throws leaves no package, and no remains")
{
    const TempDir directory;
    const auto write = [&] {
        zip::Output output{directory / "package.zip"};
        zip::Writer writer{output, {}};
        for (unsigned i = 0; i < 30; ++i) {
            writer.add([i]() -> zip::Content {
                if (i == 20) {
                    throw Error{Fault::data, "broken"};
                }
                return {.name = fmt::format("{}", i), .head = "x"};
            });
        }
        static_cast<void>(writer.finish());
        static_cast<void>(output.commit());
    };

    CHECK_THROWS_AS(write(), Error);
    CHECK(fs::is_empty(directory.path));
}

TEST_CASE("a package that another process writes is left to it")
{
    const TempDir directory;
    const zip::Output first{directory / "package.zip"};
    try {
        const zip::Output second{directory / "package.zip"};
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::temporary);
    }
}

TEST_CASE("a finished package is never the part of another writer, however close they come")
{
    const TempDir root;
    const auto target = root / "package.zip";
    const std::string content(64, 'x');
    std::atomic<bool> is_over{false};
    const auto write_again_and_again = [&] {
        while (!is_over) {
            try {
                zip::Output output{target};
                output.append({content});
                static_cast<void>(output.commit());
            } catch (const Error& e) { // the other one was first
                if (e.fault() != Fault::temporary) {
                    is_over = true;
                }
            }
        }
    };
    std::size_t damaged = 0;
    {
        std::vector<std::jthread> writers;
        for (int i = 0; i < 4; ++i) {
            writers.emplace_back(write_again_and_again);
        }
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{1};
        while (!is_over && std::chrono::steady_clock::now() < end) {
            const auto package = read_file_if_any(target);
            damaged += package && *package != content ? 1U : 0U;
        }
        CHECK_FALSE(is_over);
        is_over = true;
    }
    CHECK(damaged == 0);
}
