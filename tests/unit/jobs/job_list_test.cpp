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

#include <sys/resource.h>

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
        lines.push_back(json::parse(line, "line"));
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
