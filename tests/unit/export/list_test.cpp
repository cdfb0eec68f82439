// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/export/export_list.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <thread>
#include <vector>

namespace fs = std::filesystem;
using namespace fiona;
using namespace fiona::exports;

namespace {

std::string line(const std::string& project, int study, const std::string& more = "")
{
    return fmt::format(
        R"({{"exportType":"PURE", "project":"{}","patientid":"P","studyinstanceuid":"1.2.{}",)"
        R"("accessionnumber":"A","event":""{}}})",
        project, study, more);
}

struct Lists {
    TempDir directory;
    ExportList list{directory / "list.jobs", directory / "failed.jobs"};

    void put(const std::string& text) const { std::ofstream{directory / "list.jobs"} << text; }
    [[nodiscard]] std::string text() const { return read_file(directory / "list.jobs"); }
    [[nodiscard]] std::string failed() const
    {
        return read_file_if_any(directory / "failed.jobs").value_or("");
    }
};

const ExportList::Wish now{Clock::now()};

} // namespace

TEST_CASE("lines of others keep their bytes and their order, whatever they are")
{
    const Lists lists;
    const std::string before =
        "\n  odd \xff bytes\n{\"torn\": \n" + line("OTHER", 9, R"(,"later":{"a" : 1 })");
    const std::string behind = "\r\n[]\n{\"project\":\"X\"}\nno end";
    lists.put(before + "\n" + line("DEMO", 1) + "\n" + behind);

    const auto job = lists.list.claim({.now = Clock::now(), .last = {{"OTHER", 5}}});
    REQUIRE(job);
    CHECK(job->project == "DEMO");
    CHECK(lists.text().starts_with(before + "\n"));
    CHECK(lists.text().ends_with("\n" + behind));
    lists.list.finish(*job);

    CHECK(lists.text() == before + "\n" + behind);
}

TEST_CASE(
    "the fewest attempts come first, then the project that waits longest, then the oldest line")
{
    const Lists lists;
    lists.put(line("A", 1, R"(,"downloadAttempts":2)") + "\n" + line("B", 2) + "\n" + line("C", 3)
              + "\n" + line("C", 4) + "\n");
    std::vector<std::string> order;
    while (const auto job =
               lists.list.claim({.now = Clock::now(), .last = {{"B", 100}, {"C", 50}}})) {
        order.push_back(job->study.str());
    }
    CHECK(order == std::vector<std::string>{"1.2.3", "1.2.4", "1.2.2", "1.2.1"});
}

TEST_CASE(
    "a job of a process that lives is nobody else's, and comes back when that process is dead")
{
    const Lists lists;
    lists.put(line("DEMO", 1) + "\n" + line("DEMO", 1) + "\n");

    const auto first = lists.list.claim(now);
    REQUIRE(first);
    CHECK_FALSE(lists.list.claim(now)); // neither it nor its twin
    CHECK(lists.list.read().jobs.front().state == ExportJob::State::running);

    const auto text = lists.text();
    const auto pid = fmt::format("\"pid\":{}", ::getpid());
    auto of_the_dead = text;
    of_the_dead.replace(of_the_dead.find(pid), pid.size(), "\"pid\":4194303");
    lists.put(of_the_dead);

    CHECK(lists.list.read().jobs.front().state == ExportJob::State::queued);
    CHECK(lists.list.claim(now));
}

TEST_CASE("what was asked for twice is done once")
{
    const Lists lists;
    lists.put(line("DEMO", 1) + "\n" + line("DEMO", 2) + "\n" + line("DEMO", 1) + "\n");
    const auto job = lists.list.claim(now);
    REQUIRE(job);

    lists.list.finish(*job);

    CHECK(lists.text() == line("DEMO", 2) + "\n");
}

TEST_CASE("a released job has its counts, waits for its time, and keeps keys that we do not know")
{
    const Lists lists;
    lists.put(line("DEMO", 1, R"(,"colour":"red")") + "\n");
    auto job = lists.list.claim(now);
    REQUIRE(job);
    job->attempts = 2;
    job->last_error = "not all came";
    job->not_before = now.now + std::chrono::hours{1};

    lists.list.release(*job);

    CHECK_FALSE(lists.list.claim(now));
    const auto later = lists.list.claim({.now = now.now + std::chrono::hours{2}});
    REQUIRE(later);
    CHECK(later->attempts == 2);
    CHECK(later->last_error == "not all came");
    CHECK(lists.text().find("\"colour\":\"red\"") != std::string::npos);
}

