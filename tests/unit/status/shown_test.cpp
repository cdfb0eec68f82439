// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/status/chart.h"
#include "libfiona/status/prometheus.h"
#include "libfiona/status/report_pages.h"
#include "libfiona/status/summary.h"
#include "libfiona/status/unseen.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>
#include <set>

using namespace fiona;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using status::Part;
using store::KnownRun;
namespace fs = std::filesystem;

namespace {

const TimePoint noon = *parse_local_minute("2026-03-10 12:00");

/// How a site is seen at noon.
status::Summary seen(const SortedSite& site, Mode mode = Mode::dry_run)
{
    Config config;
    config.paths = site.paths;
    return status::summarize(config, {}, noon, mode);
}

void make_unreadable(const fs::path& directory)
{
    fs::remove_all(directory);
    store::write_file(directory, "a file");
}

std::string screen(const status::Summary& summary)
{
    return fmt::format("{}", fmt::join(status::as_lines(summary), "\n"));
}

std::string site_page(const status::Summary& summary)
{
    return status::report_pages(summary, {}).at("index.html");
}

status::JobState job(const std::string& tool, KnownRun::State state, int exit_code)
{
    status::JobState job;
    job.job.name.tool = tool;
    const store::Run run{.name = job.job.name, .host = "h", .pid = 1, .ticks = 1, .started = noon};
    job.run = KnownRun{state, run, store::EndedRun{run, noon, exit_code, {}}};
    return job;
}

status::Chart chart(std::vector<double> values)
{
    status::Chart chart{
        "Objects", {}, [](double value) { return fmt::format("{:g} pieces", value); }};
    for (std::size_t i = 0; i < values.size(); ++i) {
        chart.points.push_back({static_cast<double>(i), values[i], "day " + std::to_string(i)});
    }
    return chart;
}

} // namespace

TEST_CASE("what cannot be looked at is nowhere shown as nothing")
{
    const SortedSite site;
    CHECK(seen(site).unseen.empty());
    make_unreadable(site.paths.requests());
    make_unreadable(site.paths.spool() / "new");
    make_unreadable(site.paths.state() / "runs");

    const auto summary = seen(site);

    CHECK(summary.unseen == std::set{Part::spool, Part::requests, Part::jobs});
    CHECK(status::exit_code_of(summary) == 2);
    CHECK_THAT(screen(summary), Contains("spool      NOT KNOWN") && Contains("requests   NOT KNOWN")
                                    && Contains("jobs       NOT KNOWN") && !Contains("empty"));
    const auto document = status::as_json(summary);
    CHECK(document.find("requests")->is_null());
    CHECK(document.find("spool")->is_null());
    CHECK(document.find("jobs")->is_null());
    CHECK(document.find("unseen")->array().size() == 3);
    CHECK_FALSE(document.find("disks")->is_null());
    CHECK_THAT(status::as_prometheus(summary),
               !Contains("fiona_requests") && !Contains("fiona_spool") && !Contains("fiona_job_")
                   && Contains("fiona_disk_free_bytes{"));
    CHECK_THAT(site_page(summary), Contains(">?</b><span>objects in the spool")
                                       && Contains(">?</b><span>requests waiting"));
    CHECK_THAT(status::report_pages(summary, {}).at("jobs.html"), Contains("cannot be looked at"));
}

TEST_CASE("what nobody knows is not remembered as nothing")
{
    const SortedSite site;
    const auto known = seen(site, Mode::apply).history;
    make_unreadable(site.paths.requests());

    CHECK(seen(site, Mode::apply).history == known);
}

TEST_CASE("an archive that is gone is a trouble, a disk that is not in use is none")
{
    const SortedSite site;
    CHECK(seen(site).knows(Part::disks));

    fs::remove_all(site.paths.archive());

    CHECK_FALSE(seen(site).knows(Part::disks));
    CHECK(status::exit_code_of(seen(site)) == 2);
}

TEST_CASE("arriving studies are counted, not the marks of their series")
{
    const SortedSite site;
    const store::ArrivalMarks marks{site.paths.arrived()};
    for (const auto* const series : {"1.2.3.1", "1.2.3.2"}) {
        marks.touch({"A", "B", "host", StudyUid{"1.2.3"}, SeriesUid{series}});
    }
    marks.touch({"A", "B", "host", StudyUid{"1.2.3"}, std::nullopt});
    marks.touch({"A", "B", "host", StudyUid{"1.2.4"}, std::nullopt});

    CHECK(seen(site).arriving == 2);
}

TEST_CASE("all failures are counted, and a long reason ends with a whole letter")
{
    const SortedSite site;
    constexpr int many = 1200;
    std::string reason = "x";
    for (int i = 0; i < 200; ++i) {
        reason += "å";
    }
    for (int i = 0; i < many; ++i) {
        const auto stem =
            site.paths.failed() / fmt::format("1.2.{}_1_0123456789abcdef.json_fail", i);
        store::AtomicFile{stem.native() + ".log"}.publish();
        store::AtomicFile messages{stem.native() + "_messages.log"};
        messages.write(json::write(json::Object{{"error", reason}}));
        messages.publish();
    }
    Config config;
    config.paths = site.paths;

    const auto summary = status::summarize(config, {}, Clock::now(), Mode::dry_run);

    CHECK(summary.requests.at(status::RequestState::failed).count == many);
    REQUIRE(summary.failures.size() == 1);
    CHECK(summary.failures.begin()->first.size() > 190);
    CHECK(is_utf8(summary.failures.begin()->first));
}

