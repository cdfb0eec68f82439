// SPDX-License-Identifier: MIT
#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/site/demo.h"
#include "libfiona/site/init.h"
#include "libfiona/site/layout.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <unistd.h>

#include <cstdlib>
#include <map>

using namespace fiona;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

/// Shipped files of our own, so that the test needs no installation.
class Share {
public:
    Share()
    {
        for (const auto* const name : {"rules", "profiles"}) {
            fs::create_directories(m_directory / name);
        }
        store::write_file(m_directory / "rules/classifyRules.json", "[]\n");
        store::write_file(m_directory / "profiles/profile.csv", "tag,action\n");
        store::write_file(m_directory / "profiles/safe-private.csv", "creator\n");
        for (const auto* const shipped : {"systemd", "logrotate"}) {
            fs::copy(fs::path{FIONA_SOURCE_DIR} / "share" / shipped, m_directory / shipped,
                     fs::copy_options::recursive);
        }
        fs::copy_file(fs::path{FIONA_SOURCE_DIR} / "crontab.example",
                      m_directory / "crontab.example");
        ::setenv("FIONA_SHARE", m_directory.path.c_str(), 1);
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share() { ::unsetenv("FIONA_SHARE"); }

private:
    TempDir m_directory;
};

/// Every path below `root` with its content, to compare before and after.
std::map<std::string, std::string> snapshot(const fs::path& root)
{
    std::map<std::string, std::string> content;
    for (const auto& entry : fs::recursive_directory_iterator{root}) {
        content[entry.path().native()] =
            entry.is_regular_file() ? read_file(entry.path()) : "directory";
    }
    return content;
}

} // namespace

TEST_CASE("init makes a site that Config reads, with every directory and tight modes")
{
    const Share share;
    const TempDir root;

    const auto report = site::init_site(root / "new", site::Kind::plain, Mode::apply);

    const auto config = Config::load(report.config_file);
    CHECK(config.paths.data == root / "new/data");
    CHECK(config.paths.processing == root / "new/home/processing");
    for (const auto& directory : site::directories(config.paths)) {
        CAPTURE(directory.path);
        REQUIRE(fs::is_directory(directory.path));
        CHECK((fs::status(directory.path).permissions() & fs::perms::mask)
              == static_cast<fs::perms>(directory.mode));
    }
    CHECK(fs::status(config.redcap.tokens_file).permissions()
          == (fs::perms::owner_read | fs::perms::owner_write));
    CHECK(read_file(config.deidentify.projects) == "{}\n");
    CHECK(read_file(config.classify_rules) == "[]\n");
    CHECK(config.redcap.url.empty());
    CHECK((report.notes.size() == 3) == (::geteuid() == 0)); // root is told better
}

TEST_CASE("a second init changes nothing, keeps what was edited and makes what was lost")
{
    const Share share;
    const TempDir root;
    static_cast<void>(site::init_site(root.path, site::Kind::plain, Mode::apply));
    const auto config = Config::load(root / "data/config/config.json");
    store::write_file(config.deidentify.projects, "{\"DEMO\": {}}\n");
    const auto before = snapshot(root.path);

    const auto second = site::init_site(root.path, site::Kind::plain, Mode::apply);
    CHECK(second.made.empty());
    CHECK(snapshot(root.path) == before);

    fs::remove_all(config.paths.spool());
    const auto third = site::init_site(root.path, site::Kind::plain, Mode::apply);
    CHECK(third.made == std::vector<fs::path>{config.paths.spool()});
    CHECK(snapshot(root.path) == before);
}

TEST_CASE("init refuses a directory that holds something else, and touches nothing there")
{
    const Share share;
    const TempDir root;
    store::write_file(root / "thesis.txt", "years of work");
    const auto before = snapshot(root.path);

    CHECK_THROWS_WITH(site::init_site(root.path, site::Kind::plain, Mode::apply),
                      Contains("not empty"));

    CHECK(snapshot(root.path) == before);
}

TEST_CASE("init completes a site whose first init died before or after the configuration")
{
    const Share share;
    const TempDir root;
    fs::create_directories(root / "data/config");
    store::write_file(root / "data/config/.config.json.1.1.part", "{\"RO");

    const auto report = site::init_site(root.path, site::Kind::plain, Mode::apply);

    CHECK_NOTHROW(Config::load(report.config_file));
}

TEST_CASE("init in a dry run makes nothing")
{
    const Share share;
    const TempDir root;

    const auto report = site::init_site(root / "new", site::Kind::plain, Mode::dry_run);

    CHECK(report.made.size() > 20);
    CHECK(!fs::exists(root / "new"));
}

TEST_CASE("a root that a crontab line cannot hold is refused")
{
    const TempDir root;
    const auto* const name = GENERATE("with blank", "per%cent", "quo'te", "new\nline", "$HOME");
    CAPTURE(name);

    CHECK_THROWS_AS(site::init_site(root / name, site::Kind::plain, Mode::apply), Error);
    CHECK(fs::is_empty(root.path));
}

TEST_CASE("the crontab of a site has no place-holder left, and no embedded REDCap")
{
    const Share share;
    const TempDir root;

    static_cast<void>(site::init_site(root.path, site::Kind::plain, Mode::apply));

    const auto crontab = read_file(root / "crontab");
    CHECK(crontab.find('@') == std::string::npos);
    CHECK_THAT(crontab, Contains("flock -n -E 75 " + (root / "home/processing/.pids").native()
                                 + "/fiona-detect-arrival.pid "));
    CHECK_THAT(crontab, Contains("fiona-anonymize-send --config "
                                 + (root / "data/config/config.json").native() + " >> "));
    CHECK_THAT(crontab, !Contains("\n* * * * * fiona-redcapd"));
    CHECK_THAT(crontab, Contains("#embedded-redcap# * * * * * "));
}

TEST_CASE("a site that is no demo does not become one")
{
    const Share share;
    const TempDir root;
    static_cast<void>(site::init_site(root.path, site::Kind::plain, Mode::apply));

    CHECK_THROWS_WITH(site::init_site(root.path, site::Kind::demo, Mode::apply),
                      Contains("no demo"));
}

TEST_CASE("the demo PACS is one storage area that every peer may write to")
{
    const auto text = site::dcmqrscp_config("/srv/demo/pacs/RESEARCH", 11113);

    CHECK_THAT(text, Contains("NetworkTCPPort  = 11113\n"));
    CHECK_THAT(text, Contains("RESEARCH  /srv/demo/pacs/RESEARCH  RW"));
}
