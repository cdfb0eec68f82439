// SPDX-License-Identifier: MIT
#include "tests/e2e/fault_table.h"

#include "tests/support/skip.h"

#define CATCH_CONFIG_EXTERNAL_INTERFACES // NOLINT(cppcoreguidelines-macro-usage) Catch asks for it
#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>

namespace {

struct Line {
    unsigned number;
    std::string text;
    bool is_failed;
};

std::vector<Line>& lines()
{
    static std::vector<Line> all;
    return all;
}

std::string without_measurement(const std::string& seen)
{
    return seen.ends_with(']') ? seen.substr(0, seen.rfind(" [")) : seen;
}

std::string acted(const FaultCase& fault)
{
    try {
        return fault.act();
    } catch (const std::exception& e) {
        return std::string{"exception: "} + e.what();
    }
}

/// One line for each row so far, sorted by number.
std::string all_rows()
{
    std::ranges::stable_sort(lines(), {}, &Line::number);
    std::string text;
    for (const auto& line : lines()) {
        text += line.text;
    }
    return text;
}

/// Prints the report behind the last test, whether all passed or not.
struct ReportPrinter : Catch::TestEventListenerBase {
    using TestEventListenerBase::TestEventListenerBase;

    void testRunEnded(const Catch::TestRunStats& statistics) override
    {
        const auto failed_rows =
            static_cast<std::size_t>(std::ranges::count_if(lines(), &Line::is_failed));
        const auto report = all_rows()
                            + fmt::format("{} rows, {} failures beside them\n", lines().size(),
                                          statistics.totals.assertions.failed - failed_rows);
        if (!lines().empty()) {
            std::cout << report << std::flush;
            // For scripts/fault-report: ctest keeps only the beginning of a long output.
            // NOLINTNEXTLINE(concurrency-mt-unsafe) the tests are over
            if (const auto* const file = std::getenv("FIONA_FAULT_ROWS")) {
                std::ofstream{file} << report;
            }
        }
        TestEventListenerBase::testRunEnded(statistics);
    }
};

} // namespace

CATCH_REGISTER_LISTENER(ReportPrinter)

void skip_faults(std::initializer_list<unsigned> numbers, const std::string& reason)
{
    for (const auto number : numbers) {
        lines().push_back({number, fmt::format("case {:2} SKIPPED {}\n", number, reason), false});
    }
    skip(reason);
}

void run_faults(const std::vector<FaultCase>& faults)
{
    for (const auto& fault : faults) {
        const auto start = std::chrono::steady_clock::now();
        const auto seen = acted(fault);
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - start);
        const bool is_right = without_measurement(seen) == fault.must_see;
        lines().push_back({fault.number,
                           fmt::format("case {:2} {}  {}: {} -> {} ({} ms)\n", fault.number,
                                       is_right ? "ok    " : "FAILED", fault.name, fault.done, seen,
                                       took.count()),
                           !is_right});
        INFO("case " << fault.number << " " << fault.name << ": " << fault.done);
        CHECK(without_measurement(seen) == fault.must_see);
    }
}
