// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/incoming_list.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

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
