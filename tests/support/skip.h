// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

/// Exit code of a test program whose run was right as far as it went and left something out (SKIP_RETURN_CODE of
/// ctest). A failed CHECK is never hidden by it.
constexpr int skipped_exit_code = 77;

/// Says `SKIPPED: reason` on standard output and has the program end with `skipped_exit_code` if nothing fails.
/// The test itself goes on: the caller leaves it.
void skip(std::string_view reason);

/// What the program ends with, when the run of its tests has ended with `result`.
[[nodiscard]] int exit_code_of_run(int result, bool is_skipped);
/// The same, with what `skip` was told in this process.
[[nodiscard]] int exit_code_of_run(int result);
