// SPDX-License-Identifier: MIT
#include "libfiona/base/dates.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/process.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/requests.h"
#include "tests/support/phantom_facts.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"
#include "tests/support/transfer_site.h"

#include <catch2/catch.hpp>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sysexits.h>

#include <chrono>
#include <fstream>
#include <set>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

struct SummarySite {
    SummarySite()
    {
        for (const auto& directory :
             {paths.archive(), paths.arrived(), paths.requests(), paths.work(), paths.state(),
              paths.logs(), paths.incoming_list().parent_path(), paths.spool() / "new"}) {
            fs::create_directories(directory);
        }
    }

    [[nodiscard]] Outcome summary(std::vector<std::string> arguments = {}) const
    {
        arguments.insert(arguments.begin(), {"summary", "--offline"});
        return site.run("fiona-status", std::move(arguments));
    }
    [[nodiscard]] json::Value document() const
    {
        return json::parse(summary({"--json"}).out, "summary");
    }
    void crontab(const std::string& lines) const
    {
        std::ofstream{site.root() / "crontab"} << lines;
    }

    Site site;
    Paths paths = site.config().paths;
};

/// Connections are taken, and nothing is ever said.
class SilentPeer {
public:
    SilentPeer() : m_socket{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)}
    {
        m_address.sin_family = AF_INET;
        m_address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof m_address;
        auto* const address = reinterpret_cast<sockaddr*>(
            &m_address); // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast) BSD sockets
        if (::bind(m_socket.get(), address, length) != 0 || ::listen(m_socket.get(), 8) != 0
            || ::getsockname(m_socket.get(), address, &length) != 0) {
            throw std::runtime_error{"no port to be silent on"};
        }
    }
    [[nodiscard]] std::uint16_t port() const { return ::ntohs(m_address.sin_port); }

private:
    UniqueFd m_socket;
    sockaddr_in m_address{};
};

std::size_t longest_line(const std::string& text)
{
    std::size_t longest = 0;
    std::istringstream lines{text};
    for (std::string line; std::getline(lines, line);) {
        longest = std::max(longest, line.size());
    }
    return longest;
}

} // namespace

TEST_CASE("fiona-status summary: a site whose daemons are down is 2, says what to do, and fits 80 "
          "columns")
{
    const SummarySite site;

    const auto run = site.summary();

    CAPTURE(run.out, run.err);
    CHECK(run.exit_code == 2);
    CHECK_THAT(run.out, Contains("fiona-storescp DOES NOT RUN")
                            && Contains("fiona-process-file start") && Contains("what to do:"));
    CHECK(longest_line(run.out) <= 80);
}

TEST_CASE("fiona-status summary: the state of each request and the reasons of failures are counted")
{
    const SummarySite site;
    const TransferSite studies{site.site.config()};
    const store::Requests requests{site.paths};
    const store::RequestWorker worker{requests};
    for (int number = 1; number <= 6; ++number) {
        const auto name = studies.file_request(TransferSite::study_uid(number));
        if (number == 2) {
            requests.hold(name, Mode::apply);
        } else if (number > 2) {
            REQUIRE(worker.claim(name, Clock::now()));
        }
        if (number == 4) {
            worker.postpone(name, "association refused", Clock::now());
        } else if (number > 4) {
            worker.finish_failed(name, json::Object{{"error", "the PACS refused an image"}});
        }
    }

    const auto document = site.document();
    const auto text = site.summary().out;

    const auto count = [&](const char* state) {
        return document.find("requests")->find(state)->find("count")->integer();
    };
    CHECK(count("waiting") == 1);
    CHECK(count("held") == 1);
    CHECK(count("in work") == 1);
    CHECK(count("postponed") == 1);
    CHECK(count("failed") == 2);
    CHECK(document.find("failures_last_day")->find("the PACS refused an image")->integer() == 2);
    CHECK_THAT(text, Contains("2 x the PACS refused an image") && Contains("queue retry"));
}

TEST_CASE(
    "fiona-status summary: the runs of the crontab's jobs stand there with exit code and delay")
{
    const SummarySite site;
    site.crontab("* * * * * fiona-create-transfer-requests --config x\n"
                 "0 3 * * * fiona-clear-stale-links /x\n");
    static_cast<void>(site.site.run("fiona-create-transfer-requests", {})); // no REDCap: not 0

    const auto document = site.document();

    const auto& jobs = document.find("jobs")->array();
    REQUIRE(jobs.size() == 2);
    CHECK(jobs[0].text("job") == "fiona-create-transfer-requests");
    CHECK(jobs[0].text("state") == "ended");
    CHECK(jobs[0].find("exit_code")->integer() != 0);
    CHECK_FALSE(jobs[0].find("overdue")->boolean());
    CHECK(jobs[1].text("state") == "never");
}

