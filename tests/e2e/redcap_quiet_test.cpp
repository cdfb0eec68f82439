// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"
#include "libfiona/base/files.h"
#include "tests/e2e/ingest_site.h"
#include "tests/e2e/redcap_site.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_and_time_count = false;
#else
constexpr bool memory_and_time_count = true;
#endif

/// Everything that runs each minute and talks to REDCap; those that are not built do not count.
std::vector<std::string> tools_of_every_minute()
{
    std::vector<std::string> tools{"fiona-populate-incoming", "fiona-populate-autoid",
                                   "fiona-create-transfer-requests", "fiona-anonymize-send",
                                   "fiona-populate-projects"};
    std::erase_if(tools, [](const auto& tool) { return !has_tool(tool); });
    return tools;
}

struct Minute {
    double cpu_seconds = 0;
    double wall_seconds = 0;
    double most_megabytes = 0;
    unsigned calls = 0;
    unsigned most_of_one_project = 0;
    std::string by_project;
};

Minute run_all(GrownSite& site)
{
    Minute minute;
    for (const auto& tool : tools_of_every_minute()) {
        const auto run = site.run(tool);
        CAPTURE(tool, run.err);
        CHECK(run.exit_code == 0);
        minute.cpu_seconds += run.cpu_seconds;
        minute.wall_seconds += run.wall_seconds;
        minute.most_megabytes = std::max(minute.most_megabytes, run.most_megabytes);
    }
    for (const auto& [project, calls] : site.calls()) {
        minute.calls += calls;
        minute.most_of_one_project = std::max(minute.most_of_one_project, calls);
        minute.by_project += fmt::format(" {}={}", project, calls);
    }
    return minute;
}

/// Every byte below state/.
std::string remembered(const GrownSite& site)
{
    std::string bytes;
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator{site.site().config().paths.state()}) {
        if (entry.is_regular_file()) {
            bytes += fiona::read_file(entry.path(), std::size_t{1} << 30U);
        }
    }
    return bytes;
}

} // namespace

TEST_CASE("a quiet minute of all tools costs a call for each project, not for each study")
{
    const SiteSize size = is_full_run() ? SiteSize{5000, 1000, 80} : SiteSize{};
    GrownSite site{size};

    const auto first = run_all(site);
    site.later(10min); // long after what the first run wrote
    const auto second = run_all(site);
    site.later(1min);
    const auto usual = run_all(site);
    site.later(15min); // also the dictionary and the log are due
    const auto worst = run_all(site);

    for (const auto& minute : {usual, worst}) {
        CAPTURE(minute.by_project);
        CHECK(minute.most_of_one_project <= 2);
        CHECK(minute.calls <= 10);
        if (memory_and_time_count) {
            CHECK(minute.cpu_seconds < 2);
        }
    }
    if (memory_and_time_count) {
        CHECK(first.wall_seconds < 60);
        CHECK(std::max({first.most_megabytes, usual.most_megabytes, worst.most_megabytes}) < 100);
    }
    const auto bytes = remembered(site);
    const auto uid = GrownSite::study(1);
    CHECK(bytes.find(uid.str()) != std::string::npos);
    for (const auto& secret : {fmt::format("TESTID{}", uid), fmt::format("DOE^{}", uid),
                               fiona::sha256_hex(fmt::format("TESTID{}", uid)),
                               fmt::format("ACC{}", uid), site.token(1)}) {
        CHECK(bytes.find(secret) == std::string::npos);
    }
    WARN(fmt::format("{} studies, {} tools: first run {:.1f} s ({} calls, {:.0f} MB); after it {} "
                     "calls; quiet minute {:.2f} s of CPU, {} calls{}; with all that is due {:.2f} "
                     "s, {} calls{}; {:.0f} MB",
                     size.studies, tools_of_every_minute().size(), first.wall_seconds, first.calls,
                     first.most_megabytes, second.calls, usual.cpu_seconds, usual.calls,
                     usual.by_project, worst.cpu_seconds, worst.calls, worst.by_project,
                     worst.most_megabytes));
}
