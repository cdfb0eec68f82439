// SPDX-License-Identifier: MIT
// A site that is full of studies: 15,000, or 300,000 with FIONA_TEST_FULL=1.
#include "libfiona/base/files.h"
#include "tests/support/receiver_site.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/small_disk.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <cstdlib>
#include <iostream>

using namespace fiona;
namespace fs = std::filesystem;
using Seconds = std::chrono::duration<double>;

namespace {

int number_of_studies()
{
    const auto* const wish = std::getenv("FIONA_TEST_FULL"); // NOLINT(concurrency-mt-unsafe) alone
    constexpr int some = 15'000;
    constexpr int all = 300'000;
    return wish != nullptr && std::string_view{wish} == "1" ? all : some;
}

/// One object for each study, sorted, a month old; no fsync: it is the tree that is looked at.
void add(const Paths& paths, int number)
{
    const auto study = fmt::format("1.2.826.0.1.3680043.2.1125.{}", number);
    const auto archive = paths.archive() / ("scp_" + study);
    const auto series = paths.raw() / study / (study + ".1");
    const auto person = paths.participants() / fmt::format("TESTID{}", number);
    for (const auto& directory : {archive, series, person}) {
        fs::create_directories(directory);
    }
    const auto object = archive / ("MR." + study + ".1.1");
    std::ofstream{object} << "no image";
    fs::create_symlink(object, series / (study + ".1.1"));
    std::ofstream{paths.raw() / study / (study + ".1.json")} << R"({"NumFiles": "1"})";
    fs::create_symlink(paths.raw() / study, person / "20240102_101500");
    const auto when = fs::file_time_type::clock::now() - std::chrono::hours{24 * 30};
    fs::last_write_time(object, when);
    fs::last_write_time(archive, when);
}

} // namespace

TEST_CASE("a tree of many studies: daemons start at once, cleaners and reconciliation take seconds")
{
    const auto studies = number_of_studies();
    Site site;
    site.set("DICOMPORT", free_port());
    site.set("RECEIVER", json::Object{{"bind", "127.0.0.1"},
                                      {"soft_free_share", 0},
                                      {"soft_free_bytes", 0},
                                      {"hard_free_share", 0},
                                      {"hard_free_bytes", 0}});
    site.start_redcap();
    const auto paths = site.config().paths;
    const SmallDisk disk{paths.data, "4g,nr_inodes=5000000"};
    if (!disk.is_mounted()) {
        skip("only root mounts a small disk");
        return;
    }
    for (const auto& directory : site::directories(paths)) {
        fs::create_directories(directory.path);
    }
    for (int number = 0; number < studies; ++number) {
        add(paths, number);
    }
    const store::Spool spool{paths.spool()};
    const auto seconds_of = [&](const std::string& tool, const std::vector<std::string>& words) {
        const auto start = std::chrono::steady_clock::now();
        const auto run = site.run(tool, words);
        const Seconds took = std::chrono::steady_clock::now() - start;
        std::cout << fmt::format("{} studies: {} {} {:.2f} s\n", studies, tool,
                                 fmt::join(words, " "), took.count());
        CAPTURE(tool, run.err);
        CHECK((run.exit_code == EX_OK || run.exit_code == 2)); // 2: a goal that was not reached
        return took.count();
    };
    const double budget = 20.0 + 100.0 * studies / 300'000; // of whoever looks at all of them

    CHECK(seconds_of("fiona-storescp", {"start"}) < 5);
    CHECK(raw::Association{site.config().receiver.port}.echo() == 0x0000);
    CHECK(seconds_of("fiona-process-file", {"start"}) < 5);
    CHECK(seconds_of("fiona-detect-arrival", {}) < 5);
    CHECK(seconds_of("fiona-process-file", {"stop"}) < 10);
    CHECK(seconds_of("fiona-storescp", {"stop"}) < 10);
    CHECK(seconds_of("fiona-process-file", {"reconcile"}) < budget);
    CHECK(seconds_of("fiona-clear-stale-links", {"--dry-run"}) < budget);
    CHECK(seconds_of("fiona-clear-old", {"--max-used", "1", "--dry-run"}) < budget);
    CHECK(fs::exists(paths.archive() / "scp_1.2.826.0.1.3680043.2.1125.0"));
}
