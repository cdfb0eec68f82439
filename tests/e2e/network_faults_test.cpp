// SPDX-License-Identifier: MIT
// Peers that are silent, slow, rude or gone, and what their neighbours see of it.
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/hostile_file.h"

#include <catch2/catch.hpp>

#include <algorithm>

namespace fs = std::filesystem;
using namespace fiona;
using hostile::DataSet;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> no_lines;
constexpr auto one_second = 1;

/// Objects a second that a sender with Nagle's algorithm must reach; 21 is what the pauses leave. On a quiet
/// machine it is many times as much: scripts/bench measures that, a test must hold on a busy one.
constexpr long least_rate = 50;

/// A request and what comes back; the association is released if there is one.
std::string answer_to(const Bench& bench, const raw::Request& request)
{
    const raw::Connection connection{bench.port()};
    connection.send(request.bytes());
    auto words = raw::next_words(connection);
    if (words == "accepted") {
        connection.send(raw::pdv(3, 3, raw::echo_command()));
        words += ", " + raw::next_words(connection);
        connection.send(raw::pdu(5, raw::big(0, 4)));
        words += ", " + raw::next_words(connection);
    }
    return words;
}

/// An accepted association, ready for bytes of any kind.
raw::Connection associated(const Bench& bench)
{
    raw::Connection connection{bench.port()};
    connection.send(raw::Request{}.bytes());
    if (const auto words = raw::next_words(connection); words != "accepted") {
        throw std::runtime_error{words};
    }
    return connection;
}

/// What was answered, and then what became of files.
std::string then_changes(Bench& bench, const std::string& words)
{
    return words + ": " + bench.changes();
}

/// Sends the command and the beginning of the data set; the rest never comes.
void send_half(const raw::Connection& connection, const raw::Ids& ids, const std::string& half)
{
    constexpr std::size_t slice = 100'000; // the receiver takes 131072
    connection.send(raw::pdv(1, 3, raw::Command::store(ids).bytes()));
    for (std::size_t at = 0; at < half.size(); at += slice) {
        connection.send(raw::pdv(1, 0, half.substr(at, slice)));
    }
}

bool has_part(const Bench& bench)
{
    return !fs::is_empty(bench.config().paths.incoming_parts());
}

/// Text for the report.
std::string without_control(const std::string& text)
{
    std::string result;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        result += byte < 0x20 || byte > 0x7e ? fmt::format("\\x{:02x}", byte) : std::string{c};
    }
    return result;
}

/// Rows that differ in the request only.
FaultCase request_row(Bench& bench, const std::string& name, const std::string& done,
                      const std::string& must_see, const std::function<void(raw::Request&)>& change)
{
    return {7, name, done, must_see, [&bench, change] {
                raw::Request request;
                change(request);
                return answer_to(bench, request);
            }};
}

} // namespace

