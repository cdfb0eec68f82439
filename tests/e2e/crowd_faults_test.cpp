// SPDX-License-Identifier: MIT
// Many peers at once and one after the other: the limits hold, and memory stays.
#include "tests/e2e/fault_bench.h"
#include "tests/e2e/fault_table.h"
#include "tests/support/hostile_file.h"

#include <catch2/catch.hpp>

#include <sys/resource.h>

#include <charconv>
#include <cstdlib>
#include <map>

using namespace fiona;
using hostile::DataSet;

namespace {

const std::vector<std::string> no_lines;
constexpr std::uint64_t little_kb = 2048; ///< more than what a heap gains by chance

/// A thousand connections need more descriptors than a shell usually gives.
void allow_descriptors()
{
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

constexpr unsigned whole_sequence = 10'000;

/// How long the sequence of associations is, unless FIONA_FAULT_ASSOCIATIONS says otherwise.
unsigned sequence_length()
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    unsigned length = 300;
#else
    unsigned length = whole_sequence;
#endif
    // NOLINTNEXTLINE(concurrency-mt-unsafe) there is one thread, and nobody sets it
    const auto* const given = std::getenv("FIONA_FAULT_ASSOCIATIONS");
    const std::string_view text{given != nullptr ? given : ""};
    std::from_chars(text.data(), text.data() + text.size(), length);
    return length;
}

std::string address(std::size_t number)
{
    return fmt::format("127.0.1.{}", number + 1);
}

std::string growth(std::uint64_t before, std::uint64_t after)
{
    return after < before + little_kb ? "memory flat" : "memory grew";
}

/// One association of the kind that `number` says.
std::string one_association(const Bench& bench, unsigned number)
{
    constexpr unsigned kinds = 6;
    raw::Request request;
    const auto kind = number % kinds;
    if (kind == 3) {
        request.contexts = {{1, "1.2.840.10008.5.1.4.1.2.2.1", {raw::explicit_little}}};
    } else if (kind == 4) {
        request.version = 2;
    } else if (kind == 5) {
        request.user_items += request.user_items + request.user_items;
    }
    const raw::Connection connection{bench.port()};
    connection.send(request.bytes());
    auto words = raw::next_words(connection);
    if (kind == 2) {
        connection.send(raw::pdu(7, raw::big(0, 4)));
    } else if (words == "accepted") {
        connection.send(raw::pdu(5, raw::big(0, 4)));
        return words + ", " + raw::next_words(connection);
    }
    return words;
}

} // namespace

TEST_CASE("faults 1 and 4: crowds at the door")
{
    allow_descriptors();
    Bench bench;
    static_cast<void>(bench.others()); // what the first association costs is no growth
    const auto silent = [&](std::size_t count, std::size_t addresses) {
        return [&bench, count, addresses] {
            std::vector<raw::Connection> crowd;
            for (std::size_t i = 0; i < count; ++i) {
                crowd.emplace_back(bench.port(), address(i % addresses).c_str());
            }
            const auto same = bench.others(address(0).c_str());
            const auto ids = bench.fresh_ids();
            const auto start = std::chrono::steady_clock::now();
            const auto answer = bench.answer_to(ids, DataSet{ids}.bytes());
            const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
                std::chrono::steady_clock::now() - start);
            return fmt::format("same address {}; another: {}, {} a second [{} ms]", same, answer,
                               took < std::chrono::seconds{1} ? "within" : "after", took.count());
        };
    };
    const std::string unaffected = "same address served; another: status 0000, within a second";
    const std::vector<FaultCase> faults{
        {1, "silent connections", "200 from one address", unaffected, silent(200, 1)},
        {1, "silent connections", "1,000 from 50 addresses", unaffected, silent(1000, 50)},
        {4, "requests at once", "1,000 from 4 addresses",
         "20 accepted, 980 rejected 2/3/2; memory flat; then served",
         [&] {
             const auto before = bench.resident_kb();
             std::map<std::string, unsigned> answers;
             std::uint64_t during = 0;
             {
                 std::vector<raw::Connection> crowd;
                 for (std::size_t i = 0; i < 1000; ++i) {
                     crowd.emplace_back(bench.port(), address(i % 4).c_str());
                 }
                 for (const auto& one : crowd) {
                     one.send(raw::Request{}.bytes());
                 }
                 for (const auto& one : crowd) {
                     ++answers[raw::next_words(one)];
                 }
                 during = bench.resident_kb();
             }
             std::string seen;
             for (const auto& [words, count] : answers) {
                 seen += fmt::format("{}{} {}", seen.empty() ? "" : ", ", count, words);
             }
             std::string then;
             static_cast<void>(eventually([&] {
                 then = bench.others();
                 return then == "served";
             }));
             return fmt::format("{}; {}; then {} [{} kB, {} kB]", seen, growth(before, during),
                                then, before, during);
         }},
        {5, "associations one after the other", "of six kinds",
         "as the first ones; memory flat; no process left",
         [&] {
             std::map<unsigned, std::string> first;
             const auto length = sequence_length();
             unsigned strange = 0;
             std::uint64_t before = 0;
             for (unsigned i = 0; i < length; ++i) {
                 const auto words = one_association(bench, i);
                 const auto& expected = first.emplace(i % 6, words).first->second;
                 strange += words == expected ? 0U : 1U;
                 before = i == length / 10 ? bench.resident_kb() : before;
             }
             const auto after = bench.resident_kb();
             const bool is_alone = eventually([&] { return bench.is_without_associations(); });
             return fmt::format(
                 "{}; {}; {} [{} associations, {} kB, {} kB]",
                 strange == 0 ? "as the first ones" : fmt::format("{} strange answers", strange),
                 growth(before, after), is_alone ? "no process left" : "processes left", length,
                 before, after);
         }},
    };

    run_faults(faults);
    if (sequence_length() < whole_sequence) {
        skip_faults({5}, fmt::format("{} associations of {}", sequence_length(), whole_sequence));
    }

    CHECK(bench.bad_log_lines() == no_lines);
}
