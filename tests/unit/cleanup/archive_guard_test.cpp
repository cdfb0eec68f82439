// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cleanup/archive_guard.h"
#include "tests/support/sorted_site.h"

#include <catch2/catch.hpp>

using namespace fiona;
using Catch::Matchers::Contains;
using cleanup::check_archive;
using cleanup::Emptiness;
namespace fs = std::filesystem;

namespace {

struct KnownSite : SortedSite {
    KnownSite()
    {
        sort("1.2.3", "1.2.3.1", "1.2.3.1.1");
        check_archive(paths, Mode::apply, Emptiness::refused);
    }
    void check(Emptiness emptiness = Emptiness::refused) const
    {
        check_archive(paths, Mode::apply, emptiness);
    }
};

} // namespace

TEST_CASE("the archive of the site is known again, after a move too")
{
    const KnownSite site;
    CHECK_NOTHROW(site.check());

    fs::rename(site.paths.archive(), site.root / "new disk");
    fs::create_directory_symlink(site.root / "new disk", site.paths.archive());

    CHECK_NOTHROW(site.check());
}

TEST_CASE("an archive that is away, empty or another one is refused")
{
    const KnownSite site;
    std::string expected;
    SECTION("away")
    {
        fs::remove_all(site.paths.archive());
        expected = "the archive";
    }
    SECTION("the empty mount point of a disk that is away")
    {
        fs::remove_all(site.paths.archive());
        fs::create_directory(site.paths.archive());
        expected = "is its disk mounted?";
    }
    SECTION("the archive of another site")
    {
        const KnownSite other;
        fs::remove_all(site.paths.archive());
        fs::create_directory_symlink(other.paths.archive(), site.paths.archive());
        CHECK_THROWS_WITH(site.check(), Contains("is not the archive of this site"));
        return;
    }
    SECTION("empty, and known to be ours")
    {
        fs::remove_all(site.paths.archive() / "scp_1.2.3");
        CHECK_NOTHROW(site.check(Emptiness::allowed));
        expected = "holds no study";
    }
    CHECK_THROWS_WITH(site.check(), Contains(expected));
}

TEST_CASE("a new site without a study passes, and a dry run writes nothing")
{
    const SortedSite site;
    CHECK_NOTHROW(check_archive(site.paths, Mode::apply, Emptiness::refused));
    CHECK_FALSE(fs::exists(site.paths.archive() / ".fiona-archive"));
    site.receive("1.2.3", "1.2.3.1");

    check_archive(site.paths, Mode::dry_run, Emptiness::refused);
    CHECK_FALSE(fs::exists(site.paths.archive() / ".fiona-archive"));

    check_archive(site.paths, Mode::apply, Emptiness::refused);
    CHECK(fs::exists(site.paths.archive() / ".fiona-archive"));
    fs::remove(site.paths.status() / "archive-id"); // killed in between, or a new state/
    CHECK_NOTHROW(check_archive(site.paths, Mode::apply, Emptiness::refused));
    CHECK(fs::exists(site.paths.status() / "archive-id"));
}