TEST_CASE("faults 1 to 3: who is silent or slow loses its connection, nobody else a second")
{
    Bench bench{{{"acse_timeout", one_second}, {"dimse_timeout", one_second}}};
    const auto request = raw::Request{}.bytes();
    const auto big_data = [&](const raw::Ids& ids) {
        return DataSet{ids}.put(0x7fe00010, "OB", std::string(200'000, 'x')).bytes();
    };
    const std::vector<FaultCase> faults{
        {1, "half a request", "21 bytes, then silence", "others served; then closed",
         [&] {
             const raw::Connection half{bench.port()};
             half.send(request.substr(0, 21));
             const auto neighbours = bench.others();
             return "others " + neighbours + "; then " + raw::next_words(half);
         }},
        {1, "half a request", "10 of them from one address", "others served; 10 closed",
         [&] {
             std::vector<raw::Connection> halves;
             for (int i = 0; i < 10; ++i) {
                 halves.emplace_back(bench.port());
                 halves.back().send(request.substr(0, 100));
             }
             const auto neighbours = bench.others("127.0.0.1");
             std::size_t closed = 0;
             for (const auto& half : halves) {
                 closed += raw::next_words(half) == "closed" ? 1U : 0U;
             }
             return fmt::format("others {}; {} closed", neighbours, closed);
         }},
        {2, "an association", "then silence", "others served; then aborted",
         [&] {
             const auto idle = associated(bench);
             const auto neighbours = bench.others();
             return "others " + neighbours + "; then " + raw::next_words(idle);
         }},
        {2, "an association", "silence in the middle of an object",
         "others served; then aborted: nothing kept",
         [&] {
             const auto idle = associated(bench);
             const auto ids = bench.fresh_ids();
             send_half(idle, ids, big_data(ids).substr(0, 100'000));
             const auto neighbours = bench.others();
             const auto end = raw::next_words(idle);
             return "others " + neighbours + "; then " + end + ": " + bench.changes();
         }},
        {3, "one byte at a time", "a request", "others served; then closed",
         [&] {
             const raw::Connection slow{bench.port()};
             raw::send_slowly(slow, request.substr(0, 3), 1, 100ms);
             const auto neighbours = bench.others();
             raw::send_slowly(slow, request.substr(3), 1, 100ms);
             return "others " + neighbours + "; then " + raw::next_words(slow);
         }},
        {3, "one byte at a time", "a data PDU", "aborted: nothing kept",
         [&] {
             const auto slow = associated(bench);
             const auto ids = bench.fresh_ids();
             slow.send(raw::pdv(1, 3, raw::Command::store(ids).bytes()));
             raw::send_slowly(slow, raw::pdv(1, 2, DataSet{ids}.bytes()), 1, 100ms);
             return then_changes(bench, raw::next_words(slow));
         }},
        {3, "one byte at a time", "an object of PDUs of two bytes each",
         "status 0000: archived, linked",
         [&] {
             const auto slow = associated(bench);
             const auto ids = bench.fresh_ids();
             const auto data = DataSet{ids}.bytes();
             slow.send(raw::pdv(1, 3, raw::Command::store(ids).bytes()));
             for (std::size_t at = 0; at < data.size(); at += 2) {
                 slow.send(raw::pdv(1, at + 2 >= data.size() ? 2 : 0, data.substr(at, 2)));
             }
             return then_changes(bench, raw::next_words(slow));
         }},
    };

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
}

TEST_CASE("faults 6 and 7: whoever calls by whatever name, in whatever contexts")
{
    Bench bench;
    const std::string served = "accepted, status 0000, released";
    std::vector<FaultCase> faults;
    for (const auto& title :
         {std::string{"../../etc/passwd"}, std::string{"\"quote'd\""}, std::string{"$(id)`id`;id"},
          std::string{"line\nfeed\r"}, std::string(16, '\xff'), std::string{"A\\B=C,D E"},
          std::string{"\x1b[31m\x07"}}) {
        faults.push_back({6, "AE titles", without_control(title), "status 0000: archived, linked",
                          [&bench, title] {
                              const auto ids = bench.fresh_ids();
                              const raw::Association peer{bench.port(), title, title};
                              const auto status =
                                  peer.store(ids, DataSet{ids}.bytes()).value_or(0xffff);
                              return then_changes(bench, fmt::format("status {:04x}", status));
                          }});
    }
    faults.push_back({6, "AE titles", "all blank", "closed", [&bench] {
                          raw::Request request;
                          request.calling = "";
                          request.called = "";
                          return answer_to(bench, request);
                      }});
    using raw::Context;
    const auto row = [&](const std::string& name, const std::string& done,
                         const std::string& must_see,
                         const std::function<void(raw::Request&)>& change) {
        faults.push_back(request_row(bench, name, done, must_see, change));
    };
    row("contexts", "an id twice", served, [](raw::Request& request) {
        request.contexts.push_back({3, raw::verification, {hostile::implicit_little}});
    });
    row("contexts", "even ids too", served, [](raw::Request& request) {
        request.contexts.push_back({2, raw::verification, {raw::explicit_little}});
        request.contexts.push_back({0, raw::verification, {raw::explicit_little}});
    });
    row("contexts", "128 with 50 syntaxes each", served, [](raw::Request& request) {
        for (unsigned i = 2; i < 128; ++i) {
            Context context{static_cast<std::uint8_t>(2 * i + 1), raw::secondary_capture, {}};
            for (unsigned k = 0; k < 50; ++k) {
                context.transfer_syntaxes.push_back(fmt::format("1.2.840.10008.1.2.4.{}", 50 + k));
            }
            request.contexts.push_back(context);
        }
    });
    row("contexts", "none", "rejected 1/1/1",
        [](raw::Request& request) { request.contexts.clear(); });
    row("contexts", "without a transfer syntax", "closed", [](raw::Request& request) {
        request.contexts = {{1, raw::secondary_capture, {}}};
    });
    row("contexts", "of a class nobody stores", "rejected 1/1/1", [](raw::Request& request) {
        request.contexts = {{1, "1.2.840.10008.5.1.4.1.2.2.1", {raw::explicit_little}}};
    });
    row("contexts", "UIDs of 300 characters", "closed", [](raw::Request& request) {
        request.contexts.push_back({5, std::string(300, '1'), {raw::explicit_little}});
    });
    row("contexts", "UIDs of odd bytes", served, [](raw::Request& request) {
        request.contexts.push_back({7, "../../evil\n", {"\xff\xfe", ""}});
    });
    row("user items", "each of them twice", served,
        [](raw::Request& request) { request.user_items += request.user_items; });
    row("user items", "none", served, [](raw::Request& request) { request.user_items.clear(); });
    row("user items", "one of no known kind", served, [](raw::Request& request) {
        request.user_items += raw::item(0x7f, std::string(1000, 'u'));
    });
    row("user items", "one that is longer than the request", "closed", [](raw::Request& request) {
        request.user_items += raw::big(0x52, 1) + raw::big(0, 1) + raw::big(0xffff, 2) + "1.2";
    });
    row("user items", "a role, an extended negotiation and an identity, all cut", "closed",
        [](raw::Request& request) {
            request.user_items += raw::item(0x54, raw::big(200, 2) + "1.2")
                                  + raw::item(0x56, raw::big(200, 2))
                                  + raw::item(0x58, raw::big(0x0101, 2) + raw::big(0xfff0, 2));
        });
    row("request", "protocol version 2", "rejected 1/2/2",
        [](raw::Request& request) { request.version = 2; });
    row("request", "another application context", served,
        [](raw::Request& request) { request.application_context = "1.2.3"; });
    row("request", "an item of no known kind", served,
        [](raw::Request& request) { request.more_items = raw::item(0x99, "unknown"); });
    row("request", "a length that ends in an item", "closed", [](raw::Request& request) {
        request.length = static_cast<std::uint32_t>(request.bytes().size() - 6 - 10);
    });

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
    CHECK(bench.others() == "served");
}

TEST_CASE("faults 11 to 13: who hangs up leaves nothing, who missed the answer may send again")
{
    Bench bench{{{"durability", "none"}}};
    const auto big_data = [](const raw::Ids& ids) {
        return DataSet{ids}.put(0x7fe00010, "OB", std::string(300'000, 'x')).bytes();
    };
    const auto half_way = [&](const std::function<void(raw::Connection&)>& leave) {
        return [&, leave] {
            const auto ids = bench.fresh_ids();
            {
                auto peer = associated(bench);
                send_half(peer, ids, big_data(ids).substr(0, 200'000));
                if (!eventually([&] { return has_part(bench); })) {
                    return std::string{"no part"};
                }
                leave(peer);
            }
            return bench.changes();
        };
    };
    const std::vector<FaultCase> faults{
        {11, "the sender leaves", "an abort in the middle of the pixels", "nothing kept",
         half_way([](const raw::Connection& peer) { peer.send(raw::pdu(7, raw::big(0, 4))); })},
        {11, "the sender leaves", "the connection closed in the middle", "nothing kept",
         half_way([](const raw::Connection&) {})},
        {11, "the sender leaves", "a reset in the middle", "nothing kept",
         half_way([](const raw::Connection& peer) { raw::reset_when_closed(peer); })},
        {11, "the sender leaves", "in the middle of a PDU", "nothing kept",
         half_way([](const raw::Connection& peer) {
             peer.send(raw::pdv(1, 0, std::string(50'000, 'x')).substr(0, 20'000));
         })},
        {11, "the sender leaves", "a release in the middle", "released: nothing kept",
         [&] {
             const auto ids = bench.fresh_ids();
             const auto peer = associated(bench);
             send_half(peer, ids, big_data(ids).substr(0, 200'000));
             peer.send(raw::pdu(5, raw::big(0, 4)));
             return then_changes(bench, raw::next_words(peer));
         }},
        {11, "the sender leaves", "an abort behind the last byte, before the answer",
         "whole or not there",
         [&] {
             const auto ids = bench.fresh_ids();
             const auto data = big_data(ids);
             {
                 const raw::Association peer{bench.port()};
                 send_half(peer.connection, ids, data.substr(0, 200'000));
                 peer.connection.send(raw::pdv(1, 2, data.substr(200'000))
                                      + raw::pdu(7, raw::big(0, 4)));
             }
             const auto seen = bench.changes();
             const auto again = bench.store(ids, data);
             const bool is_right =
                 (seen == "archived, linked" && again == "status 0000: nothing kept")
                 || (seen == "nothing kept" && again == "status 0000: archived, linked");
             return is_right ? "whole or not there" : seen + ", then " + again;
         }},
        {12, "a reset", "behind our success, before it was read",
         "archived, linked; again: status 0000: nothing kept; the old file",
         [&] {
             const auto ids = bench.fresh_ids();
             const auto data = big_data(ids);
             {
                 const raw::Association peer{bench.port()};
                 peer.connection.send(raw::pdv(1, 3, raw::Command::store(ids).bytes()));
                 peer.send_data(data);
                 if (!raw::has_answer(peer.connection, 10s)) {
                     return std::string{"no answer"};
                 }
                 raw::reset_when_closed(peer.connection);
             }
             const auto first = bench.changes();
             const auto written = fs::last_write_time(bench.archived(ids));
             const auto again = bench.store(ids, data);
             const bool is_old = fs::last_write_time(bench.archived(ids)) == written;
             return first + "; again: " + again + (is_old ? "; the old file" : "; another file");
         }},
        {13, "Nagle's algorithm", "batches of 100 objects with it, 100 without",
         fmt::format("all stored, no pauses, {} a second", least_rate),
         [&] {
             using std::chrono::steady_clock;
             const auto send = [&](const raw::Association& peer) {
                 const auto start = steady_clock::now();
                 unsigned stored = 0;
                 for (unsigned i = 0; i < 100; ++i) {
                     const auto ids = bench.fresh_ids();
                     stored += peer.store(ids, DataSet{ids}.bytes()) == 0x0000 ? 1U : 0U;
                 }
                 return std::pair{stored == 100, steady_clock::now() - start};
             };
             const raw::Association stock{bench.port()};
             raw::set_nagle(stock.connection);
             auto [is_stored, took] = send(stock);
             // The rest of the machine may be busy: the best of ten counts.
             for (int batch = 1; batch < 10 && 100s / took < least_rate; ++batch) {
                 const auto [is_again_stored, again] = send(stock);
                 is_stored = is_stored && is_again_stored;
                 took = std::min(took, again);
             }
             const auto [is_other_stored, other_took] = send(raw::Association{bench.port()});
             static_cast<void>(bench.changes());
             // A pause for a delayed acknowledgement is 40 ms: one at each object makes four seconds.
             const auto rate = 100s / took;
             return fmt::format("{}, {}, {} a second [{}]",
                                is_stored && is_other_stored ? "all stored" : "some refused",
                                took - other_took < 2s ? "no pauses" : "pauses",
                                std::min<long>(rate, least_rate), rate);
         }},
    };

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
}
