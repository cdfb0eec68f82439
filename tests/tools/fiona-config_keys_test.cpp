// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>
#include <sysexits.h>

using namespace fiona;
using Catch::Contains;
namespace fs = std::filesystem;

namespace {

struct Site {
    Site()
    {
        REQUIRE(run_tool("fiona-config", {"init", "--root", root / "site"}).exit_code == EX_OK);
    }

    /// `words`: action and its arguments.
    [[nodiscard]] Outcome run(std::vector<std::string> words) const
    {
        words.insert(words.begin(),
                     {"--json", "--config", root.path / "site/data/config/config.json", "key"});
        return run_tool("fiona-config", words);
    }

    [[nodiscard]] fs::path secret() const { return root.path / "site/data/config/keys/GLIOMA.key"; }

    TempDir root;
};

std::string field(const Outcome& outcome, const char* name)
{
    return json::parse(outcome.out, "out").array().at(0).text(name);
}

mode_t mode_of(const fs::path& file)
{
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    return status.st_mode & 0777U;
}

} // namespace

TEST_CASE("fiona-config: a key is made once, told by its fingerprint, never shown")
{
    const Site site;

    const auto first = site.run({"create", "GLIOMA"});
    const auto second = site.run({"create", "GLIOMA"});
    const auto shown = site.run({"show"});

    CAPTURE(first.err);
    CHECK(first.exit_code == EX_OK);
    CHECK(field(first, "key") == "in use");
    CHECK(field(first, "fingerprint").size() == 16);
    CHECK(second.out == first.out);
    CHECK(field(shown, "fingerprint") == field(first, "fingerprint"));
    CHECK(mode_of(site.secret()) == 0600);
    CHECK_THAT(shown.out + first.out, !Contains(read_file(site.secret())));
}

TEST_CASE("fiona-config: a lost key comes back from its backup, another one does not")
{
    const Site site;
    const auto backup = site.root / "backup.json";
    const auto made = site.run({"create", "GLIOMA"});
    CHECK(site.run({"backup", "GLIOMA", backup}).exit_code == EX_OK);
    CHECK(mode_of(backup) == 0600);
    CHECK(site.run({"backup", "GLIOMA", backup}).exit_code == EX_TEMPFAIL); // never overwritten
    const auto bytes = read_file(site.secret());
    fs::remove(site.secret());

    CHECK(field(site.run({"show", "GLIOMA"}), "key") == "lost");
    CHECK(site.run({"create", "GLIOMA"}).exit_code == EX_CONFIG);
    CHECK(site.run({"restore", "OTHER", backup}).exit_code == EX_CONFIG);
    CHECK(site.run({"restore", "GLIOMA", backup}).exit_code == EX_OK);
    CHECK(site.run({"restore", "GLIOMA", backup}).exit_code == EX_OK);
    CHECK(read_file(site.secret()) == bytes);

    store::write_file(site.secret(), std::string(32, 'x'), 0600);
    CHECK(field(site.run({"show", "GLIOMA"}), "key") == "changed or unreadable");
    CHECK(site.run({"create", "GLIOMA"}).exit_code == EX_CONFIG);
}

TEST_CASE(
    "fiona-config: a destroyed key is gone for good, and only when its project is named twice")
{
    const Site site;
    const auto backup = site.root / "backup.json";
    CHECK(site.run({"create", "GLIOMA"}).exit_code == EX_OK);
    CHECK(site.run({"backup", "GLIOMA", backup}).exit_code == EX_OK);

    CHECK(site.run({"destroy", "GLIOMA"}).exit_code == EX_USAGE);
    CHECK(site.run({"destroy", "GLIOMA", "--confirm", "OTHER"}).exit_code == EX_USAGE);
    CHECK(fs::exists(site.secret()));
    CHECK(site.run({"destroy", "GLIOMA", "--confirm", "GLIOMA"}).exit_code == EX_OK);

    CHECK_FALSE(fs::exists(site.secret()));
    CHECK(field(site.run({"show", "GLIOMA"}), "key") == "destroyed");
    CHECK(site.run({"create", "GLIOMA"}).exit_code == EX_CONFIG);
    CHECK(site.run({"restore", "GLIOMA", backup}).exit_code == EX_CONFIG);
}

TEST_CASE("fiona-config: a project without a key still loses its mappings")
{
    const Site site;
    const auto mappings = site.root.path / "site/data/config/keys/mapping/GLIOMA";
    CHECK(site.run({"destroy", "GLIOMA", "--confirm", "GLIOMA"}).exit_code == EX_NOINPUT);
    fs::create_directories(mappings);
    store::write_file(mappings / "1.2.3.json", "{}", 0600);

    CHECK(site.run({"destroy", "GLIOMA", "--confirm", "GLIOMA"}).exit_code == EX_OK);

    CHECK_FALSE(fs::exists(mappings));
    CHECK(site.run({"destroy", "GLIOMA", "--confirm", "GLIOMA"}).exit_code == EX_NOINPUT);
}

TEST_CASE("fiona-config: a dry run of a key command changes nothing")
{
    const Site site;
    const auto config = (site.root.path / "site/data/config/config.json").native();
    CHECK(run_tool("fiona-config", {"-n", "--config", config, "key", "create", "GLIOMA"}).exit_code
          == EX_OK);
    CHECK_FALSE(fs::exists(site.secret()));
    CHECK(site.run({"create", "GLIOMA"}).exit_code == EX_OK);
    CHECK(run_tool("fiona-config",
                   {"-n", "--config", config, "key", "destroy", "GLIOMA", "--confirm", "GLIOMA"})
              .exit_code
          == EX_OK);
    CHECK(fs::exists(site.secret()));
}
