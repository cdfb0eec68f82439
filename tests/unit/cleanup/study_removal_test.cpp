// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/study_removal.h"
#include "tests/support/old_site.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using cleanup::StudyRemoval;
namespace fs = std::filesystem;

namespace {

const auto yes = [](const store::Folder&) { return true; };

/// The first of two studies in the trash, as a run that was killed left it.
struct KilledSite : OldSite {
    KilledSite() : OldSite{2}
    {
        REQUIRE(StudyRemoval{paths}.take(study(1), yes) == StudyRemoval::Taken::yes);
    }
    [[nodiscard]] fs::path trash(const fs::path& base) const
    {
        return base / ".trash" / fmt::format("{}.{}", study(1), ::getpid());
    }
};

} // namespace

TEST_CASE(
    "a study that was only moved to the trash is finished by the next run, its neighbour stays")
{
    const KilledSite site;
    CHECK(site.is_there(1) == -1);

    const auto finished = StudyRemoval{site.paths}.finish_leftovers();

    CHECK(finished.studies == std::set{OldSite::study(1)});
    CHECK(finished.amount.bytes > 0);
    CHECK(site.is_there(1) == 0);
    CHECK(site.is_there(2) == 1);
    CHECK(StudyRemoval{site.paths}.finish_leftovers().studies.empty());
}

TEST_CASE("a study of which raw/ is in the trash too, half emptied, is finished")
{
    const KilledSite site;
    fs::create_directories(site.paths.raw() / ".trash");
    fs::rename(site.paths.raw() / OldSite::study(1).str(), site.trash(site.paths.raw()));
    fs::remove(site.trash(site.paths.archive()) / ("MR." + OldSite::study(1).str() + ".1.1"));

    StudyRemoval{site.paths}.finish_leftovers();

    CHECK(site.is_there(1) == 0);
    CHECK(fs::is_empty(site.paths.raw() / ".trash"));
    CHECK(fs::is_empty(site.paths.archive() / ".trash"));
}

TEST_CASE("what was received again after a kill keeps its links, the old objects go")
{
    const KilledSite site;
    const auto uid = OldSite::study(1).str();
    fs::remove_all(site.paths.raw() / uid); // as fiona-clear-stale-links does
    sort_object(site.paths, uid, uid + ".7", uid + ".7.1");

    StudyRemoval{site.paths}.finish_leftovers();

    CHECK(fs::exists(site.paths.raw() / uid / (uid + ".7") / (uid + ".7.1")));
    CHECK(fs::exists(site.archived(1) / ("MR." + uid + ".7.1")));
    CHECK_FALSE(fs::exists(site.trash(site.paths.archive())));
}

TEST_CASE("a link that leads to an object never stays in the trash")
{
    const KilledSite site;
    const auto uid = OldSite::study(1).str();
    fs::create_directories(site.paths.raw() / ".trash");
    fs::rename(site.paths.raw() / uid, site.trash(site.paths.raw()));
    // Received and sorted again while raw/ was on its way into the trash.
    const auto object = receive_object(site.paths, uid, uid + ".1.2");
    const auto link = site.trash(site.paths.raw()) / (uid + ".1") / (uid + ".1.2");
    fs::remove(link);
    fs::create_symlink(object, link);

    StudyRemoval{site.paths}.finish_leftovers();

    CHECK(fs::exists(site.paths.raw() / uid / (uid + ".1") / (uid + ".1.2")));
    CHECK(fs::exists(site.paths.raw() / uid / (uid + ".1.json")));
    CHECK_FALSE(fs::is_symlink(site.paths.raw() / uid / (uid + ".1") / (uid + ".1.1")));
}

TEST_CASE("what is not ours in a trash stays")
{
    const KilledSite site;
    fs::create_directories(site.paths.archive() / ".trash/of a person");
    std::ofstream{site.paths.archive() / ".trash/note"} << "x";

    StudyRemoval{site.paths}.finish_leftovers();

    CHECK(fs::exists(site.paths.archive() / ".trash/of a person"));
    CHECK(fs::exists(site.paths.archive() / ".trash/note"));
}

TEST_CASE("the link of a participant that has got another study since is not taken")
{
    const OldSite site{2};
    cleanup::StudyLinks links{site.paths};
    CHECK(links.count(OldSite::study(1)) == 2);
    for (const auto& entry : fs::recursive_directory_iterator{site.paths.participants()}) {
        if (entry.is_symlink()
            && fs::read_symlink(entry.path()).filename() == OldSite::study(1).str()) {
            fs::remove(entry.path());
            fs::create_symlink(site.paths.raw() / OldSite::study(2).str(), entry.path());
            break;
        }
    }

    CHECK(links.remove(OldSite::study(1)) == 1); // the one of srs/

    CHECK(OldSite::count_links(site.paths.participants(), OldSite::study(2).str()) == 2);
    CHECK(fs::is_directory(site.paths.srs()));
}
