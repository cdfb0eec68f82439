// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/pacs/receiver_refusals.h"
#include "libfiona/pacs/receiver_report.h"
#include "libfiona/pacs/receiver_status.h"
#include "tests/support/raw_association.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <fstream>

using namespace fiona;
using namespace fiona::pacs;
using std::chrono::steady_clock;

namespace {

/// Lets the refusals work until `done`.
void work(Refusals& refusals, steady_clock::time_point now, const auto& done)
{
    const auto deadline = steady_clock::now() + std::chrono::seconds{10};
    while (!done() && steady_clock::now() < deadline) {
        auto waits = refusals.waits();
        ::poll(waits.data(), waits.size(), 10);
        refusals.step(waits, now);
    }
    CHECK(done());
}

Accepted accept_one(const Listener& listener)
{
    pollfd one{listener.fd(), POLLIN, 0};
    REQUIRE(::poll(&one, 1, 10'000) == 1);
    return listener.accept().value();
}

} // namespace

TEST_CASE("a refused caller reads the rejection, however slowly it asked")
{
    const Listener listener{"127.0.0.1", 0};
    const auto now = steady_clock::now();
    Refusals refusals;
    const auto request = raw::request("SCANNER", "FIONA", {{1, "1.2", {"1.3"}}});
    {
        const raw::Connection caller{listener.port()};
        refusals.add(accept_one(listener), too_many, now + std::chrono::seconds{10});
        std::size_t sent = 0;
        work(refusals, now, [&] {
            if (sent < request.size()) {
                caller.send(request.substr(sent, 50));
                sent += 50;
                return false;
            }
            return true;
        });
        std::optional<raw::Pdu> answer;
        auto waits = refusals.waits();
        REQUIRE(waits.size() == 1);
        ::poll(waits.data(), waits.size(), 1000);
        refusals.step(waits, now);
        answer = caller.read();
        CHECK(answer->type == 3);
        CHECK(answer->body == std::string("\0\2\3\2", 4));
    }
    work(refusals, now, [&] { return refusals.waits().empty(); });
    CHECK(refusals.count() == 1);
}

TEST_CASE("a refused caller that says nothing is forgotten in time")
{
    const Listener listener{"127.0.0.1", 0};
    const raw::Connection caller{listener.port()};
    const auto now = steady_clock::now();
    Refusals refusals;
    refusals.add(accept_one(listener), no_space, now + std::chrono::seconds{1});

    refusals.step(refusals.waits(), now);
    CHECK(refusals.waits().size() == 1);
    refusals.step(refusals.waits(), now + std::chrono::seconds{2});
    CHECK(refusals.waits().empty());
    CHECK(caller.read().type == 0);
}

TEST_CASE("a port in use, an address of others and nonsense are told apart")
{
    const Listener listener{"127.0.0.1", 0};
    const auto fault = [](const std::string& address, std::uint16_t port) {
        try {
            const Listener second{address, port};
            return Fault::internal;
        } catch (const Error& e) {
            return e.fault();
        }
    };
    CHECK(fault("127.0.0.1", listener.port()) == Fault::temporary);
    CHECK(fault("192.0.2.1", 0) == Fault::config);
    CHECK(fault("localhost.example", 0) == Fault::config);
}

TEST_CASE("reports come out of the pipe as they went in, and a full pipe blocks nobody")
{
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
    const UniqueFd reader{ends[0]};
    const UniqueFd writer{ends[1]};
    CHECK_FALSE(next_report(reader.get()));

    send_report(writer.get(), {42, "CALLER", std::string(500, 'x'), "10.0.0.5", "host", 1, 2, 3});
    const auto report = next_report(reader.get());
    REQUIRE(report);
    CHECK(report->pid == 42);
    CHECK(report->caller == "CALLER");
    CHECK(report->called.size() < 100);
    CHECK(report->host == "host");
    CHECK(report->refused == 3);
    for (int i = 0; i < 10'000; ++i) {
        send_report(writer.get(), *report);
    }
    CHECK(next_report(reader.get()));
}

TEST_CASE("the control file switches reception off, its absence leaves it on")
{
    const TempDir root;
    Paths paths;
    paths.data = root.path;
    CHECK(is_reception_enabled(paths));
    std::ofstream{root / "enabled"} << "0";
    CHECK_FALSE(is_reception_enabled(paths));
    std::filesystem::create_directory(root / "config");
    std::ofstream{root / "config/enabled"} << "100";
    CHECK(is_reception_enabled(paths));
    std::ofstream{root / "config/enabled"} << "011";
    CHECK_FALSE(is_reception_enabled(paths));
}
