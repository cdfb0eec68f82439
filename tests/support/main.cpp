// SPDX-License-Identifier: MIT
#include "tests/support/skip.h"

#define CATCH_CONFIG_RUNNER // NOLINT(cppcoreguidelines-macro-usage) Catch asks for it
#include <catch2/catch.hpp>

int main(int argc, char** argv)
{
    return exit_code_of_run(Catch::Session{}.run(argc, argv));
}
