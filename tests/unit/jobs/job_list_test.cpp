// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/resource.h>

#include <fstream>
#include <set>

using namespace fiona;
using jobs::JobList;

namespace {

jobs::Job job(const std::string& id)
{
    return {.id = id,
            .project = "DEMO",
            .stream = "SEGMENT",
            .image = "demo-seg:1.2",
            .user = "processing",
            .date = TimePoint{std::chrono::seconds{1'750'000'000}},
            .ror_folder = "/tmp/site/proc/scp_1.2.3",
            .destination = {json::Object{{"AETitle", "RESEARCH"}}},
            .options = R"({"-z": 1})",
            .select = "",
            .study = StudyUid{"1.2.3"},
            .series = {SeriesUid{"1.2.3.1"}}};
}

std::vector<json::Value> lines_of(const std::filesystem::path& file)
{
    std::vector<json::Value> lines;
    const auto text = read_file(file);
    for (const auto line : split(trimmed(text), '\n')) {
        if (!line.empty()) { // of an empty file: killed before the first was written
            lines.push_back(json::parse(line, "line"));
        }
    }
    return lines;
}

} // namespace

TEST_CASE("a job is one line with the keys that old readers know")
{
    const TempDir root;
    const JobList list{root / "Workflows" / "workflow_joblist.jobs"};

    CHECK(list.append(job("a")) == JobList::Appended::yes);

    const auto lines = lines_of(list.file());
    REQUIRE(lines.size() == 1);
    const auto& line = lines.front();
    CHECK(line.text("type") == "ror");
    CHECK(line.text("image") == "demo-seg:1.2");
    CHECK(line.text("job_number") == "0");
    CHECK(line.text("date") == "2025-06-15T15:06:40.000000Z");
    CHECK(line.text("ROR_CONT_OPTIONS") == R"({"-z": 1})");
    REQUIRE(line.find("destination") != nullptr);
    CHECK(line.find("destination")->array().at(0).text("AETitle") == "RESEARCH");
    CHECK(line.find("select") == nullptr);
}

TEST_CASE("the same job is in the list once")
{
    const TempDir root;
    const JobList list{root / "jobs"};

    CHECK(list.append(job("a")) == JobList::Appended::yes);
    CHECK(list.append(job("b")) == JobList::Appended::yes);
    CHECK(list.append(job("a")) == JobList::Appended::was_there);

    CHECK(lines_of(list.file()).size() == 2);
}

TEST_CASE("a torn line of a dead writer damages no other")
{
    const TempDir root;
    const JobList list{root / "jobs"};
    store::write_file(list.file(), R"({"type":"ror","job_id":"a)");

    CHECK(list.append(job("a")) == JobList::Appended::yes);

    const auto text = read_file(list.file());
    const auto lines = split(trimmed(text), '\n');
    REQUIRE(lines.size() == 2);
    CHECK(lines[0] == R"({"type":"ror","job_id":"a)");
    CHECK(json::parse(lines[1], "line").text("job_id") == "a");
}

TEST_CASE("writers at the same time lose no line")
{
    const TempDir root;
    const JobList list{root / "jobs"};
    constexpr int each = 50;
    const auto write = [&](const std::string& name) {
        for (int i = 0; i < each; ++i) {
            list.append(job(name + std::to_string(i)));
        }
    };
    ForkedChild other{[&] { write("x"); }};
    write("y");

    CHECK(other.wait() == 0);
    CHECK(lines_of(list.file()).size() == std::size_t{2} * each);
}

TEST_CASE("a disk that is full in the middle of a line leaves the list as it was")
{
    const TempDir root;
    const JobList list{root / "jobs"};
    list.append(job("a"));
    const auto before = read_file(list.file());
    // The limit of file sizes stands for the end of the disk: part of the line still fits.
    ForkedChild writer{[&] {
        std::signal(SIGXFSZ, SIG_IGN);
        const rlimit limit{before.size() + 20, before.size() + 20};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        try {
            list.append(job("b"));
        } catch (const Error&) {
            ::_exit(7);
        }
    }};

    CHECK(writer.wait() == 7);
    CHECK(read_file(list.file()) == before);
}

namespace {

TimePoint now()
{
    return Clock::now();
}

JobList::Settled settled(const JobList::Line& line)
{
    return {.text = line.text,
            .shelf = JobList::Shelf::done,
            .note = {{"state", "done"}, {"job_id", line.job ? line.job->id : ""}}};
}

} // namespace

TEST_CASE("a settled line leaves the list for its shelf, the others stay")
{
    const TempDir root;
    const JobList list{root / "jobs.jobs"};
    for (const auto* const id : {"a", "b", "c"}) {
        list.append(job(id));
    }
    const auto lines = list.lines(now());

    list.settle({settled(lines[1])}, now());
    list.settle({settled(lines[1])}, now()); // killed before it was known to be done

    const auto left = list.lines(now());
    REQUIRE(left.size() == 2);
    CHECK(left[0].job->id == "a");
    CHECK(left[1].job->id == "c");
    const auto shelf = lines_of(list.shelf(JobList::Shelf::done));
    REQUIRE(shelf.size() == 1);
    CHECK(shelf[0].text("job_id") == "b");
    CHECK(shelf[0].text("line") == lines[1].text);
}

TEST_CASE("what a writer without the lock puts into the list of before is brought over")
{
    const TempDir root;
    const JobList list{root / "jobs.jobs"};
    list.append(job("a"));
    list.append(job("b"));
    std::ofstream page{list.file(), std::ios::app}; // open while the list is replaced

    list.settle({settled(list.lines(now()).at(0))}, now());
    page << jobs::as_line(job("late")) << '\n' << std::flush;
    list.gather(now());
    page << jobs::as_line(job("later")) << '\n' << std::flush;
    list.settle({settled(list.lines(now()).at(0))}, now());
    list.gather(now());

    std::vector<std::string> ids;
    for (const auto& line : list.lines(now())) {
        ids.push_back(line.job->id);
    }
    CHECK(ids == std::vector<std::string>{"late", "later"});
    // Nobody keeps a list open for hours.
    list.gather(now() + std::chrono::hours{2});
    CHECK(std::distance(std::filesystem::directory_iterator{root.path}, {}) == 3);
}

TEST_CASE("a line that is being written is let be for a minute")
{
    const TempDir root;
    const JobList list{root / "jobs.jobs"};
    store::write_file(list.file(), jobs::as_line(job("a")) + "\n{\"type\":\"ro");

    CHECK(list.lines(now()).size() == 1);
    const auto later = list.lines(now() + std::chrono::minutes{2});
    REQUIRE(later.size() == 2);
    CHECK_FALSE(later[1].job.has_value());
    CHECK_FALSE(later[1].problem.empty());
}

TEST_CASE("a list whose keeper is killed again and again keeps every line")
{
    const TempDir root;
    const JobList list{root / "jobs.jobs"};
    constexpr int count = 60;
    for (int i = 0; i < count; ++i) {
        list.append(job(fmt::format("j{:02}", i)));
    }
    for (int kill = 0; kill < 100; ++kill) {
        ForkedChild keeper{[&] {
            for (;;) {
                const auto lines = list.lines(now());
                if (lines.empty()) {
                    return;
                }
                list.settle({settled(lines.front())}, now());
            }
        }};
        std::this_thread::sleep_for(std::chrono::microseconds{(kill * 37 % 50) * 100});
        keeper.kill();
        std::set<std::string> known;
        for (const auto& line : list.lines(now())) {
            REQUIRE(line.job.has_value());
            known.insert(line.job->id);
        }
        if (std::filesystem::exists(list.shelf(JobList::Shelf::done))) {
            for (const auto& note : lines_of(list.shelf(JobList::Shelf::done))) {
                known.insert(note.text("job_id"));
            }
        }
        REQUIRE(known.size() == count);
    }
}

TEST_CASE("what was settled long ago leaves the shelf, and nothing younger does")
{
    const TempDir root;
    const JobList list{root / "jobs.jobs"};
    const auto done = list.shelf(JobList::Shelf::done);
    const TimePoint now{std::chrono::seconds{1'750'000'000}};
    const auto line = [&](const std::string& id, std::chrono::hours ago) {
        return json::write(json::Object{{"job_id", id}, {"ended", iso8601_utc(now - ago)}}) + "\n";
    };
    using std::chrono::hours;
    const auto old = line("a", hours{100}) + "{\"torn\n" + line("b", hours{50});
    const auto young = line("c", hours{30}) + "{\"torn\n" + line("d", hours{1}) + "{\"job_id\"";
    store::write_file(done, old + young);

    SECTION("once the first of them is a day older than it may be")
    {
        list.forget(now - hours{40});

        CHECK(read_file(done) == young);
    }
    SECTION("and not before")
    {
        list.forget(now - hours{90});

        CHECK(read_file(done) == old + young);
        CHECK_FALSE(std::filesystem::exists(list.file().native() + ".lock"));
    }
    SECTION("and a shelf without times stays as it is")
    {
        store::write_file(done, "{}\n\nx");

        list.forget(now);

        CHECK(read_file(done) == "{}\n\nx");
    }
}

TEST_CASE("what failed in the last days is counted, and lines that were no job")
{
    const TempDir root;
    const JobList list{root / "jobs.jobs"};
    const TimePoint now{std::chrono::seconds{1'750'000'000}};
    using std::chrono::hours;
    CHECK(list.failed_since(now) == 0); // nothing was ever listed
    const auto line = [&](const std::string& state, hours ago, std::size_t size = 1) {
        return json::write(json::Object{{"state", state},
                                        {"job_id", "a"},
                                        {"line", std::string(size, 'x')},
                                        {"ended", iso8601_utc(now - ago)}})
               + "\n";
    };
    std::string done = line("failed", hours{100}) + line("failed", hours{90}, 2'000'000);
    done += line("failed", hours{50}, 2'000'000); // far from the end
    done += line("done", hours{40}) + line("failed", hours{1}) + "{\"torn\n";
    store::write_file(list.shelf(JobList::Shelf::done), done);
    store::write_file(
        list.shelf(JobList::Shelf::rejected),
        json::write(json::Object{{"reason", "no JSON"}, {"rejected", iso8601_utc(now - hours{2})}})
            + "\n");

    CHECK(list.failed_since(now - hours{72}) == 3);
    CHECK(list.failed_since(now - hours{95}) == 4);
    CHECK(list.failed_since(now - hours{10'000}) == 5);
    CHECK(list.failed_since(now) == 0);
}

TEST_CASE("no id makes the folder of a job that of another, or of its output")
{
    const auto id_of = [](const std::string& id) {
        return jobs::parse_line(
                   json::write(json::Object{{"project", "DEMO"}, {"image", "a"}, {"job_id", id}}))
            .id;
    };

    CHECK(id_of("x-1") == "x-1");
    for (const auto* const id : {"1_x", "x_output", "output", "fetched", "../x", "-x"}) {
        CAPTURE(id);
        CHECK(id_of(id) != id);
        CHECK(id_of(id).size() == 32);
        CHECK(id_of(id) == id_of(id));
    }
}
