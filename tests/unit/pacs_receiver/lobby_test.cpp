// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_lobby.h"
#include "tests/support/raw_association.h"

#include <catch2/catch.hpp>

using namespace fiona::pacs;
using std::chrono::seconds;
using std::chrono::steady_clock;

namespace {

Accepted accept_one(const Listener& listener)
{
    pollfd one{listener.fd(), POLLIN, 0};
    REQUIRE(::poll(&one, 1, 10'000) == 1);
    return listener.accept().value();
}

/// One look, after waiting for something to happen for at most `patience` milliseconds.
std::vector<Accepted> look(Lobby& lobby, steady_clock::time_point now, int patience = 1000)
{
    auto waits = lobby.waits();
    ::poll(waits.data(), waits.size(), patience);
    return lobby.step(waits, now);
}

const std::string request = raw::request("SCANNER", "FIONA", {{1, "1.2", {"1.3"}}});

} // namespace

TEST_CASE("a caller leaves the lobby when its whole request is there")
{
    const Listener listener{"127.0.0.1", 0};
    const raw::Connection caller{listener.port()};
    const auto now = steady_clock::now();
    Lobby lobby{10};
    lobby.add(accept_one(listener), now + seconds{10});

    CHECK(look(lobby, now, 0).empty());
    caller.send(request.substr(0, 4));
    CHECK(look(lobby, now).empty());
    caller.send(request.substr(4, 60));
    CHECK(look(lobby, now).empty());
    CHECK(look(lobby, now, 0).empty()); // and does not wake us for nothing
    caller.send(request.substr(64));
    const auto asking = look(lobby, now);

    REQUIRE(asking.size() == 1);
    CHECK(asking.front().address == "127.0.0.1");
    CHECK(lobby.waits().empty());
    char first = 0;
    CHECK(::recv(asking.front().socket.get(), &first, 1, 0) == 1); // nothing of it was taken away
    CHECK(first == 1);
}

TEST_CASE("half a request does not wake the receiver again and again")
{
    const Listener listener{"127.0.0.1", 0};
    const raw::Connection caller{listener.port()};
    const auto now = steady_clock::now();
    Lobby lobby{10};
    lobby.add(accept_one(listener), now + seconds{10});
    caller.send(request.substr(0, 50));
    CHECK(look(lobby, now).empty());

    auto waits = lobby.waits();

    CHECK(::poll(waits.data(), waits.size(), 20) == 0);
}

TEST_CASE("what is no request is for others to judge")
{
    const Listener listener{"127.0.0.1", 0};
    const raw::Connection caller{listener.port()};
    const auto now = steady_clock::now();
    Lobby lobby{10};
    lobby.add(accept_one(listener), now + seconds{10});

    caller.send("\x16\x03\x01"); // a TLS record

    CHECK(look(lobby, now).size() == 1);
}

TEST_CASE("who is late, gone or too many leaves the lobby without a place")
{
    const Listener listener{"127.0.0.1", 0};
    const auto now = steady_clock::now();
    Lobby lobby{2};
    const raw::Connection oldest{listener.port()};
    lobby.add(accept_one(listener), now + seconds{10});
    const raw::Connection late{listener.port()};
    lobby.add(accept_one(listener), now + seconds{1});
    {
        const raw::Connection gone{listener.port()};
        lobby.add(accept_one(listener), now + seconds{10});
        CHECK(oldest.read().type == 0);
        CHECK(lobby.waits().size() == 2);
    }

    CHECK(look(lobby, now).empty());
    CHECK(lobby.waits().size() == 1);
    CHECK(look(lobby, now + seconds{2}, 0).empty());
    CHECK(lobby.waits().empty());
    CHECK(late.read().type == 0);
}
