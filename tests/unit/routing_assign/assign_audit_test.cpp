// SPDX-License-Identifier: MIT
#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/routing/assign_audit.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;

TEST_CASE("the audit log keeps one line per change, with tags and digests only")
{
    const TempDir root;
    const routing::AuditLog log{root / "logs/assign-audit.log"};
    const StudyUid study{"1.2.3"};

    log.append({"assign", study, ProjectName{"DEMO"}, ParticipantId{"DEMO_001"}}, TimePoint{});
    log.append({"add-participant", std::nullopt, ProjectName{"A B"}, ParticipantId{"X_1"}},
               TimePoint{});

    const auto text = read_file(root / "logs/assign-audit.log");
    const auto lines = split(trimmed(text), '\n');
    REQUIRE(lines.size() == 2);
    CHECK_THAT(std::string{lines[0]},
               Catch::Matchers::StartsWith("1970-01-01T00:00:00.000000Z user=")
                   && Contains(" command=assign study=" + log::uid_tag("1.2.3") + " project=DEMO")
                   && Contains("participant=" + sha256_hex("DEMO_001").substr(0, 16))
                   && !Contains("DEMO_001") && !Contains("1.2.3"));
    CHECK_THAT(std::string{lines[1]}, Contains(" study=- project=A%20B "));
}

TEST_CASE("a change that cannot be recorded is an error")
{
    const TempDir root;
    std::filesystem::create_directories(root / "log.d");

    CHECK_THROWS_AS(
        routing::AuditLog{root / "log.d"}.append(
            {"assign", std::nullopt, ProjectName{"DEMO"}, ParticipantId{"D_1"}}, TimePoint{}),
        Error);
}
