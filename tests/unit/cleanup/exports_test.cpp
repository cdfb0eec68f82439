// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/cleanup/exports.h"
#include "libfiona/cleanup/report.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/ranges.h>

#include <fstream>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
using cleanup::ClearExportsOrder;
namespace fs = std::filesystem;

namespace {

void age(const fs::path& path, std::chrono::minutes minutes)
{
    fs::last_write_time(path, fs::file_time_type::clock::now() - minutes);
}

struct Exports {
    Exports()
    {
        order.mode = Mode::apply;
        order.now = Clock::now();
        fs::create_directories(files);
    }
    void put(const std::string& name, std::chrono::minutes minutes) const
    {
        std::ofstream{files / name} << std::string(8192, 'x');
        age(files / name, minutes);
    }
    void work(const std::string& name, std::chrono::minutes minutes) const
    {
        fs::create_directories(base / name / "Baseline/DICOM");
        std::ofstream{base / name / "Baseline/DICOM/a b'c"} << "x";
        for (const auto* const inner : {"Baseline/DICOM/a b'c", "Baseline/DICOM", "Baseline", ""}) {
            age(base / name / inner, minutes);
        }
    }
    [[nodiscard]] std::set<std::string> names() const
    {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator{files}) {
            names.insert(entry.path().filename());
        }
        return names;
    }
    /// The disk is as full as there are zips: 10 % each, and `others`.
    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    cleanup::ClearExportsReport clear() const
    {
        return cleanup::clear_exports(base, order, [this] {
            constexpr std::uint64_t percent = 1'000'000;
            constexpr std::uint64_t size = 100 * percent;
            std::uint64_t used = others * percent;
            for (const auto& name : names()) {
                used += name.ends_with(".zip") ? 10 * percent : 0;
            }
            return store::DiskSpace{
                .free_bytes = size - used, .total_bytes = size, .used_bytes = used};
        });
    }

    TempDir root;
    fs::path base = root / "Export";
    fs::path files = base / "files";
    ClearExportsOrder order;
    std::uint64_t others = 70; ///< percent
};

constexpr std::chrono::minutes day{24 * 60};

} // namespace

TEST_CASE("clear_exports removes the oldest packages, each whole, until the goal is met")
{
    const Exports exports;
    exports.put("DEMO_D_1_e_1.2_ACC_PURE.zip", 3 * day);
    exports.put("DEMO_D_1_e_1.2_ACC_PURE.md5", 3 * day);
    exports.put("DEMO_D_1_e_1.2_ACC_PURE_encrypted.7z", 3 * day);
    exports.put("$(rm -rf x); \"'\n.zip", 2 * day);
    exports.put("young.zip", day);
    exports.put("of a person.txt", 90 * day);

    const auto report = exports.clear();

    CHECK(report.used_before == 100);
    CHECK(report.used_after == 90);
    CHECK(report.is_goal_reached);
    REQUIRE(report.removed.size() == 1);
    CHECK(report.removed[0].amount.files == 3);
    CHECK(exports.names()
          == std::set<std::string>{"$(rm -rf x); \"'\n.zip", "young.zip", "of a person.txt"});
    CHECK(exports.clear().removed.empty());
    CHECK_THAT(fmt::format("{}", fmt::join(as_lines(report, Mode::apply), "\n")),
               !Contains("D_1") && Contains("removed 1 items"));
}

TEST_CASE("clear_exports: a package that is young, or being fetched, stays though the disk is full")
{
    Exports exports;
    exports.others = 85;
    exports.put("a.zip", std::chrono::minutes{30});

    const auto report = exports.clear();

    CHECK(report.removed.empty());
    CHECK(report.packages == 1);
    CHECK_FALSE(report.is_goal_reached);
}

