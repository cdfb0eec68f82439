// SPDX-License-Identifier: MIT
// Clocks that jump, and the nights on which they are changed: nothing goes before its time.
#include "tests/support/full_site.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

using namespace fiona;
using Catch::Matchers::Contains;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

constexpr auto library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
constexpr int goal_not_reached = 2; // there is the assigned study

/// The tools of a site whose clock is off by so much; the kernel's own is not.
class WrongClock {
public:
    explicit WrongClock(std::chrono::seconds by, const std::string& zone = "UTC")
        : m_environment{std::string{"LD_PRELOAD="} + library,
                        fmt::format("FAKETIME={:+}", by.count()), "DONT_FAKE_MONOTONIC=1",
                        "TZ=" + zone}
    {
    }
    [[nodiscard]] Outcome run(const FullSite& full, const std::string& tool) const
    {
        return run_tool(tool, {"--max-used", "1", "--config", full.site().config_file().native()},
                        m_environment);
    }

private:
    std::vector<std::string> m_environment;
};

bool is_possible(const FullSite& full)
{
    if (!fs::exists(library)) {
        skip("libfaketime is not here");
        return false;
    }
    return full.is_possible();
}

/// A package of half an hour's age, on the disk that is too full.
fs::path put_package(const FullSite& full)
{
    const auto file = full.site().config().paths.export_root / "Export/files/1.zip";
    fs::create_directories(file.parent_path());
    std::ofstream{file} << "a package";
    fs::last_write_time(file, fs::file_time_type::clock::now() - 30min);
    return file;
}

/// Seconds from now to noon of a day, UTC.
std::chrono::seconds until(std::chrono::year_month_day day)
{
    return std::chrono::floor<std::chrono::seconds>(
        std::chrono::sys_days{day} + 12h
        - std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now()));
}

} // namespace

TEST_CASE("a clock that jumps makes nothing older: an hour back, a year forward, a decade back")
{
    const auto jump = GENERATE(std::chrono::minutes{-61}, std::chrono::minutes{24h * 365},
                               std::chrono::minutes{-24h * 3650});
    const FullSite full;
    if (!is_possible(full)) {
        return;
    }
    full.add(1, 1h); // nobody wants it, and it is too young to go
    const auto package = put_package(full);
    const WrongClock right{0s};
    REQUIRE(right.run(full, "fiona-clear-old").exit_code == goal_not_reached);
    // Packages may lie on a disk that is nearly empty.
    const auto exports = right.run(full, "fiona-clear-exports").exit_code;
    REQUIRE((exports == goal_not_reached || exports == EX_OK));

    for (int run = 0; run < 2; ++run) {
        for (const auto* const tool : {"fiona-clear-old", "fiona-clear-exports"}) {
            const auto wrong = WrongClock{jump}.run(full, tool);
            CAPTURE(tool, wrong.err);
            CHECK(wrong.exit_code == EX_TEMPFAIL);
            CHECK_THAT(wrong.err, Contains("the clock has jumped"));
        }
    }
    CHECK(full.parts(1) == 2);
    CHECK(full.parts(FullSite::assigned) == 2);
    CHECK(fs::exists(package));

    // Set right again, all goes on; what is old enough goes.
    full.add(2);
    CHECK(right.run(full, "fiona-clear-old").exit_code == goal_not_reached);
    CHECK(full.parts(1) == 2);
    CHECK(full.parts(2) == 0);
}

TEST_CASE("less than an hour back is no jump, and still nothing goes before its time")
{
    const FullSite full;
    if (!is_possible(full)) {
        return;
    }
    full.add(1, 24h + 30min); // old enough now, too young by a clock that is 59 minutes late
    full.add(2);
    REQUIRE(WrongClock{-59min}.run(full, "fiona-clear-exports").exit_code != EX_TEMPFAIL);

    CHECK(WrongClock{-59min}.run(full, "fiona-clear-old").exit_code == goal_not_reached);
    CHECK(full.parts(1) == 2);
    CHECK(full.parts(2) == 0);

    CHECK(WrongClock{0s}.run(full, "fiona-clear-old").exit_code == goal_not_reached);
    CHECK(full.parts(1) == 0);
}

TEST_CASE("a leap second, by which the clock is set back or smeared, disturbs nobody")
{
    const FullSite full;
    if (!is_possible(full)) {
        return;
    }
    full.add(1, 1h);
    full.add(2);
    REQUIRE(WrongClock{0s}.run(full, "fiona-clear-exports").exit_code != EX_TEMPFAIL);

    CHECK(WrongClock{-1s}.run(full, "fiona-clear-old").exit_code == goal_not_reached);
    CHECK(WrongClock{1s}.run(full, "fiona-clear-old").exit_code == goal_not_reached);

    CHECK(full.parts(1) == 2);
    CHECK(full.parts(2) == 0);
}

TEST_CASE("the day on which the clocks are changed is as long as any other for what is to go")
{
    using namespace std::chrono;
    // Noon of the day: a day before was 25 hours ago by the sun in autumn, 23 in spring.
    const auto day =
        GENERATE(year_month_day{2025y / October / 26d}, year_month_day{2026y / March / 29d});
    const FullSite full;
    if (!is_possible(full)) {
        return;
    }
    const auto shift = until(day);
    const auto age = [&](minutes on_that_day) {
        return on_that_day - duration_cast<minutes>(shift); // by our own clock
    };
    full.add(1, age(23h + 40min));
    full.add(2, age(24h + 20min));
    fs::remove(full.paths().status() / "clock-clear-old.json");

    const auto run = WrongClock{shift, "Europe/Oslo"}.run(full, "fiona-clear-old");

    CAPTURE(run.err);
    CHECK(run.exit_code == goal_not_reached);
    CHECK(full.parts(1) == 2);
    CHECK(full.parts(2) == 0);
}
