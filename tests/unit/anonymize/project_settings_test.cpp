// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/settings.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <thread>

using namespace fiona;
using namespace fiona::anonymize;
namespace fs = std::filesystem;

namespace {

Config config_in(const TempDir& root)
{
    Config config;
    config.paths.data = root.path;
    config.deidentify.projects = root.path / "config" / "projects.json";
    config.deidentify.profile = root.path / "config" / "profile.csv";
    config.deidentify.safe_private = root.path / "config" / "safe-private.csv";
    return config;
}

Settings settings_of(const Config& config, const char* project = "GLIOMA")
{
    return project_settings(config, ProjectName{project}, ParticipantId{"P1"}, std::nullopt);
}

mode_t mode_of(const fs::path& path)
{
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 0777U;
}

} // namespace

TEST_CASE("a new project gets a key of its own, hmac UIDs and a shift per subject")
{
    const TempDir root;
    const auto config = config_in(root);

    const auto settings = settings_of(config, "GLIOMA æ 1");

    CHECK(settings.scheme == UidScheme::hmac);
    CHECK(settings.date_shift.kind == DateShift::Kind::subject);
    REQUIRE(settings.key_file.has_value());
    CHECK(settings.key_file->parent_path() == config.paths.keys());
    CHECK(fs::file_size(*settings.key_file) == 32);
    CHECK(mode_of(*settings.key_file) == 0600);
    CHECK(mode_of(config.paths.keys()) == 0700);
    CHECK(mode_of(config.deidentify.projects) == 0600);
}

TEST_CASE("the second call finds the same key and changes nothing")
{
    const TempDir root;
    const auto config = config_in(root);
    const auto first = settings_of(config);
    const auto noted = read_file(config.deidentify.projects);
    const auto key = read_file(*first.key_file);

    const auto second = settings_of(config);

    CHECK(second.key_file == first.key_file);
    CHECK(read_file(config.deidentify.projects) == noted);
    CHECK(read_file(*second.key_file) == key);
}

TEST_CASE("a lost key and a changed key are refused")
{
    const TempDir root;
    const auto config = config_in(root);
    const auto key = *settings_of(config).key_file;

    SECTION("lost")
    {
        fs::remove(key);
    }
    SECTION("changed")
    {
        store::write_file(key, std::string(32, 'x'), 0600);
    }
    SECTION("cut")
    {
        store::write_file(key, "short", 0600);
    }
    SECTION("open to others")
    {
        fs::permissions(key, fs::perms{0644});
    }

    try {
        static_cast<void>(settings_of(config));
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
    }
    CHECK((!fs::exists(key) || fs::file_size(key) != 0));
}

TEST_CASE("a key whose digest was not noted before a crash is adopted")
{
    const TempDir root;
    const auto config = config_in(root);
    const auto first = settings_of(config);
    const auto key = read_file(*first.key_file);
    fs::remove(config.deidentify.projects);

    const auto second = settings_of(config);

    CHECK(read_file(*second.key_file) == key);
    CHECK(json::parse(read_file(config.deidentify.projects), "p").find("GLIOMA") != nullptr);
}

TEST_CASE("a project that holds data keeps its scheme and shift and needs no key")
{
    const TempDir root;
    const auto config = config_in(root);
    make_directories(root.path / "config");
    store::write_file(config.deidentify.projects,
                      R"({"OLD": {"uid_scheme": "compat-hex"},
                          "OTHER": {"uid_scheme": "compat-dec", "date_shift": {"mode": "fixed", "days": 7}}})");

    const auto old_one = settings_of(config, "OLD");
    const auto other = settings_of(config, "OTHER");

    CHECK(old_one.scheme == UidScheme::compat_hex);
    CHECK(old_one.date_shift.kind == DateShift::Kind::fixed);
    CHECK(old_one.date_shift.days == 42);
    CHECK_FALSE(old_one.key_file.has_value());
    CHECK(other.scheme == UidScheme::compat_dec);
    CHECK(other.date_shift.days == 7);
    CHECK_FALSE(fs::exists(config.paths.keys()));
}

TEST_CASE("a project file that makes no sense is a fault of the configuration")
{
    const TempDir root;
    const auto config = config_in(root);
    make_directories(root.path / "config");
    const auto* const text =
        GENERATE(R"({"GLIOMA": {"uid_scheme": "md5"}})", R"({"GLIOMA": 1})", R"([1])",
                 R"({"GLIOMA")", R"({"GLIOMA": {"date_shift": {"mode": "fixed"}}})",
                 R"({"GLIOMA": {"date_shift": {"mode": "never"}}})");
    store::write_file(config.deidentify.projects, text);

    try {
        static_cast<void>(settings_of(config));
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.fault() == Fault::config);
    }
}

TEST_CASE("two workers that meet a new project at once use one key")
{
    const TempDir root;
    const auto config = config_in(root);
    std::vector<std::string> keys(4);
    {
        std::vector<std::jthread> threads;
        for (auto& key : keys) {
            threads.emplace_back([&] { key = read_file(*settings_of(config).key_file); });
        }
    }

    CHECK(keys[0] == keys[1]);
    CHECK(keys[0] == keys[2]);
    CHECK(keys[0] == keys[3]);
}

TEST_CASE("a project whose name begins with that of another has a key and a shift of its own")
{
    const TempDir root;
    const auto config = config_in(root);
    const auto one = settings_of(config, "GLIOMA");
    const auto more = settings_of(config, "GLIOMA 2");
    const auto norse = settings_of(config, "GLIOMA æøå");

    REQUIRE((one.key_file && more.key_file && norse.key_file));
    const auto key = read_file(*one.key_file);
    CHECK(key != read_file(*more.key_file));
    CHECK(key != read_file(*norse.key_file));
    // Without the other two, the first is what it was.
    fs::remove(*more.key_file);
    fs::remove(*norse.key_file);
    CHECK(read_file(*settings_of(config, "GLIOMA").key_file) == key);
    CHECK_THROWS_AS(settings_of(config, "GLIOMA 2"), Error); // and a lost key is never made anew
}