TEST_CASE("fiona-status summary: by hand it keeps its memory, and a dry run keeps nothing")
{
    const SummarySite site;

    CHECK(site.summary({"--dry-run", "--prometheus", (site.site.root() / "x.prom").native(),
                        "--html", (site.site.root() / "html").native()})
              .exit_code
          == 2);
    CHECK_FALSE(fs::exists(site.paths.state() / "status"));
    CHECK_FALSE(fs::exists(site.site.root() / "x.prom"));
    CHECK_FALSE(fs::exists(site.site.root() / "html"));
    static_cast<void>(site.summary());
    CHECK(fs::exists(site.paths.state() / "status" / "history.csv"));
    CHECK_FALSE(fs::exists(site.paths.state() / "runs"));
}

TEST_CASE("fiona-status summary: what cannot be looked at is a trouble, and the rest is shown")
{
    const SummarySite site;
    fs::remove(site.paths.requests());
    std::ofstream{site.paths.requests()} << "a file";

    const auto run = site.summary();

    CHECK(run.exit_code == 2);
    CHECK_THAT(run.out, Contains("cannot be looked at") && Contains("disk"));
}

TEST_CASE(
    "fiona-status summary: a file that cannot be written stops neither the other nor the screen")
{
    const SummarySite site;
    const auto html = site.site.root() / "html";

    const auto run =
        site.summary({"--prometheus", "/nonexistent/fiona.prom", "--html", html.native()});

    CHECK(run.exit_code == EX_NOINPUT);
    CHECK_THAT(run.out, Contains("what to do:"));
    CHECK(fs::exists(html / "index.html"));
}

TEST_CASE("fiona-status summary: slides that wait and slides that were given up are told apart")
{
    const SummarySite site;
    const auto attach = site.paths.applications / "Attach";
    for (const auto* const file :
         {"uploads/1.json", "uploads/1.svs", "uploads/2.status.json", "uploads/3.svs",
          "uploads_failed/3.json", "uploads_failed/3.error.txt"}) {
        fs::create_directories((attach / file).parent_path());
        std::ofstream{attach / file} << "{}";
    }

    const auto document = site.document();

    const auto& queues = document.find("queues")->array();
    const auto uploads = std::ranges::find_if(
        queues, [](const json::Value& queue) { return queue.text("name") == "uploads"; });
    REQUIRE(uploads != queues.end());
    CHECK(uploads->find("waiting")->integer() == 1);
    CHECK(uploads->find("failed")->integer() == 1);
    CHECK_THAT(site.summary().out,
               Contains("uploads: 1 given up") && Contains("fiona-process-tiff"));
}

TEST_CASE("fiona-status summary: jobs that failed are a trouble for days, not for one run")
{
    const SummarySite site;
    const jobs::JobList list{site.paths.job_list()};
    fs::create_directories(list.file().parent_path());
    const auto note = [](const std::string& state, std::chrono::hours ago) {
        return json::write(json::Object{
                   {"state", state}, {"job_id", "a"}, {"ended", iso8601_utc(Clock::now() - ago)}})
               + "\n";
    };
    store::write_file(list.shelf(jobs::JobList::Shelf::done),
                      note("failed", std::chrono::hours{100})
                          + note("failed", std::chrono::hours{40})
                          + note("done", std::chrono::hours{1}));

    const auto run = site.summary();

    CHECK_THAT(run.out, Contains("jobs: 1 given up") && Contains("workflow_joblist.done"));
}

TEST_CASE("fiona-status summary: a crontab of the site that cannot be read hides nothing else")
{
    SummarySite site;
    site.site.set("STATUS", json::Object{{"crontab", "/nonexistent"}});

    const auto run = site.summary();

    CAPTURE(run.out, run.err);
    CHECK(run.exit_code == 2);
    CHECK_THAT(run.out, Contains("the crontab cannot be looked at") && Contains("arrivals")
                            && Contains("disk"));
}

TEST_CASE(
    "fiona-status summary: peers that take the call and say nothing hold it up for seconds only")
{
    SummarySite site;
    const SilentPeer peer;
    site.site.set("RESEARCH_PACS",
                  json::Object{{"host", "127.0.0.1"}, {"port", peer.port()}, {"aet", "PACS"}});
    site.site.set_redcap("url", "http://127.0.0.1:" + std::to_string(peer.port()) + "/api/");
    store::write_file(site.site.root() / "redcap.tokens", "incoming = 0123456789ABCDEF\n", 0600);

    const auto begin = std::chrono::steady_clock::now();
    const auto run = site.site.run("fiona-status", {"summary", "--json"});
    const auto took = std::chrono::steady_clock::now() - begin;

    CAPTURE(run.out, run.err);
    const auto document = json::parse(run.out, "summary");
    REQUIRE(document.find("peers")->array().size() == 2);
    for (const auto& answer : document.find("peers")->array()) {
        CHECK_FALSE(answer.find("answers")->boolean());
        CHECK_FALSE(answer.text("reason").empty());
    }
    CHECK_THAT(run.out, Contains("REDCap does not answer"));
    CHECK_THAT(run.out, !Contains("does not answer: REDCap does not answer")); // said once
    CHECK(run.exit_code == 2);
    CHECK(took < std::chrono::seconds{10});
    CHECK_THAT(run.out + run.err, !Contains("0123456789ABCDEF"));
}

