// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/transfer/audit.h"
#include "tests/support/transfer_site.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using transfer::AuditLog;

TEST_CASE("a record is found again by its id, and not by that of another")
{
    const TransferSite site;
    const AuditLog audit{site.paths()};
    CHECK_FALSE(audit.has("a1"));

    audit.append(json::Object{{"id", "a1"}, {"error", ""}});

    CHECK(audit.has("a1"));
    CHECK_FALSE(audit.has("a2"));
}

TEST_CASE("a record that a crash cut short does not count and does not swallow the next")
{
    const TransferSite site;
    const AuditLog audit{site.paths()};
    const auto file = site.paths().logs() / "transfers-audit.jsonl";
    std::ofstream{file} << R"({"counts":{"in":3},"id":"a1","er)";
    CHECK_FALSE(audit.has("a1"));

    audit.append(json::Object{{"id", "a2"}});

    CHECK(audit.has("a2"));
    CHECK_FALSE(audit.has("a1"));
    CHECK(read_file(file).ends_with("\n{\"id\":\"a2\"}\n"));
}
