// SPDX-License-Identifier: MIT
#include "tests/support/skip.h"

#include <atomic>
#include <iostream>

namespace {

std::atomic<bool>& anything_skipped()
{
    static std::atomic<bool> is_skipped{false};
    return is_skipped;
}

} // namespace

void skip(std::string_view reason)
{
    anything_skipped() = true;
    std::cout << "SKIPPED: " << reason
              << std::endl; // NOLINT(performance-avoid-endl) ctest may kill us
}

int exit_code_of_run(int result, bool is_skipped)
{
    if (result == skipped_exit_code) {
        return 1; // Catch's is the number of failures
    }
    return result == 0 && is_skipped ? skipped_exit_code : result;
}

int exit_code_of_run(int result)
{
    return exit_code_of_run(result, anything_skipped());
}
