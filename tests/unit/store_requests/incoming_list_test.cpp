// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/incoming_list.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>

using namespace fiona;
using namespace fiona::store;

namespace {

IncomingLine line(const std::string& study, std::int64_t arrived = 1'704'190'000)
{
    return {arrived, "MODALITY 1", "FIONA", "ct1", StudyUid{study}, 12, "CT,SR", {}};
}

} // namespace

TEST_CASE("a line is read back as it was put, blanks in AE titles included")
{
    const TempDir directory;
    const IncomingList list{directory / "Assign/incoming.txt"};

    list.put(line("1.2.3"));

    const auto lines = list.lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].arrived == 1'704'190'000);
    CHECK(lines[0].caller == "MODALITY 1");
    CHECK(lines[0].study == StudyUid{"1.2.3"});
    CHECK(lines[0].series == 12);
    CHECK(lines[0].modalities == "CT,SR");
    CHECK(read_file(directory / "Assign/incoming.txt")
          == "1704190000 MODALITY%201 FIONA ct1 1.2.3 12 CT,SR\n");
}

TEST_CASE("a study has one line, in the place of its first, with the fields we do not know")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    write_file(file, "# kept\n100 A B C scp_1.2.3 4 MR extra fields\n200 A B C 9.9.9\n"
                     "150 A B C 1.2.3 1 MR\nrubbish without end");
    const IncomingList list{file};

    list.put(line("1.2.3", 300));

    CHECK(read_file(file)
          == "# kept\n300 MODALITY%201 FIONA ct1 1.2.3 12 CT,SR extra fields\n200 A B C 9.9.9\n"
             "rubbish without end\n");
    CHECK(list.lines().size() == 2);
    CHECK(list.lines()[1].series == 0);
}

TEST_CASE("the lines of studies that have left go, all others stay as they are")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    CHECK(IncomingList{file}.remove({StudyUid{"1.2.3"}}) == 0); // no list at all
    write_file(file, "# kept\n100 A B C scp_1.2.3 4 MR\n200 A B C 9.9.9\n150 A B C 1.2.3 1 MR\n");

    CHECK(IncomingList{file}.remove({StudyUid{"1.2.3"}, StudyUid{"7.7"}}) == 2);

    CHECK(read_file(file) == "# kept\n200 A B C 9.9.9\n");
    CHECK(IncomingList{file}.remove({StudyUid{"1.2.3"}}) == 0);
}

TEST_CASE("putting the same line again does not touch the file, its mode stays")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    const IncomingList list{file};
    list.put(line("1.2.3"));
    ::chmod(file.c_str(), 0666);
    list.put(line("1.2.4"));
    struct stat before {};
    REQUIRE(::stat(file.c_str(), &before) == 0);

    list.put(line("1.2.4"));

    struct stat after {};
    REQUIRE(::stat(file.c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
    CHECK((after.st_mode & 0777U) == 0666U);
}

TEST_CASE("a list that is not there is empty")
{
    const TempDir directory;
    CHECK(IncomingList{directory / "incoming.txt"}.lines().empty());
}

TEST_CASE("old lines go, the others stay byte for byte, with mode and time of the file")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    const auto now = Clock::from_time_t(1'704'190'000);
    const std::string fresh = "1703585201 A B C scp_1.2.3 4 MR extra  fields";
    const std::string not_ours = "1704189000 * ? some other writer's line";
    write_file(file, "1703585200 A B C 1.2.4 1 MR\n\n" + fresh + "\n" + not_ours
                         + "\n-5 x\n9223372036854775807 y\n-9223372036854775808 z\n");
    ::chmod(file.c_str(), 0664);
    const std::array<timespec, 2> times{timespec{1'704'180'000, 0}, timespec{1'704'180'000, 0}};
    REQUIRE(::utimensat(AT_FDCWD, file.c_str(), times.data(), 0) == 0);

    const auto cleaned =
        IncomingList{file}.remove_old(now, std::chrono::hours{7 * 24}, Mode::apply);

    CHECK(read_file(file) == fresh + "\n" + not_ours + "\n9223372036854775807 y\n");
    CHECK(cleaned.kept == 2);
    CHECK(cleaned.removed == 3);
    CHECK(cleaned.unreadable_kept == 1);
    CHECK(cleaned.unreadable_removed == 0);
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777U) == 0664U);
    CHECK(status.st_mtim.tv_sec == 1'704'180'000);
}