TEST_CASE("fiona-status summary: a bad command line is 64, a crontab that is not there 66")
{
    const SummarySite site;

    CHECK(site.summary({"--nonsense"}).exit_code == EX_USAGE);
    CHECK(site.summary({"--crontab", "/nonexistent"}).exit_code == EX_NOINPUT);
}

TEST_CASE(
    "fiona-status summary: killed at any moment, the next one has a whole file and a whole memory")
{
    const SummarySite site;
    const auto file = site.site.root() / "fiona.prom";
    const std::vector<std::string> arguments{"summary",      "--offline",
                                             "--prometheus", file.native(),
                                             "--html",       (site.site.root() / "html").native(),
                                             "--config",     site.site.config_file().native()};
    for (int round = 0; round < 10; ++round) {
        int looks = 0;
        run_tool_and_kill("fiona-status", arguments, {}, [&] { return ++looks > round; });
        const auto text = read_file_if_any(file);
        if (text) {
            CHECK_THAT(*text, Contains("fiona_job_last_success_timestamp_seconds"));
        }
    }
    CHECK(run_tool("fiona-status", arguments).exit_code == 2);
    CHECK_THAT(read_file(file), Contains("fiona_summary_state 2"));
}

TEST_CASE("fiona-status summary: the Prometheus file keeps the rules of the format")
{
    const SummarySite site;
    site.crontab("* * * * * fiona-create-transfer-requests --config x\n");
    static_cast<void>(site.site.run("fiona-create-transfer-requests", {}));
    const auto file = site.site.root() / "fiona.prom";

    static_cast<void>(site.summary({"--prometheus", file.native()}));

    std::set<std::string> declared;
    std::set<std::string> samples;
    std::istringstream lines{read_file(file)};
    std::string name;
    for (std::string line; std::getline(lines, line);) {
        CAPTURE(line);
        if (line.starts_with("# HELP ")) {
            name = line.substr(7, line.find(' ', 7) - 7);
            CHECK(declared.insert(name).second); // once each
            CHECK(name.starts_with("fiona_"));
            CHECK(line.ends_with('.'));
            continue;
        }
        if (line.starts_with("# TYPE ")) {
            const bool is_counter = line == "# TYPE " + name + " counter";
            CHECK((is_counter || line == "# TYPE " + name + " gauge"));
            CHECK(is_counter == name.ends_with("_total")); // promtool's rule
            continue;
        }
        CHECK(line.substr(0, line.find_first_of(" {")) == name);
        CHECK(samples.insert(line.substr(0, line.rfind(' '))).second);
        CHECK_NOTHROW(std::stod(line.substr(line.rfind(' ') + 1)));
    }
    CHECK(samples.size() > 40);
    CHECK(fs::status(file).permissions() == fs::perms{0644});

    const auto parsed =
        run({.arguments = {"/usr/bin/python3", "-c",
                           "import sys\n"
                           "try:\n"
                           "  from prometheus_client.parser import "
                           "text_string_to_metric_families as f\n"
                           "except ImportError:\n"
                           "  sys.exit(77)\n"
                           "n = sum(len(m.samples) for m in f(open(sys.argv[1]).read()))\n"
                           "print(n)",
                           file.native()}});
    if (parsed.exit_code == 77) {
        skip("python3-prometheus-client is not installed");
        return;
    }
    CAPTURE(parsed.err);
    CHECK(parsed.exit_code == 0);
    CHECK(parsed.out == std::to_string(samples.size()) + "\n");
}

TEST_CASE("fiona-status summary: a site of 5000 studies is looked at in less than a second")
{
    const SummarySite site;
    {
        std::ofstream list{site.paths.incoming_list()};
        std::ofstream audit{site.paths.logs() / "transfers-audit.jsonl"};
        const auto now = Clock::now();
        for (int i = 0; i < 5000; ++i) {
            list << epoch_seconds(now) - i << " A B host 1.2.3." << i << " 1 MR\n";
            audit << R"({"time":")" << iso8601_utc(now)
                  << R"(","error":"","bytes":1,"counts":{"stored":1,"held":0,"masked":0}})"
                  << "\n";
            fs::create_directory(site.paths.archive() / ("scp_1.2.3." + std::to_string(i)));
        }
    }
    static_cast<void>(site.summary()); // remembers

    const auto begin = std::chrono::steady_clock::now();
    const auto run = site.summary();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;

    CHECK_THAT(run.out, Contains("5000 studies"));
    CHECK(took.count() < 1.0);
}
