// SPDX-License-Identifier: MIT
// PDUs and command sets that break PS3.8 and PS3.7: the association ends, or goes on; nothing is kept.
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/hostile_file.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <algorithm>

using namespace fiona;
using hostile::DataSet;
using raw::Command;
using raw::DataPdu;

namespace {

const std::vector<std::string> no_lines;
constexpr std::uint32_t group_length = 0x00000000;
constexpr std::uint32_t command_field = 0x00000100;
constexpr std::uint32_t message_id = 0x00000110;
constexpr std::uint32_t data_set_type = 0x00000800;
constexpr std::uint32_t sop_instance = 0x00001000;

/// Sends bytes in an accepted association; the answer, and what became of files.
class Talker {
public:
    explicit Talker(Bench& bench) : m_bench{bench} {}

    [[nodiscard]] std::function<std::string()>
    says(const std::function<std::string(const raw::Ids&)>& bytes) const
    {
        return [this, bytes] {
            const auto ids = m_bench.fresh_ids();
            const raw::Association peer{m_bench.port()};
            if (!peer.is_accepted()) {
                return std::string{"no association"};
            }
            peer.connection.send(bytes(ids));
            auto words = raw::next_words(peer.connection, std::chrono::seconds{5});
            words += ": " + m_bench.changes();
            const auto neighbours = m_bench.others();
            return neighbours == "served" ? words : words + ", others " + neighbours;
        };
    }
    [[nodiscard]] std::function<std::string()> says(const std::string& bytes) const
    {
        return says([bytes](const raw::Ids&) { return bytes; });
    }
    /// A C-STORE-RQ changed by `change`, and its data set.
    [[nodiscard]] std::function<std::string()>
    stores(const std::function<void(Command&)>& change) const
    {
        return says([change](const raw::Ids& ids) {
            auto command = Command::store(ids);
            change(command);
            return raw::pdv(1, 3, command.bytes()) + raw::pdv(1, 2, DataSet{ids}.bytes());
        });
    }
    /// A command without data set on the context of C-ECHO.
    [[nodiscard]] std::function<std::string()> commands(std::uint16_t field) const
    {
        const Command command{{{0x00000002, raw::even(raw::verification, '\0')},
                               {command_field, raw::little(field, 2)},
                               {message_id, raw::little(1, 2)},
                               {data_set_type, raw::little(0x0101, 2)}}};
        return says(raw::pdv(3, 3, command.bytes()));
    }

private:
    Bench& m_bench;
};

/// The stack that Linux and systemd give, 8 MB, wherever the tests run.
class UsualStack {
public:
    UsualStack()
    {
        ::getrlimit(RLIMIT_STACK, &m_before);
        constexpr rlim_t usual = 8U << 20;
        const rlimit limit{std::min(usual, m_before.rlim_max), m_before.rlim_max};
        ::setrlimit(RLIMIT_STACK, &limit);
    }
    UsualStack(const UsualStack&) = delete;
    UsualStack& operator=(const UsualStack&) = delete;
    ~UsualStack() { ::setrlimit(RLIMIT_STACK, &m_before); }

private:
    rlimit m_before{};
};

std::string good_object(const raw::Ids& ids)
{
    return raw::pdv(1, 3, Command::store(ids).bytes()) + raw::pdv(1, 2, DataSet{ids}.bytes());
}

} // namespace

