// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "tests/unit/redcapd/server_fixture.h"

#include <catch2/catch.hpp>

using Catch::Matchers::Contains;
using fiona::Database;
using fiona::Error;
using namespace fiona::redcapd;
namespace fs = std::filesystem;

TEST_CASE("setup: a second run makes nothing and changes no token")
{
    const Server server;
    const auto tokens = fiona::read_file(server.directory / "tokens");

    const auto report = initialize(
        {server.directory / "redcap.db", server.directory / "tokens", server.schemas}, server.now);

    CHECK(report.projects_made.empty());
    CHECK(report.tokens_made.empty());
    CHECK(fiona::read_file(server.directory / "tokens") == tokens);
}

TEST_CASE("setup: a tokens file without its database is a crash half-way, and is finished")
{
    const Server server;
    const TempDir other;

    const auto report =
        initialize({other / "redcap.db", server.directory / "tokens", server.schemas}, server.now);

    CHECK(report.tokens_made.empty());
    CHECK(report.projects_made.size() == 6);
    Api api{other / "redcap.db"};
    CHECK(
        api.handle(FormData{{{"token", server.token("dtp")}, {"content", "version"}}}).answer.status
        == 200);
}

TEST_CASE("setup: a lost line gets a new token, comments and other lines stay")
{
    const TempDir directory;
    const auto file = directory / "tokens";
    {
        std::ofstream out{file};
        out << "# mine\nincoming = TOKEN000TOKEN000TOKEN000TOKEN000\nother = ABC";
    }
    fs::permissions(file, fs::perms::owner_read | fs::perms::owner_write);

    const auto report = initialize(
        {directory / "redcap.db", file, FIONA_SOURCE_DIR "/share/redcap"}, fiona::TimePoint{});

    CHECK(report.tokens_made.size() == 5);
    CHECK_THAT(
        fiona::read_file(file),
        Contains("# mine\nincoming = TOKEN000TOKEN000TOKEN000TOKEN000\nother = ABC\nrouting = "));
    CHECK((fs::status(file).permissions() & fs::perms::mask)
          == (fs::perms::owner_read | fs::perms::owner_write));
}

TEST_CASE("setup: a tokens file that others can read is refused")
{
    const Server server;
    fs::permissions(server.directory / "tokens", fs::perms::group_read, fs::perm_options::add);

    CHECK_THROWS_AS(
        initialize({server.directory / "redcap.db", server.directory / "tokens", server.schemas},
                   server.now),
        Error);
}

TEST_CASE("setup: tokens are not in the database")
{
    const Server server;
    const auto token = server.token("incoming");

    std::string bytes;
    for (const auto& file : fs::directory_iterator{server.directory.path}) {
        if (file.path().filename().string().starts_with("redcap.db")) {
            bytes += fiona::read_file(file.path());
        }
    }

    CHECK(token.size() == 32);
    CHECK(bytes.find(token) == std::string::npos);
    CHECK(bytes.find("study_instance_uid") != std::string::npos);
}

TEST_CASE("setup: a new project can be chosen by a routing rule, and cannot be made twice")
{
    const Server server;
    Database database{server.directory / "redcap.db", Database::Open::existing};

    CHECK_THROWS_AS(
        create_project(database, {"DEMO", "research-project", {}}, server.schemas, server.now),
        Error);
    static_cast<void>(
        create_project(database, {"Lung, 2", "research-project", {}}, server.schemas, server.now));

    CHECK_THAT(
        server.call("routing", {{"content", "metadata"}, {"fields", "routing_dest_project"}}).body,
        Contains(R"("select_choices_or_calculations":"DEMO, DEMO | Lung__2, Lung, 2")"));
    CHECK(server.put("routing", R"([{"record_id":"1","routing_dest_project":"DEMO"}])").status
          == 200);
}

TEST_CASE("setup: a file of another program is not touched")
{
    const TempDir directory;
    {
        Database database{directory / "other.db", Database::Open::create};
        database.execute("CREATE TABLE mine (x)");
    }

    CHECK_THROWS_AS(Api{directory / "other.db"}, Error);
    CHECK_THROWS_AS(Api{directory / "none.db"}, Error);
    CHECK_FALSE(fs::exists(directory / "none.db"));
}

TEST_CASE("setup: a database of the first version is brought up to date, with all it holds")
{
    const Server server;
    REQUIRE(server.put("incoming", R"([{"study_instance_uid":"1.2"}])").status == 200);
    const auto before = server.get("incoming", {});
    Database database{server.directory / "redcap.db", Database::Open::existing};
    database.execute(
        "DROP TABLE report; DROP TABLE answered; DROP TABLE file; DROP TABLE super_token;"
        "DROP TABLE account; DROP TABLE setting;"
        "ALTER TABLE form DROP COLUMN unique_fields;"
        "ALTER TABLE event DROP COLUMN offset_max;"
        "ALTER TABLE event DROP COLUMN offset_min;"
        "ALTER TABLE event DROP COLUMN day_offset;"
        "ALTER TABLE event DROP COLUMN custom_label; PRAGMA user_version = 1");
    REQUIRE(server.call("incoming", {{"content", "version"}}).status == 500);

    prepare_tables(database);

    CHECK(server.get("incoming", {}) == before);
    prepare_tables(database); // nothing to do
    database.execute("PRAGMA user_version = 99");
    CHECK_THROWS_AS(prepare_tables(database), fiona::Error);
}
