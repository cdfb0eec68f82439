// SPDX-License-Identifier: MIT
#include "libfiona/base/process.h"
#include "tests/support/skip.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <string>

using namespace fiona;
using Catch::Matchers::Contains;

namespace {

/// What this test is to be in a process of its own; empty in the one that looks at it.
std::string role()
{
    const auto* const given =
        std::getenv("FIONA_SKIP_TRIAL"); // NOLINT(concurrency-mt-unsafe) a test
    return given == nullptr ? "" : given;
}

Finished played(const std::string& name)
{
    return run({.arguments = {"/proc/self/exe", "a test that is skipped hides no failed check"},
                .environment = {"FIONA_SKIP_TRIAL=" + name}});
}

} // namespace

TEST_CASE("a test that is skipped hides no failed check")
{
    if (!role().empty()) {
        CHECK(role().find("fails") == std::string::npos);
        if (role().find("skips") != std::string::npos) {
            skip("as asked");
        }
        return;
    }

    CHECK(played("passes").exit_code == 0);
    const auto skipped = played("skips");
    CHECK(skipped.exit_code == skipped_exit_code);
    CHECK_THAT(skipped.out, Contains("SKIPPED: as asked\n"));
    CHECK(played("fails").exit_code == 1);
    const auto both = played("fails and skips");
    CHECK(both.exit_code == 1);
    CHECK_THAT(both.out, Contains("SKIPPED: as asked\n"));
}

TEST_CASE("as many failures as the code of a skip has are failures")
{
    CHECK(exit_code_of_run(skipped_exit_code, false) == 1);
    CHECK(exit_code_of_run(skipped_exit_code, true) == 1);
    CHECK(exit_code_of_run(3, true) == 3);
    CHECK(exit_code_of_run(0, true) == skipped_exit_code);
    CHECK(exit_code_of_run(0, false) == 0);
}