TEST_CASE("a job that is given up is in the failed list once, also after a crash in between")
{
    const Lists lists;
    lists.put(line("DEMO", 1) + "\n");
    auto job = lists.list.claim(now);
    REQUIRE(job);
    const auto claimed = lists.text();
    job->last_error = "why";

    lists.list.give_up(*job, now.now);
    CHECK(lists.text().empty());
    lists.put(claimed); // as if the second step had not been made
    lists.list.give_up(*job, now.now);

    CHECK(lists.text().empty());
    CHECK(std::ranges::count(lists.failed(), '\n') == 1);
    CHECK(lists.list.read().failed == 1);
}

TEST_CASE("the same request is added once, after a torn line on a line of its own")
{
    const Lists lists;
    lists.put("torn");
    const auto job = read_job(json::parse(line("DEMO", 1), "line"));

    CHECK(lists.list.add(job, now.now) == ExportList::Added::yes);
    CHECK(lists.list.add(job, now.now) == ExportList::Added::was_there);

    CHECK(lists.text().starts_with("torn\n{"));
    CHECK(std::ranges::count(lists.text(), '\n') == 2);
    CHECK(lists.list.read().jobs.size() == 1);
    CHECK(lists.list.read().unreadable == 1);
}

TEST_CASE("the mode of the list stays: the Export page writes it as another user")
{
    const Lists lists;
    lists.put(line("DEMO", 1) + "\n");
    ::chmod((lists.directory / "list.jobs").c_str(), 0666);
    static_cast<void>(lists.list.claim(now));
    struct stat status {};
    ::stat((lists.directory / "list.jobs").c_str(), &status);
    CHECK((status.st_mode & 0777U) == 0666U);
}

TEST_CASE("what the Export page writes into a list that it opened before is not lost")
{
    const Lists lists;
    lists.put(line("DEMO", 1) + "\n");
    std::ofstream page{lists.list.file(), std::ios::app};

    const auto job = lists.list.claim(now); // the list is a new file
    REQUIRE(job);
    page << line("DEMO", 2) << "\n" << std::flush;
    lists.list.finish(*job);

    CHECK(lists.text() == line("DEMO", 2) + "\n");
}

TEST_CASE("many writers lose no line")
{
    const Lists lists;
    {
        std::vector<std::jthread> writers;
        for (int writer = 0; writer < 4; ++writer) {
            writers.emplace_back([&, writer] {
                for (int i = 0; i < 10; ++i) {
                    lists.list.add(read_job(json::parse(line("DEMO", writer * 100 + i), "line")),
                                   now.now);
                }
            });
        }
    }
    CHECK(lists.list.read().jobs.size() == 40);
    std::size_t done = 0;
    while (const auto job = lists.list.claim(now)) {
        lists.list.finish(*job);
        ++done;
    }
    CHECK(done == 40);
    CHECK(lists.text().empty());
}

TEST_CASE("the password of a job is what was encoded, with a line end too")
{
    const auto* const text = GENERATE("c2VjcmU=", "c2VjcmU=\\n", "\\r\\nc2VjcmU=\\n");
    const auto line = fmt::format(
        R"({{"project":"x","patientid":"x","studyinstanceuid":"1.2","password":"{}"}})", text);
    CHECK(read_job(json::parse(line, "line")).password.reveal() == "secre");
}

TEST_CASE("a job is read from what the page writes, and refused by key, never by value")
{
    const auto job = read_job(json::parse(
        R"({"project":"DEMO","patientid":"DEMO_0001","studyinstanceuid":"1.2.3","accessionnumber":"A",
            "event":"b","exportType":"PURE","destination":"","downloadAttempts":"2","user":"alice",
            "password":"c2VjcmV0","email":"a@example.org","sender_email":""})",
        "line"));
    CHECK(job.attempts == 2);
    CHECK(job.password.reveal() == "secret");
    CHECK(job.is_mailed());
    CHECK(job.id.size() == 16);

    const auto* const text = GENERATE(
        R"({"project":"DEMO","patientid":"x","studyinstanceuid":"../../SECRET"})",
        R"({"project":"SECRET","patientid":"","studyinstanceuid":"1.2"})",
        R"({"project":"x","patientid":"x","studyinstanceuid":"1.2","password":"SECRET!!"})",
        R"({"project":"x","patientid":"x","studyinstanceuid":"1.2","password":"SECRET"})", "[]");
    try {
        static_cast<void>(read_job(json::parse(text, "line")));
        FAIL("no error");
    } catch (const Error& e) {
        CHECK(e.fault() == Fault::data);
        CHECK(std::string{e.what()}.find("SECRET") == std::string::npos);
    }
}
