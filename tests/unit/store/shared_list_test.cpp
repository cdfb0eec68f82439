// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/shared_list.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <vector>

using namespace fiona;
using namespace fiona::store;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

struct Lists {
    TempDir directory;
    SharedList list{directory / "list", 0644};

    explicit Lists(const std::string& text) { write_file(list.file(), text); }

    [[nodiscard]] std::string text() const { return read_file(list.file()); }
    [[nodiscard]] std::vector<fs::path> olds() const
    {
        std::vector<fs::path> found;
        for (const auto& entry : fs::directory_iterator{directory.path}) {
            if (entry.path().extension() == ".old") {
                found.push_back(entry.path());
            }
        }
        return found;
    }
    /// As a run leaves it that was killed when there was a new list.
    [[nodiscard]] fs::path replaced_by_a_killed_run(const std::string& after) const
    {
        struct stat status {};
        ::stat(list.file().c_str(), &status);
        auto old = directory.path / fmt::format(".list.{}.{}.old", status.st_size, status.st_ino);
        fs::create_hard_link(list.file(), old);
        write_file(list.file(), after);
        return old;
    }
};

TimePoint now()
{
    return Clock::now();
}

} // namespace

TEST_CASE("what is written into the list of before comes into the list, whenever that is")
{
    const Lists lists{"a\nb\n"};
    std::ofstream page{lists.list.file(), std::ios::app};

    lists.list.replace("a\nb\n", "b\n", now());
    page << "late\n" << std::flush;
    lists.list.bring_over(now());
    CHECK(lists.text() == "b\nlate\n");
    lists.list.replace("b\nlate\n", "late\n", now());
    page << "later\n" << std::flush;
    lists.list.bring_over(now() + 30min);

    CHECK(lists.text() == "late\nlater\n");
}

TEST_CASE("a run that was killed anywhere leaves every line, once")
{
    const Lists lists{"a\nb\n"};

    SECTION("before there was a new list")
    {
        struct stat status {};
        ::stat(lists.list.file().c_str(), &status);
        fs::create_hard_link(lists.list.file(),
                             lists.directory.path / fmt::format(".list.4.{}.old", status.st_ino));
        std::ofstream{lists.list.file(), std::ios::app} << "late\n";
        lists.list.bring_over(now());
        CHECK(lists.text() == "a\nb\nlate\n");
        CHECK(lists.olds().empty());
    }
    SECTION("before it looked at the old one")
    {
        const auto old = lists.replaced_by_a_killed_run("b\n");
        std::ofstream{old, std::ios::app} << "late\n";
        lists.list.bring_over(now());
        lists.list.bring_over(now());
        CHECK(lists.text() == "b\nlate\n");
    }
    SECTION("when it had brought the line over and not noted that")
    {
        const auto old = lists.replaced_by_a_killed_run("b\nlate\n");
        std::ofstream{old, std::ios::app} << "late\nlater\n";
        lists.list.bring_over(now());
        CHECK(lists.text() == "b\nlate\nlater\n");
    }
}

TEST_CASE("half a line waits for its other half, or for the end of its writer")
{
    const Lists lists{"a\n"};
    std::ofstream page{lists.list.file(), std::ios::app};
    lists.list.replace("a\n", "", now());

    page << "whole\nha" << std::flush;
    lists.list.bring_over(now());
    CHECK(lists.text() == "whole\n");
    page << "lf\nrest" << std::flush;
    lists.list.bring_over(now());
    CHECK(lists.text() == "whole\nhalf\n");
    page.close();
    lists.list.bring_over(now() + 2min);
    CHECK(lists.text() == "whole\nhalf\nrest\n");
}

TEST_CASE("a line that is half written while the list is replaced is not cut in two")
{
    const Lists lists{"a\nb\nha"};
    std::ofstream page{lists.list.file(), std::ios::app};
    // With or without an end: a caller may have ended it.
    lists.list.replace("a\nb\nha", GENERATE("b\nha", "b\nha\n"), now());

    CHECK(lists.text() == "b\n");
    page << "lf\n" << std::flush;
    lists.list.bring_over(now());
    CHECK(lists.text() == "b\nhalf\n");
    page.close();
    lists.list.bring_over(now() + 5s);
    CHECK(lists.olds().empty());
    CHECK(lists.text() == "b\nhalf\n");
}

TEST_CASE("a line whose end was written since the list was read is not cut in two")
{
    const Lists lists{"a\nb\nhalf\n"};

    lists.list.replace("a\nb\nha", "b\nha", now());

    CHECK(lists.text() == "b\nhalf\n");
}

TEST_CASE("a last line without an end stays when nobody writes it, and goes when it is taken out")
{
    const Lists lists{"a\nb"};
    SECTION("it stays")
    {
        lists.list.replace("a\nb", "b", now());
        CHECK(lists.text() == "b");
    }
    SECTION("it goes")
    {
        lists.list.replace("a\nb", "a\n", now());
        lists.list.bring_over(now());
        CHECK(lists.text() == "a\n");
    }
}

TEST_CASE("the list of before goes when nobody has it open for writing, and after an hour")
{
    const Lists lists{"a\n"};
    std::ofstream page{lists.list.file(), std::ios::app};
    lists.list.replace("a\n", "b\n", now());

    lists.list.bring_over(now() + 30min);
    CHECK(lists.olds().size() == 1);
    SECTION("closed")
    {
        page.close();
        lists.list.bring_over(now() + 5s);
    }
    SECTION("nobody keeps it open for so long")
    {
        lists.list.bring_over(now() + 2h);
    }
    CHECK(lists.olds().empty());
    CHECK(lists.text() == "b\n");
}

TEST_CASE("a new list has the mode that was asked for, one that was there keeps its own")
{
    const TempDir directory;
    const SharedList list{directory / "list", 0664};
    const auto mode = [&] {
        struct stat status {};
        ::stat(list.file().c_str(), &status);
        return status.st_mode & 0777U;
    };

    list.replace("", "a\n", now());
    CHECK(mode() == 0664U);
    ::chmod(list.file().c_str(), 0606);
    list.replace("a\n", "b\n", now());

    CHECK(mode() == 0606U);
    CHECK(read_file(list.file()) == "b\n");
}

TEST_CASE("lines are appended on lines of their own")
{
    const Lists lists{"torn"};

    lists.list.append("a\nb\n");

    CHECK(lists.text() == "torn\na\nb\n");
}