TEST_CASE("of many reasons the most frequent are shown, and that there are more")
{
    std::map<std::string, std::size_t> failures{{"rare", 1}, {"often", 9}, {"now and then", 3}};

    CHECK(status::frequent_reasons(failures, 3)
          == std::vector<std::string>{"9 x often", "3 x now and then", "1 x rare"});
    const auto some = status::frequent_reasons(failures, 2);
    REQUIRE(some.size() == 3);
    CHECK_THAT(some[2], Contains("and 1 more"));
    CHECK(status::frequent_reasons({}, 2).empty());

    status::Summary summary;
    for (int i = 0; i < 5000; ++i) {
        summary.failures["study " + std::to_string(i)] = 1;
    }
    CHECK(status::as_lines(summary).size() < 40);
}

TEST_CASE("a reason for a page holds no UID and no path of a stranger")
{
    const fs::filesystem_error disk{"open", "/raw/DOE^JANE",
                                    std::make_error_code(std::errc::permission_denied)};

    CHECK(status::reason_of(disk) == "Permission denied");
    CHECK_THAT(status::reason_of(Error{Fault::data, "study 1.2.840.1.5.6 is odd"}),
               Contains("is odd") && !Contains("1.2.840.1.5.6"));
    CHECK_THAT(status::reason_of(std::runtime_error{"DOE^JANE"}), !Contains("DOE"));
}

TEST_CASE("the value of a label keeps to its line and is UTF-8, whatever the crontab has")
{
    status::Summary summary;
    summary.when = noon;
    summary.jobs = {job("fiona-x \"q\" \\ \n\xff", KnownRun::State::ended, 0)};

    const auto text = status::as_prometheus(summary);

    CHECK(is_utf8(text));
    CHECK_THAT(text, Contains(R"(fiona_job_last_exit_code{job="fiona-x \"q\" \\ \n?"} 0)"));
}

TEST_CASE("a job is bad when it is late, was killed or failed, and not when it tries again")
{
    using enum KnownRun::State;
    CHECK_FALSE(status::is_bad(job("fiona-cron", ended, 0)));
    CHECK_FALSE(status::is_bad(job("fiona-cron", ended, 75)));
    CHECK_FALSE(status::is_bad(job("fiona-cron", running, 65)));
    CHECK_FALSE(status::is_bad(job("fiona-status", ended, 2))); // what it found
    CHECK_FALSE(status::is_bad({}));                            // never ran, and need not have
    CHECK(status::is_bad(job("fiona-status", ended, 78)));
    CHECK(status::is_bad(job("fiona-cron", ended, 2)));
    CHECK(status::is_bad(job("fiona-cron", killed, 0)));
    auto late = job("fiona-cron", ended, 0);
    late.is_overdue = true;
    CHECK(status::is_bad(late));
}

TEST_CASE("a plot of nothing has no scale, one of a single point shows it, and others are drawn")
{
    CHECK_THAT(status::line_chart(chart({})),
               Contains("nothing known yet") && !Contains("1 pieces"));
    CHECK_THAT(status::bar_chart(chart({0, 0})),
               Contains(">none<") && Contains("0 pieces") && !Contains("1 pieces"));
    CHECK_THAT(status::line_chart(chart({3})),
               Contains("<circle") && Contains("5 pieces") && Contains("day 0"));
    CHECK_THAT(status::line_chart(chart({0})), Contains(">none<") && !Contains("<circle"));
    CHECK_THAT(status::line_chart(chart({3, 4})), Contains("<polyline") && !Contains("<circle")
                                                      && Contains("day 0") && Contains("day 1"));
}

TEST_CASE("a short time of trouble is on the plot, however long the history is")
{
    status::Summary summary;
    summary.when = noon;
    for (int i = 2999; i >= 0; --i) {
        status::HistoryPoint point;
        point.when = noon - i * 5min;
        point.spool = i == 1501 ? 4000 : 1;
        summary.history.push_back(point);
    }

    CHECK_THAT(site_page(summary), Contains(">5000<"));
    summary.history.erase(summary.history.begin() + (2999 - 1501));
    CHECK_THAT(site_page(summary), !Contains(">5000<"));
}

TEST_CASE("ages on the page are in a unit that keeps the labels short")
{
    status::Summary summary;
    summary.when = noon;
    for (int day = 3; day >= 0; --day) {
        status::HistoryPoint point;
        point.when = noon - day * 24h;
        point.request_seconds = 86400U * 30U;
        point.spool_seconds = 90;
        summary.history.push_back(point);
    }

    CHECK_THAT(site_page(summary), Contains(">50 d<") && Contains(">2 min<") && !Contains("e+"));
}
