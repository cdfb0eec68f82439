// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/triggers/users.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

using namespace fiona;

TEST_CASE("a user belongs to a project by list, by role, or by a permission of a role")
{
    const TempDir root;
    store::write_file(
        root / "users.json",
        R"({"users": [{"name": "alice", "email": "alice@example.org", "projects": ["A"]},
        {"name": "bob", "email": "bob", "roles": [7, "C"]}, {"name": "carl"}],
        "roles": [{"id": 7, "name": "readers", "permissions": [1]}],
        "permissions": [{"id": 1, "name": "ProjectB"}]})");

    const auto users = triggers::Users::load(root / "users.json");

    CHECK(users.mailbox("alice"));
    CHECK(users.belongs("alice", "A"));
    CHECK_FALSE(users.belongs("alice", "B"));
    CHECK_FALSE(users.mailbox("bob")); // that is no address
    CHECK(users.belongs("bob", "B"));
    CHECK(users.belongs("bob", "C"));
    CHECK_FALSE(users.belongs("bob", ""));
    CHECK_FALSE(users.mailbox("dora"));
    CHECK_FALSE(users.belongs("dora", "A"));
}

TEST_CASE("users that cannot be read are a matter of configuration: nobody gets mail")
{
    const TempDir root;
    const auto* const text =
        GENERATE("{", R"({"users": {}})", R"({"users": [{"name": "a", "projects": "A"}]})");
    CAPTURE(text);
    store::write_file(root / "users.json", text);

    const auto fault = [&](const std::filesystem::path& file) {
        try {
            static_cast<void>(triggers::Users::load(file));
        } catch (const Error& e) {
            return e.fault();
        }
        return Fault::internal;
    };
    CHECK(fault(root / "users.json") == Fault::config);
    CHECK(fault(root / "none.json") == Fault::config);
}
