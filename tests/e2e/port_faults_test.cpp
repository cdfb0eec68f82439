// SPDX-License-Identifier: MIT
// Ports and addresses that cannot be had, and receivers that start at the same time.
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/child_process.h"
#include "tests/support/site.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <fstream>
#include <memory>
#include <set>

using namespace fiona;
using namespace std::chrono_literals;

namespace {

/// A socket of ::1, connected to `port`; none if that does not work.
UniqueFd ipv6_connection(std::uint16_t port)
{
    UniqueFd fd{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    const bool is_there = fd && ::connect(fd.get(), generic, sizeof address) == 0;
    return is_there ? std::move(fd) : UniqueFd{};
}

bool has_ipv6()
{
    const UniqueFd fd{::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast) the sockets API
    const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
    return fd && ::bind(fd.get(), generic, sizeof address) == 0;
}

bool is_served_by_ipv6(std::uint16_t port)
{
    const auto fd = ipv6_connection(port);
    const auto request = raw::Request{}.bytes();
    std::string answer(1, '\0');
    constexpr char accepted = 2;
    return fd && ::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) > 0
           && ::recv(fd.get(), answer.data(), 1, 0) == 1 && answer.front() == accepted;
}

} // namespace

TEST_CASE("faults 15 and 16: a port that cannot be had, and two receivers at once")
{
    const TempDir root;
    const auto configured = [&](const std::string& name, json::Object receiver) {
        const auto file = root.path / (name + ".json");
        std::ofstream{file} << json::write(
            json::Object{{"ROOT", (root.path / name).native()}, {"RECEIVER", std::move(receiver)}});
        return file.native();
    };
    const auto exit_code = [&](const std::string& address, std::uint16_t port) {
        const auto config = configured(address, {{"bind", json::Value{address}}});
        const auto run =
            run_tool("fiona-storescp", {"--config", config, "--port", std::to_string(port), "run"});
        return fmt::format("exit {}, {} line", run.exit_code, split(trimmed(run.err), '\n').size());
    };
    const auto port = free_port();
    /// Starts `count` receivers of one site at once; what remains of them.
    const auto race = [&](const std::string& port_option, unsigned round) {
        const auto config =
            configured(fmt::format("race{}", round), {{"bind", json::Value{"127.0.0.1"}}});
        std::vector<std::unique_ptr<ChildProcess>> receivers;
        for (unsigned i = 0; i < 4; ++i) {
            receivers.push_back(std::make_unique<ChildProcess>(
                std::vector<std::string>{built_program("fiona-storescp"), "--config", config,
                                         "--port", port_option, "run"},
                root.path / fmt::format("out{}.{}", round, i)));
        }
        unsigned gave_up = 0;
        std::size_t alive = receivers.size();
        static_cast<void>(eventually([&] {
            alive = receivers.size();
            gave_up = 0;
            for (const auto& receiver : receivers) {
                if (const auto code = receiver->wait(0ms)) {
                    --alive;
                    gave_up += *code == EX_TEMPFAIL ? 1U : 0U;
                }
            }
            return alive <= 1;
        }));
        const auto status = json::parse(
            run_tool("fiona-storescp", {"--config", config, "--json", "status"}).out, "status");
        const auto* const running = status.find("running");
        const bool is_served = running != nullptr && running->boolean();
        return fmt::format("{} serves, {} exit 75", is_served ? alive : 0, gave_up);
    };
    const auto races = [&](const std::string& port_option, unsigned first) {
        return [&, port_option, first] {
            std::set<std::string> seen;
            for (unsigned round = first; round < first + 4; ++round) {
                seen.insert(race(port_option, round));
            }
            return fmt::format("{}", fmt::join(seen, "; "));
        };
    };
    std::vector<FaultCase> faults{
        {15, "the port", "in use", "exit 75, 1 line",
         [&] {
             const Background other{"fiona-storescp",
                                    {"--config",
                                     configured("first", {{"bind", json::Value{"127.0.0.1"}}}),
                                     "--port", std::to_string(port), "run"},
                                    root / "first.log"};
             const auto answers = [&] {
                 try {
                     return raw::Association{port}.echo() == 0x0000;
                 } catch (const std::runtime_error&) {
                     return false;
                 }
             };
             if (!eventually(answers)) {
                 return std::string{"the first one does not serve"};
             }
             return exit_code("127.0.0.1", port);
         }},
        {15, "the address", "none of this machine", "exit 78, 1 line",
         [&] { return exit_code("192.0.2.1", port); }},
        {15, "the address", "a name instead of numbers", "exit 78, 1 line",
         [&] { return exit_code("localhost", port); }},
        {16, "two receivers at once", "four times four, any port", "1 serves, 3 exit 75",
         races("0", 0)},
        {16, "two receivers at once", "four times four, one port", "1 serves, 3 exit 75",
         races(std::to_string(free_port()), 10)},
    };
    if (has_ipv6()) {
        faults.push_back({15, "the address", "IPv6 only", "served", [&] {
                              const auto config = configured("six", {{"bind", json::Value{"::1"}}});
                              const Background receiver{
                                  "fiona-storescp",
                                  {"--config", config, "--port", std::to_string(port), "run"},
                                  root / "six.log"};
                              const auto answers = [&] { return is_served_by_ipv6(port); };
                              return std::string{eventually(answers) ? "served" : "not served"};
                          }});
    } else {
        skip_faults({15}, "no IPv6 here");
    }

    run_faults(faults);
}
