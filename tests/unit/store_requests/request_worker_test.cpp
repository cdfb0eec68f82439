// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/requests.h"
#include "tests/unit/store_requests/sample.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <functional>
#include <optional>

using namespace fiona;
using namespace fiona::store;

namespace fs = std::filesystem;

namespace {

const TimePoint now = Clock::from_time_t(1'704'190'000);

struct Fixture : SampleSite {
    Fixture() { REQUIRE(requests.file(request)); }

    /// Runs `steps` in a child that then kills itself, as a worker that dies between two steps.
    template <typename Steps>
    void die_after(const Steps& steps) const
    {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            const RequestWorker worker{requests};
            steps(worker);
            ::kill(::getpid(), SIGKILL);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        REQUIRE(WIFSIGNALED(status));
    }

    [[nodiscard]] std::vector<fs::path> files_in(const fs::path& place) const
    {
        std::vector<fs::path> found;
        for (const auto& entry : fs::recursive_directory_iterator{place}) {
            if (entry.is_regular_file() && entry.path().filename().native().front() != '.') {
                found.push_back(entry.path().filename());
            }
        }
        std::ranges::sort(found);
        return found;
    }

    Requests requests{paths};
    store::TransferRequest request = sample_request();
    std::string name = request.file_name();
};

} // namespace

TEST_CASE_METHOD(Fixture, "a request is claimed by one worker and read back")
{
    const RequestWorker worker{requests};

    CHECK(worker.claim(name, now));
    CHECK(!worker.claim(name, now));
    CHECK(worker.read(name).participant == request.participant);
}

TEST_CASE_METHOD(Fixture, "what succeeded is in transfers_done, and a second success beside it")
{
    for (int i = 0; i < 2; ++i) {
        const RequestWorker worker{requests};
        REQUIRE(worker.claim(name, now));
        worker.note_result(name, json::Object{{"sent", true}});
        worker.finish_done(name, now);
        static_cast<void>(requests.file(request));
    }

    const auto done = files_in(paths.done());
    REQUIRE(done.size() == 2);
    CHECK(done[0].native().starts_with(name + "_ok_20"));
    CHECK(files_in(paths.work()).empty());
}

TEST_CASE_METHOD(Fixture, "what failed for good is in transfers_fail with the reason")
{
    const RequestWorker worker{requests};
    REQUIRE(worker.claim(name, now));
    REQUIRE(!requests.failed_at(name));

    worker.finish_failed(name, json::Object{{"reason", "refused"}});

    CHECK(files_in(paths.failed()).size() == 2);
    CHECK(!requests.is_pending(name));
    REQUIRE(requests.failed_at(name));
    CHECK(Clock::now() - *requests.failed_at(name) < std::chrono::minutes{1});
}

TEST_CASE_METHOD(Fixture, "what failed temporarily waits longer each time, at most five minutes")
{
    const RequestWorker worker{requests};
    auto time = now;
    for (const auto delay : {10, 60, 300, 300, 300}) {
        CAPTURE(delay);
        REQUIRE(worker.claim(name, time));
        worker.postpone(name, "peer does not answer", time);
        CHECK(!worker.claim(name, time + std::chrono::seconds{delay - 1}));
        time += std::chrono::seconds{delay};
    }
    const auto state = requests.state(name);
    REQUIRE(state);
    CHECK(state->attempts == 5);
    CHECK(state->last_error == "peer does not answer");
    CHECK(worker.claim(name, time));
    worker.finish_done(name, now);
    CHECK(!requests.state(name));
}

TEST_CASE_METHOD(Fixture, "an unreadable state does not hold a request back")
{
    write_file(paths.requests() / (name + ".state.json"), "{\"attempts\": ");
    const RequestWorker worker{requests};

    CHECK(!requests.state(name));
    CHECK(worker.claim(name, now));
}

TEST_CASE_METHOD(Fixture, "a report that was postponed is still known by the next worker")
{
    {
        const RequestWorker worker{requests};
        REQUIRE(worker.claim(name, now));
        worker.note_result(name, json::Object{{"sent", true}});
        worker.postpone(name, "REDCap is down", now);
    }
    CHECK(requests.waiting() == std::vector{name});
    const RequestWorker next{requests};
    REQUIRE(next.claim(name, now + std::chrono::hours{1}));

    CHECK(next.result(name).has_value());
    next.finish_done(name, now);
    CHECK(files_in(paths.requests()).empty());
    CHECK(files_in(paths.work()).empty());
}

TEST_CASE_METHOD(Fixture, "a living worker keeps its requests")
{
    const RequestWorker living{requests};
    REQUIRE(living.claim(name, now));
    const pid_t child = ::fork();
    if (child == 0) {
        const RequestWorker other{requests};
        ::_exit(other.adopt().empty() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(child, &status, 0);

    CHECK(status == 0);
    CHECK(fs::exists(living.directory() / name));
}

TEST_CASE_METHOD(Fixture, "a dead worker's request and result are taken back, whatever its host")
{
    die_after([&](const RequestWorker& worker) {
        static_cast<void>(worker.claim(name, now));
        worker.note_result(name, json::Object{{"sent", true}});
        fs::rename(worker.directory(), paths.work() / "elsewhere.4711");
    });
    CHECK(requests.is_pending(name));
    const RequestWorker worker{requests};

    CHECK(worker.adopt() == std::vector{name});
    CHECK(worker.result(name).has_value());
    CHECK(!fs::exists(paths.work() / "elsewhere.4711"));
    worker.finish_done(name, now);
    CHECK(files_in(paths.processing).size() == 1);
}

TEST_CASE_METHOD(Fixture, "requests of a dead worker with our own pid are ours")
{
    const auto own = [&] {
        const RequestWorker worker{requests};
        return worker.directory();
    }();
    fs::create_directories(own);
    fs::rename(paths.requests() / name, own / name);

    const RequestWorker worker{requests};

    CHECK(worker.adopt() == std::vector{name});
}

TEST_CASE_METHOD(Fixture, "a worker that dies after any step loses and repeats nothing it noted")
{
    using Step = std::function<void(const RequestWorker&)>;
    const std::vector<Step> steps{
        [&](const RequestWorker& worker) { static_cast<void>(worker.claim(name, now)); },
        [&](const RequestWorker& worker) {
            worker.note_result(name, json::Object{{"sent", 1}});
        },
        [&](const RequestWorker& worker) { worker.finish_done(name, now); }};
    const auto count = GENERATE(as<std::size_t>{}, 0, 1, 2, 3);
    CAPTURE(count);

    die_after([&](const RequestWorker& worker) {
        for (std::size_t i = 0; i < count; ++i) {
            steps[i](worker);
        }
    });

    const RequestWorker worker{requests};
    const auto taken = worker.adopt();
    CHECK(taken.size() == (count == 1 || count == 2 ? 1 : 0));
    CHECK(requests.waiting().size() == (count == 0 ? 1 : 0));
    CHECK(worker.result(name).has_value() == (count == 2));
    CHECK(fs::exists(paths.done()) == true);
    CHECK(files_in(paths.done()).size() == (count == 3 ? 1 : 0));
}

TEST_CASE_METHOD(Fixture, "notes that a crash left without their request are cleared away")
{
    die_after([&](const RequestWorker& worker) {
        static_cast<void>(worker.claim(name, now));
        worker.note_result(name, json::Object{{"sent", 1}});
        write_file(paths.requests() / (name + ".state.json"), "{}");
        fs::rename(worker.directory() / name, paths.done() / "finished"); // killed right after
    });

    const RequestWorker worker{requests};

    CHECK(worker.adopt().empty());
    CHECK(files_in(paths.processing) == std::vector<fs::path>{"finished"});
    CHECK(requests.file(request));
}

TEST_CASE_METHOD(Fixture, "a postponement cut short leaves the request with its result")
{
    die_after([&](const RequestWorker& worker) {
        static_cast<void>(worker.claim(name, now));
        worker.note_result(name, json::Object{{"sent", 1}});
        write_file(paths.requests() / (name + ".state.json"),
                   R"({"attempts":2,"next_try":99999999999,"last_error":"x"})");
        fs::rename(worker.directory() / (name + ".result.json"),
                   paths.requests() / (name + ".result.json"));
    });
    const RequestWorker worker{requests};

    REQUIRE(worker.adopt() == std::vector{name});
    CHECK(worker.result(name).has_value());
    CHECK(worker.postpone(name, "again", now) == 3);
}

TEST_CASE_METHOD(Fixture, "workers killed at random leave the request in exactly one place")
{
    for (unsigned round = 0; round < 25; ++round) {
        const pid_t child = ::fork();
        REQUIRE(child >= 0);
        if (child == 0) {
            for (auto time = now;; time += std::chrono::hours{1}) {
                const RequestWorker worker{requests};
                if (!worker.adopt().empty() || worker.claim(name, time)) {
                    worker.note_result(name, json::Object{{"round", round}});
                    worker.postpone(name, "again", time);
                }
            }
        }
        ::usleep(500 + 400 * round);
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        CHECK(requests.waiting().size() + requests.in_work().size() == 1);
        CHECK(requests.is_pending(name));
        CHECK(!requests.file(request));
    }
    const RequestWorker last{requests};
    const auto adopted = last.adopt();
    CHECK(adopted.size() + requests.waiting().size() == 1);
    CHECK((!adopted.empty() || last.claim(name, now + std::chrono::hours{100'000})));
    CHECK(last.read(name).study == request.study);
}
