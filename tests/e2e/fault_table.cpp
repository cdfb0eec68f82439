// SPDX-License-Identifier: MIT
#include "tests/e2e/fault_table.h"

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

/// Prints the report behind the last test, whether all passed or not.
struct ReportPrinter : Catch::TestEventListenerBase {
    using TestEventListenerBase::TestEventListenerBase;

    void testRunEnded(const Catch::TestRunStats& statistics) override
    {
        if (!lines().empty()) {
            std::cout << fault_report() << std::flush;
            // For scripts/fault-report: ctest keeps only the beginning of a long output.
            // NOLINTNEXTLINE(concurrency-mt-unsafe) the tests are over
            if (const auto* const file = std::getenv("FIONA_FAULT_ROWS")) {
                std::ofstream{file} << fault_report();
            }
        }
        TestEventListenerBase::testRunEnded(statistics);
    }
};

} // namespace

CATCH_REGISTER_LISTENER(ReportPrinter)

void run_faults(const std::vector<FaultCase>& faults)
{
    for (const auto& fault : faults) {
        const auto start = std::chrono::steady_clock::now();
        const auto seen = acted(fault);
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - start);
        const bool is_right = without_measurement(seen) == fault.must_see;
        lines().push_back({fault.number, fmt::format("case {:2} {}  {}: {} -> {} ({} ms)\n",
                                                     fault.number, is_right ? "ok    " : "FAILED",
                                                     fault.name, fault.done, seen, took.count())});
        INFO("case " << fault.number << " " << fault.name << ": " << fault.done);
        CHECK(without_measurement(seen) == fault.must_see);
    }
}

std::string fault_report()
{
    std::ranges::stable_sort(lines(), {}, &Line::number);
    std::string text;
    for (const auto& line : lines()) {
        text += line.text;
    }
    return text + fmt::format("{} rows\n", lines().size());
}
