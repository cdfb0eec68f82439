// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/requests.h"
#include "tests/unit/store_requests/sample.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <csignal>

using namespace fiona;
using namespace fiona::store;
using Catch::Matchers::Contains;

TEST_CASE("the name of a request tells nothing but the study, and is the same for the same request")
{
    const auto request = sample_request();

    CHECK(request.file_name() == "1.2.3_1_" + request.file_name().substr(8, 16) + ".json");
    CHECK_THAT(request.file_name(), !Contains("DEMO"));
    CHECK(sample_request("DEMO_0002").file_name() != request.file_name());
}

TEST_CASE("a request is read back with everything its file holds")
{
    auto content = sample_request().content;
    content.object().emplace("extra", "kept");
    content.object()["redcap_repeat_instance"] = "3";

    const auto request = TransferRequest::parse(json::write(content), "x");

    CHECK(request.study == StudyUid{"1.2.3"});
    CHECK(request.event->str() == "baseline");
    CHECK(request.instance == 3);
    CHECK(request.requested == "2024-01-02 10:30");
    CHECK(request.content.text("extra") == "kept");
}

TEST_CASE("a request that lacks or garbles a key names the key and not the value")
{
    const auto [key, value] =
        GENERATE(table<std::string, std::string>({{"study_instance_uid", "DOE^JANE"},
                                                  {"study_instance_uid", ""},
                                                  {"transfer_project_name", "../DOE"},
                                                  {"transfer_name", "DOE^JANE"},
                                                  {"transfer_name", ""},
                                                  {"transfer_event_name", "[DOE]"},
                                                  {"redcap_repeat_instance", "0"},
                                                  {"redcap_repeat_instance", "DOE"}}));
    auto content = sample_request().content;
    content.object()[key] = value;

    CHECK_THROWS_WITH(TransferRequest::parse(json::write(content), "1.2.3_P_DOE_1.json"),
                      Contains(key) && !Contains("DOE"));
    CHECK_THROWS_AS(TransferRequest::parse("[]", "x"), Error);
    CHECK_THROWS_AS(TransferRequest::parse("{\"study", "x"), Error);
}

TEST_CASE("a request is filed once, whether it waits or is in work")
{
    const SampleSite site;
    const Requests requests{site.paths};
    const auto request = sample_request();

    CHECK(requests.file(request));
    CHECK(!requests.file(request));
    CHECK(requests.waiting() == std::vector{request.file_name()});

    const RequestWorker worker{requests};
    REQUIRE(worker.claim(request.file_name(), Clock::now()));
    CHECK(!requests.file(request));
    CHECK(requests.waiting().empty());
    CHECK(requests.in_work() == std::vector{request.file_name()});
}

TEST_CASE("a finished request may be filed again")
{
    const SampleSite site;
    const Requests requests{site.paths};
    const auto request = sample_request();
    const RequestWorker worker{requests};
    REQUIRE(requests.file(request));
    REQUIRE(worker.claim(request.file_name(), Clock::now()));
    worker.finish_done(request.file_name(), Clock::now());

    CHECK(requests.file(request));
}

TEST_CASE("requests wait in the order in which they were filed, notes of others aside")
{
    const SampleSite site;
    const Requests requests{site.paths};
    std::vector<std::string> names;
    for (const auto* const participant : {"C", "A", "B"}) {
        const auto request = sample_request(participant);
        names.push_back(request.file_name());
        REQUIRE(requests.file(request));
        std::filesystem::last_write_time(site.paths.requests() / names.back(),
                                         std::filesystem::file_time_type::clock::now()
                                             - std::chrono::hours{10 - names.size()});
    }
    write_file(site.paths.requests() / (names[0] + ".state.json"), "{}");
    write_file(site.paths.requests() / (names[0] + ".result.json"), "{}");
    write_file(site.paths.requests() / ".hidden.json", "{}");

    CHECK(requests.waiting() == names);
}

TEST_CASE("looking at a site that has no requests makes no directories")
{
    const SampleSite site;
    const Requests requests{site.paths};

    CHECK(requests.waiting().empty());
    CHECK(requests.in_work().empty());
    CHECK(!requests.is_pending("x.json"));
    CHECK(!requests.failed_at("x.json"));
    CHECK(!std::filesystem::exists(site.paths.processing));
}

TEST_CASE("of many processes that file the same request one succeeds")
{
    const SampleSite site;
    const Requests requests{site.paths};
    const auto request = sample_request();
    std::vector<pid_t> children;
    for (int i = 0; i < 8; ++i) {
        const pid_t child = ::fork();
        if (child == 0) {
            ::_exit(requests.file(request) ? 1 : 0);
        }
        children.push_back(child);
    }
    int filed = 0;
    for (const auto child : children) {
        int status = 0;
        ::waitpid(child, &status, 0);
        REQUIRE(WIFEXITED(status));
        filed += WEXITSTATUS(status);
    }

    CHECK(filed == 1);
    CHECK(requests.waiting().size() == 1);
}

TEST_CASE("a filer killed at any moment leaves a whole request or none")
{
    const SampleSite site;
    const Requests requests{site.paths};
    std::size_t before = 0;
    for (int round = 0; round < 15; ++round) {
        const pid_t child = ::fork();
        if (child == 0) {
            for (int i = 0;; ++i) {
                static_cast<void>(requests.file(sample_request(fmt::format("P_{}_{}", round, i))));
            }
        }
        for (int wait = 0; wait < 5000 && requests.waiting().size() <= before; ++wait) {
            ::usleep(1000); // until the child is at work, however slow the machine
        }
        ::usleep(static_cast<unsigned>(300 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        const auto names = requests.waiting();
        for (const auto& name : names) {
            CHECK_NOTHROW(TransferRequest::parse(read_file(site.paths.requests() / name), name));
        }
        CHECK(names.size() >= before);
        before = names.size();
    }
    CHECK(before > 0);
}