TEST_CASE("fault 8: lengths of PDUs and PDVs that lie")
{
    Bench bench{{{"dimse_timeout", 1}, {"acse_timeout", 1}}};
    const Talker peer{bench};
    const std::string ended = "aborted: nothing kept";
    const auto lengths = [&](const std::string& done, std::optional<std::uint32_t> pdu,
                             std::optional<std::uint32_t> pdv) {
        return FaultCase{8, "lengths", done, ended, peer.says([=](const raw::Ids& ids) {
                             return DataPdu{1, 3, Command::store(ids).bytes(), pdu, pdv}.encoded();
                         })};
    };
    const auto head = [](unsigned type, std::uint32_t length) {
        return raw::big(type, 1) + raw::big(0, 1) + raw::big(length, 4);
    };
    run_faults({
        lengths("PDU length 0", 0, std::nullopt),
        lengths("PDU length 0xFFFFFFFF", 0xffffffff, std::nullopt),
        lengths("PDU length 0x7FFFFFFF", 0x7fffffff, std::nullopt),
        lengths("PDV longer than its PDU", std::nullopt, 100'000),
        lengths("PDV length 0xFFFFFFFF, -1 as signed", std::nullopt, 0xffffffff),
        lengths("PDV length 0x80000000", std::nullopt, 0x80000000),
        lengths("PDV length 0xFFFFFFFA, which wraps", std::nullopt, 0xfffffffa),
        lengths("PDV length 0", std::nullopt, 0),
        lengths("PDV length 1", std::nullopt, 1),
        {8, "lengths", "a PDU of three bytes", ended, peer.says(head(4, 3) + std::string(3, 'x'))},
        {8, "lengths", "a PDU larger than we said we take", ended,
         peer.says([](const raw::Ids& ids) {
             return raw::pdv(1, 3, Command::store(ids).bytes())
                    + raw::pdv(1, 0, std::string(200'000, 'x'));
         })},
        {8, "lengths", "fragments without bytes, a thousand of them",
         "status 0000: archived, linked", peer.says([](const raw::Ids& ids) {
             std::string bytes = raw::pdv(1, 3, Command::store(ids).bytes());
             for (int i = 0; i < 1000; ++i) {
                 bytes += raw::pdv(1, 0, "");
             }
             return bytes + raw::pdv(1, 2, DataSet{ids}.bytes());
         })},
        {8, "lengths", "a fragment of odd length", ended, peer.says([](const raw::Ids& ids) {
             return raw::pdv(1, 3, Command::store(ids).bytes()) + raw::pdv(1, 0, "odd");
         })},
        {8, "kinds", "a PDU of no known kind", ended, peer.says(head(0x42, 4) + "abcd")},
        {8, "kinds", "a second request", ended, peer.says(raw::Request{}.bytes())},
        {8, "kinds", "an acceptance", ended, peer.says(head(2, 4) + "abcd")},
        {8, "kinds", "a release response that nobody asked for", ended,
         peer.says(head(6, 4) + std::string(4, '\0'))},
        {8, "kinds", "data before any association", "aborted",
         [&] {
             const raw::Connection connection{bench.port()};
             connection.send(raw::pdv(1, 3, raw::echo_command()));
             return raw::next_words(connection);
         }},
        {8, "kinds", "a request of 4 GiB", "closed",
         [&] {
             const raw::Connection connection{bench.port()};
             connection.send(head(1, 0xffffffff) + std::string(100'000, 'x'));
             return raw::next_words(connection);
         }},
        {8, "kinds", "HTTP", "closed",
         [&] {
             const raw::Connection connection{bench.port()};
             connection.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
             return raw::next_words(connection);
         }},
        {8, "contexts", "data on a context that was never proposed", ended,
         peer.says(
             [](const raw::Ids& ids) { return raw::pdv(9, 3, Command::store(ids).bytes()); })},
        {8, "contexts", "another context in the middle of the object", ended,
         peer.says([](const raw::Ids& ids) {
             return raw::pdv(1, 3, Command::store(ids).bytes())
                    + raw::pdv(3, 2, DataSet{ids}.bytes());
         })},
        {8, "order", "a data set without a command", ended,
         peer.says([](const raw::Ids& ids) { return raw::pdv(1, 2, DataSet{ids}.bytes()); })},
        {8, "order", "a command where the data set must be", ended,
         peer.says([](const raw::Ids& ids) {
             return raw::pdv(1, 3, Command::store(ids).bytes())
                    + raw::pdv(3, 3, raw::echo_command());
         })},
        {8, "order", "two commands for one object", ended, peer.says([](const raw::Ids& ids) {
             const auto command = raw::pdv(1, 3, Command::store(ids).bytes());
             return command + command + raw::pdv(1, 2, DataSet{ids}.bytes());
         })},
        {8, "order", "command and data set in one PDU", "status 0000: archived, linked",
         peer.says([](const raw::Ids& ids) {
             const auto pdvs = raw::pdv(1, 3, Command::store(ids).bytes()).substr(6)
                               + raw::pdv(1, 2, DataSet{ids}.bytes()).substr(6);
             return raw::pdu(4, pdvs);
         })},
    });

    CHECK(bench.bad_log_lines() == no_lines);
}

TEST_CASE("fault 9: command sets that lie")
{
    Bench bench{{{"dimse_timeout", 1}}};
    const Talker peer{bench};
    const std::string ended = "aborted: nothing kept";
    const std::string kept = "status 0000: archived, linked";
    const std::string name = "C-STORE command";
    const auto row = [&](const std::string& done, const std::string& must_see,
                         const std::function<void(Command&)>& change) {
        return FaultCase{9, name, done, must_see, peer.stores(change)};
    };
    const auto whole = [&](const std::string& done, const std::string& must_see,
                           const std::function<std::string(const std::string&)>& change) {
        return FaultCase{9, name, done, must_see, peer.says([=](const raw::Ids& ids) {
                             return raw::pdv(1, 3, change(Command::store(ids).bytes()))
                                    + raw::pdv(1, 2, DataSet{ids}.bytes());
                         })};
    };
    std::vector<FaultCase> faults{
        row("as it should be", kept, [](Command&) {}),
        row("no data set type", ended, [](Command& command) { command.drop(data_set_type); }),
        row("data set type twice, the second one says none", kept,
            [](Command& command) { command.add(data_set_type, raw::little(0x0101, 2)); }),
        row("a data set type that says none", ended,
            [](Command& command) { command.set(data_set_type, raw::little(0x0101, 2)); }),
        row("no command field", ended, [](Command& command) { command.drop(command_field); }),
        row("a command field of four bytes", kept,
            [](Command& command) { command.set(command_field, raw::little(1, 4)); }),
        row("no message id", ended, [](Command& command) { command.drop(message_id); }),
        row("no SOP instance", ended, [](Command& command) { command.drop(sop_instance); }),
        row("the SOP instance twice, the second one a path", kept,
            [](Command& command) { command.add(sop_instance, "../../evil"); }),
        row("a group length that is too short", kept,
            [](Command& command) { command.group_length = 4; }),
        row("a group length that is too long", kept,
            [](Command& command) { command.group_length = 0xfffffff0; }),
        row("an element of group 0008 inside", kept,
            [](Command& command) { command.add(0x00080018, "1.2.3 "); }),
        row("an element of 64 kB that nobody knows", kept,
            [](Command& command) { command.add(0x00005010, std::string(65'536, 'c')); }),
        whole("without a group length", kept,
              [](const std::string& bytes) { return bytes.substr(12); }),
        whole("with two group lengths", kept,
              [](const std::string& bytes) { return bytes.substr(0, 12) + bytes; }),
        whole("cut in the middle", ended,
              [](const std::string& bytes) { return bytes.substr(0, bytes.size() / 2); }),
        whole("with a value beyond its end", kept,
              [](const std::string& bytes) {
                  return bytes + raw::tag(0x00001030) + raw::little(0x7fffffff, 4);
              }),
        whole("empty", ended, [](const std::string&) { return std::string{}; }),
        whole("in explicit VR", ended,
              [](const std::string&) {
                  return raw::element(group_length, "UL", raw::little(10, 4))
                         + raw::element(command_field, "US", raw::little(1, 2));
              }),
        {9, name, "in fragments of two bytes", kept, peer.says([](const raw::Ids& ids) {
             const auto command = Command::store(ids).bytes();
             std::string bytes;
             for (std::size_t at = 0; at < command.size(); at += 2) {
                 bytes += raw::pdv(1, at + 2 >= command.size() ? 3 : 1, command.substr(at, 2));
             }
             return bytes + raw::pdv(1, 2, DataSet{ids}.bytes());
         })},
        {9, name, "that does not end within 8 MB", ended, peer.says([](const raw::Ids& ids) {
             std::string bytes = raw::pdv(1, 1, Command::store(ids).bytes());
             for (int i = 0; i < 80; ++i) {
                 bytes += raw::pdv(1, 1, raw::implicit(0x00005010, std::string(99'992, 'c')));
             }
             return bytes;
         })},
        {9, "after a refusal", "the next object of the same association", kept,
         [&] {
             const raw::Association association{bench.port()};
             const auto bad = bench.fresh_ids();
             const auto first = association.store(bad, "<html></html> ");
             static_cast<void>(bench.changes());
             const auto good = bench.fresh_ids();
             association.connection.send(good_object(good));
             auto words = raw::next_words(association.connection);
             words += ": " + bench.changes();
             return first == 0xc001 ? words : "the first one was not refused";
         }},
    };
    for (const auto& [command, field] :
         {std::pair{"C-GET", 0x0010}, std::pair{"C-FIND", 0x0020}, std::pair{"C-MOVE", 0x0021},
          std::pair{"C-CANCEL", 0x0fff}, std::pair{"C-STORE response", 0x8001},
          std::pair{"C-ECHO response", 0x8030}, std::pair{"N-SET", 0x0120},
          std::pair{"N-DELETE", 0x0150}, std::pair{"a number nobody knows", 0x4711}}) {
        faults.push_back(
            {9, "command", command, ended, peer.commands(static_cast<std::uint16_t>(field))});
    }

    run_faults(faults);

    CHECK(bench.bad_log_lines() == no_lines);
}

TEST_CASE("fault 9: what overflows DCMTK's stack ends one association, and nothing else")
{
    const UsualStack limit; // the receiver takes it over
    Bench bench;
    const Talker peer{bench};
    run_faults({{9, "C-STORE command", "with a sequence of 20,000 levels", "closed: nothing kept",
                 peer.says([](const raw::Ids& ids) {
                     const auto command = Command::store(ids).bytes()
                                          + hostile::nested(20'000, hostile::Lengths::open,
                                                            hostile::Coding::implicit_vr);
                     constexpr std::size_t slice = 100'000;
                     std::string bytes;
                     for (std::size_t at = 0; at < command.size(); at += slice) {
                         bytes += raw::pdv(1, at + slice >= command.size() ? 3 : 1,
                                           command.substr(at, slice));
                     }
                     return bytes;
                 })}});

    REQUIRE(eventually([&] { return bench.bad_log_lines().size() == 1; }));
    const auto bad = bench.bad_log_lines();
    CHECK(bad.front().find("event=association_crashed") != std::string::npos);
    CHECK(is_log_line(bad.front()));
}