TEST_CASE("clear_exports: a dry run names what would go and changes nothing")
{
    Exports exports;
    exports.order.mode = Mode::dry_run;
    exports.put("a.zip", 3 * day);
    exports.put("b.md5", 3 * day);
    exports.work("tmp_1", 2 * day);
    exports.others = 85;

    const auto report = exports.clear();

    CHECK(report.removed.size() == 3);
    CHECK(report.freed.files == 3);
    CHECK(exports.names().size() == 2);
    CHECK(fs::exists(exports.base / "tmp_1/Baseline/DICOM/a b'c"));
}

TEST_CASE("clear_exports removes what belongs to no package, each kind after its time")
{
    const Exports exports;
    exports.put("old_encrypted.7z", 8 * day);
    exports.put("old.md5", 8 * day);
    exports.put("new_encrypted.7z", 6 * day);
    exports.put("sum.md5", 2 * day);
    exports.put("fresh.md5", std::chrono::minutes{90});
    exports.put("died.zip.part", 2 * day);
    exports.put("growing.zip.part", std::chrono::minutes{5});

    exports.clear();

    CHECK(exports.names()
          == std::set<std::string>{"new_encrypted.7z", "fresh.md5", "growing.zip.part"});
}

TEST_CASE("clear_exports removes working directories of the dead, not of the living or slow")
{
    const Exports exports;
    exports.work("tmp_1", 2 * day);
    exports.work("tmp_2", 2 * day);
    age(exports.base / "tmp_2/Baseline/DICOM/a b'c", std::chrono::minutes{10}); // a long pull
    exports.work("tmp_3", 2 * day);
    const FileLock owner{exports.base / "tmp_3/.lock"};
    age(exports.base / "tmp_3/.lock", 2 * day);
    age(exports.base / "tmp_3", 2 * day);
    exports.work("other", 90 * day);
    fs::create_directories(exports.base / ".trash/tmp_0/half"); // killed

    const auto report = exports.clear();

    CHECK(report.in_work == 2);
    CHECK_FALSE(fs::exists(exports.base / "tmp_1"));
    CHECK(fs::exists(exports.base / "tmp_2"));
    CHECK(fs::exists(exports.base / "tmp_3"));
    CHECK(fs::exists(exports.base / "other"));
    CHECK(fs::is_empty(exports.base / ".trash"));
}

TEST_CASE("clear_exports: a working directory that cannot go does not stop the rest")
{
    const Exports exports;
    exports.work("tmp_2", 2 * day);
    exports.put("old.md5", 3 * day);
    fs::path stays;
    SECTION("its lock cannot be opened: its owner may live")
    {
        stays = exports.base / "tmp_1";
        exports.work("tmp_1", 2 * day);
        fs::create_symlink("nowhere", stays / ".lock");
        age(stays, 2 * day);
    }
    SECTION("it was left in the trash, and is too deep")
    {
        stays = exports.base / ".trash/tmp_1";
        auto inner = stays;
        constexpr int levels = 501;
        for (int level = 0; level < levels; ++level) {
            inner /= "d";
        }
        fs::create_directories(inner);
    }

    const auto report = exports.clear();

    CHECK(report.failed == 1);
    CHECK(report.trouble);
    CHECK(fs::exists(stays));
    CHECK_FALSE(fs::exists(exports.base / "tmp_2"));
    CHECK(exports.names().empty());
}

TEST_CASE("clear_exports removes nothing when the disk cannot be read or the base is away")
{
    const Exports exports;
    exports.put("a.zip", 3 * day);
    exports.work("tmp_1", 2 * day);
    const auto no_disk = []() -> store::DiskSpace { throw Error{Fault::io, "no disk"}; };

    CHECK_THROWS_WITH(cleanup::clear_exports(exports.base, exports.order, no_disk),
                      Contains("no disk"));
    CHECK(fs::exists(exports.files / "a.zip"));
    CHECK(fs::exists(exports.base / "tmp_1"));
    CHECK_THROWS_AS(
        cleanup::clear_exports(exports.root / "not mounted/Export", exports.order, no_disk), Error);
    CHECK(cleanup::clear_exports(exports.root / "never used", exports.order, no_disk)
              .is_goal_reached);
}