TEST_CASE("a line without a time goes when nobody has put a line for as long")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    const IncomingList list{file};
    write_file(file, "rubbish\n");
    const auto now = Clock::now();
    constexpr std::chrono::hours week{7 * 24};

    CHECK(list.remove_old(now + week - std::chrono::minutes{1}, week, Mode::apply).unreadable_kept
          == 1);
    CHECK(list.remove_old(now + week + std::chrono::minutes{1}, week, Mode::dry_run)
              .unreadable_removed
          == 1);
    CHECK(read_file(file) == "rubbish\n");
    list.remove_old(now + week + std::chrono::minutes{1}, week, Mode::apply);
    CHECK(read_file(file).empty());
}

TEST_CASE("cleaning makes no list and no lock where there is none, and changes none that is clean")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    const IncomingList list{file};
    constexpr std::chrono::hours week{7 * 24};

    list.remove_old(Clock::now(), week, Mode::apply);
    CHECK(std::filesystem::is_empty(directory.path));

    list.put(line("1.2.3", epoch_seconds(Clock::now())));
    struct stat before {};
    REQUIRE(::stat(file.c_str(), &before) == 0);
    list.remove_old(Clock::now(), week, Mode::apply);
    struct stat after {};
    REQUIRE(::stat(file.c_str(), &after) == 0);
    CHECK(before.st_ino == after.st_ino);
}

TEST_CASE("what a writer without our lock appends while we clean is not lost")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    const IncomingList list{file};
    write_file(file, "");
    constexpr int lines = 300;
    const auto now = epoch_seconds(Clock::now());
    const pid_t child = ::fork();
    if (child == 0) { // as the original's writer: open, append, close
        for (int i = 0; i < lines; ++i) {
            std::ofstream{file, std::ios::app} << now << " A B C 1.2." << i << " 1 MR\n1 old\n";
            ::usleep(500);
        }
        ::_exit(0);
    }
    int status = 0;
    while (::waitpid(child, &status, WNOHANG) == 0) {
        list.remove_old(Clock::now(), std::chrono::hours{1}, Mode::apply);
    }
    list.remove_old(Clock::now(), std::chrono::hours{1}, Mode::apply);

    CHECK(list.lines().size() == lines);
}

TEST_CASE("what a writer that opened the list before puts into it later is not lost")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    write_file(file, "100 A B C 1.2.3 1 MR\n");
    const IncomingList list{file};
    std::ofstream page{file, std::ios::app};

    list.put(line("1.2.4"));
    page << "200 A B C 1.2.5 1 MR\n" << std::flush;
    list.put(line("1.2.6"));

    CHECK(list.lines().size() == 4);
}

TEST_CASE("writers that are killed at any moment leave every line whole")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    const IncomingList list{file};
    for (unsigned round = 0; round < 10; ++round) {
        list.put(line("1.2.3", round + 1));
        const pid_t child = ::fork();
        if (child == 0) {
            for (unsigned i = 0;; ++i) {
                list.put(line("1.2.4." + std::to_string(i % 50), i));
            }
        }
        ::usleep(3000);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        const auto content = read_file(file);
        CHECK(content.ends_with('\n'));
        const auto lines = list.lines();
        CHECK(static_cast<std::ptrdiff_t>(lines.size())
              == std::count(content.begin(), content.end(), '\n'));
        CHECK(lines[0].arrived == round + 1);
    }
}

TEST_CASE("a line whose time our clock cannot hold is unreadable, and stays")
{
    const TempDir directory;
    const auto file = directory / "incoming.txt";
    const auto* const time = GENERATE("9223372036854775807", "9000000001", "-1");
    const auto text = std::string{time} + " A B host 1.2.3 1 MR\n";
    store::write_file(file, text);
    const IncomingList list{file};

    CHECK(list.lines().empty());
    list.put({1, "A", "B", "host", StudyUid{"1.2.4"}, 1, "MR", ""});
    CHECK(list.lines().size() == 1);
    CHECK_THAT(read_file(file), Catch::Matchers::Contains(text));
}
