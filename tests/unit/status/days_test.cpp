// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/status/days.h"
#include "libfiona/status/history.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

const TimePoint noon = *parse_local_minute("2026-03-10 12:00");

struct AuditSite : SortedSite {
    AuditSite() { fs::create_directories(paths.logs()); }

    [[nodiscard]] fs::path audit() const { return paths.logs() / "transfers-audit.jsonl"; }
    void add(TimePoint when, const std::string& error = {}) const
    {
        std::ofstream{audit(), std::ios::app} << json::write(
            json::Object{{"time", iso8601_utc(when)},
                         {"error", error},
                         {"bytes", 100},
                         {"counts", json::Object{{"stored", 3}, {"held", 1}, {"masked", 2}}}})
                                              << "\n";
    }
    [[nodiscard]] status::Days days(const std::vector<store::IncomingLine>& arrivals = {}) const
    {
        return status::update_days(paths, arrivals, noon, Mode::apply);
    }
};

std::vector<store::IncomingLine> arrived(std::vector<TimePoint> times)
{
    std::vector<store::IncomingLine> lines;
    for (const auto when : times) {
        lines.push_back({epoch_seconds(when), "A", "B", "h", StudyUid{"1.2.3"}, 1, "MR", ""});
    }
    return lines;
}

status::HistoryPoint at(TimePoint when, std::uint64_t used = 50)
{
    status::HistoryPoint point;
    point.when = when;
    point.disk_used_bytes = used;
    point.disk_total_bytes = 100;
    return point;
}

} // namespace

TEST_CASE("transfers are counted by day, each line of the audit once")
{
    const AuditSite site;
    site.add(noon - 24h);
    site.add(noon);
    site.add(noon, "refused");
    static_cast<void>(site.days());
    site.add(noon);

    const auto days = site.days();

    CHECK(days.days.at("2026-03-09").sent == 1);
    CHECK(days.days.at("2026-03-10").sent == 2);
    CHECK(days.days.at("2026-03-10").failed == 1);
    CHECK(days.days.at("2026-03-10").images == 9);
    CHECK(days.total.bytes == 400);
    CHECK(site.days().total == days.total);
}

TEST_CASE("a rotation of the audit loses no line, and a torn line waits for its end")
{
    const AuditSite site;
    site.add(noon);
    static_cast<void>(site.days());
    site.add(noon);
    fs::rename(site.audit(), site.audit().native() + ".1");
    site.add(noon);
    std::ofstream{site.audit(), std::ios::app} << R"({"time": "2026-03-10T1)";

    CHECK(site.days().total.sent == 3);

    std::ofstream{site.audit(), std::ios::app} << "1:00:00Z\"}\n";
    CHECK(site.days().total.sent == 4);
    fs::resize_file(site.audit(), 0);
    site.add(noon);
    CHECK(site.days().total.sent == 5);
}

TEST_CASE("arrivals stay counted when their lines have gone")
{
    const AuditSite site;

    CHECK(site.days(arrived({noon, noon, noon - 24h})).days.at("2026-03-10").arrived == 2);
    CHECK(site.days(arrived({noon})).days.at("2026-03-10").arrived == 2);
    CHECK(site.days(arrived({noon, noon, noon})).days.at("2026-03-10").arrived == 3);
    CHECK(site.days().total.arrived == 4);
}

TEST_CASE("a dry run counts and remembers nothing, and a damaged memory begins again")
{
    const AuditSite site;
    site.add(noon);

    CHECK(status::update_days(site.paths, {}, noon, Mode::dry_run).total.sent == 1);
    CHECK_FALSE(fs::exists(site.paths.state() / "status"));

    static_cast<void>(site.days());
    std::ofstream{site.paths.state() / "status" / "days.json"} << "{\"days\": ";
    CHECK(site.days().total.sent == 1);
}

TEST_CASE("an audit that cannot be read is no sign that nothing was sent, and is not forgotten")
{
    const AuditSite site;
    site.add(noon);
    static_cast<void>(site.days());
    fs::rename(site.audit(), site.audit().string() + ".old"); // its inode is not used again
    fs::create_directory(site.audit());

    CHECK_THROWS_AS(site.days(), Error);

    fs::remove(site.audit());
    site.add(noon);
    CHECK(site.days().total.sent == 2);
}

TEST_CASE("a memory that cannot be read is not forgotten")
{
    const AuditSite site;
    fs::create_directories(site.paths.state() / "status" / "days.json");

    CHECK_THROWS_AS(site.days(), Error);
}

TEST_CASE("the last days end with today")
{
    CHECK(status::last_days(noon, 3)
          == std::vector<std::string>{"2026-03-08", "2026-03-09", "2026-03-10"});
}

TEST_CASE("the history stays small however long it goes on, and keeps its ends")
{
    const SortedSite site;
    fs::create_directories(site.paths.state() / "status");
    {
        std::ofstream lines{site.paths.state() / "status" / "history.csv"};
        for (auto when = noon - 900 * 24h; when < noon - 70 * 24h; when += 30min) {
            lines << epoch_seconds(when) << ",0,0,0,0,0,0,1,2\n";
        }
        for (auto when = noon - 70 * 24h; when < noon; when += 1min) {
            lines << epoch_seconds(when) << ",0,0,0,0,0,0,1,2\n";
        }
        lines << "torn,1\n";
    }

    const auto history = status::extend_history(site.paths, at(noon), Mode::apply);

    CHECK(history.size() < 3000);
    CHECK(history.size() > 2000);
    CHECK(history.back().when == noon);
    CHECK(history.front().when > noon - 801 * 24h);
    CHECK(status::read_history(site.paths) == history);
}

TEST_CASE("summaries by hand between those of the crontab do not fill the history")
{
    const SortedSite site;
    std::vector<status::HistoryPoint> history;
    for (int second = 0; second < 1200; second += 10) {
        history = status::extend_history(site.paths, at(noon + std::chrono::seconds{second}),
                                         Mode::apply);
    }

    CHECK(history.size() < 8);
    CHECK(history.back().when == noon + 1190s);
}

TEST_CASE("a clock that was set back leaves no history of the future")
{
    const SortedSite site;
    static_cast<void>(status::extend_history(site.paths, at(noon + 24h), Mode::apply));

    CHECK(status::extend_history(site.paths, at(noon), Mode::apply).size() == 1);
}

TEST_CASE("the disk is said to be full when the growth of the last days leads there")
{
    CHECK(status::full_when({at(noon - 48h, 40), at(noon, 60)}) == noon + 96h);
    CHECK_FALSE(status::full_when({at(noon - 48h, 60), at(noon, 60)}));
    CHECK_FALSE(status::full_when({at(noon - 1h, 40), at(noon, 60)}));
    CHECK_FALSE(status::full_when({}));
}
