// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/sftp/server_list.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <filesystem>

using namespace fiona;
namespace fs = std::filesystem;

namespace {

const std::string digest_a(32, 'a');
const std::string digest_b(32, 'b');

/// An archive as tar(1) makes it.
std::string archive_of(const fs::path& directory, const std::string& format)
{
    const auto file = directory.native() + ".tar";
    const auto made =
        run({{"tar", "--format=" + format, "-C", directory.native(), "-cf", file, "."}});
    REQUIRE(made.exit_code == 0);
    return read_file(file);
}

} // namespace

TEST_CASE("a list made by tar is read in each of its formats, names longer than 100 bytes too")
{
    const auto format = GENERATE(std::string{"ustar"}, "gnu", "pax");
    CAPTURE(format);
    const TempDir root;
    const auto directory = root / "list";
    const auto long_name = "ID_event_1_" + std::string(60, '1') + "_" + std::string(62, '2');
    fs::create_directories(directory / "below");
    store::write_file(directory / "A_1.2.3.md5sum_server", digest_a + "  /some/where/A.tgz\n");
    store::write_file(directory
                          / (format == "ustar" ? "B.md5sum_server" : long_name + ".md5sum_server"),
                      "\\" + std::string(32, 'B') + " *B.tgz\n");
    store::write_file(directory / "C.md5sum_server", "no digest\n");
    store::write_file(directory / "D.txt", digest_a);
    store::write_file(directory / "odd name.md5sum_server", digest_a);
    store::write_file(directory / "below/E.md5sum_server", digest_a);
    fs::create_symlink("/etc/passwd", directory / "F.md5sum_server");

    const auto list = sftp::read_server_list(archive_of(directory, format));

    CHECK(list.size() == 2);
    CHECK(list.find("A_1.2.3")->second == digest_a);
    CHECK(list.find(format == "ustar" ? "B" : long_name)->second == digest_b);
}

TEST_CASE("what is no archive, or half of one, is refused, an empty one is an empty list")
{
    const TempDir root;
    const auto directory = root / "list";
    fs::create_directories(directory);
    store::write_file(directory / "A.md5sum_server", digest_a + "\n");
    const auto good = archive_of(directory, "gnu");

    CHECK(sftp::read_server_list("").empty());
    CHECK(sftp::read_server_list(std::string(10'240, '\0')).empty());
    CHECK_THROWS_AS(sftp::read_server_list("<html>not found</html>"), Error);
    CHECK_THROWS_AS(sftp::read_server_list(std::string(1024, 'x')), Error);
    CHECK_THROWS_AS(sftp::read_server_list(good.substr(0, 512 + 100)), Error);
    for (std::size_t i = 0; i < good.size(); i += 7) { // whatever it says, it ends
        auto broken = good;
        broken[i] = static_cast<char>(broken[i] ^ 0x55);
        try {
            const auto list = sftp::read_server_list(broken);
            CHECK(list.size() <= 1);
        } catch (const Error& e) {
            CHECK(e.fault() == Fault::protocol);
        }
    }
}

TEST_CASE("a digest is the first word of a line, or there is none")
{
    CHECK(sftp::md5_of_line(digest_a + " *x.tgz\n") == digest_a);
    CHECK(sftp::md5_of_line(std::string(32, 'A')) == digest_a);
    CHECK(sftp::md5_of_line("").empty());
    CHECK(sftp::md5_of_line(digest_a + "a x").empty());
    CHECK(sftp::md5_of_line(std::string(32, 'g')).empty());
}
