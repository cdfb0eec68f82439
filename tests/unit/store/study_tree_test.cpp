// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/store/study_tree.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <fstream>

using namespace fiona;
using Catch::Matchers::Contains;
using store::SeriesJsonUpdate;
using store::StudyTree;
namespace fs = std::filesystem;

namespace {

const StudyUid study{"1.2.3"};
const SeriesUid series{"1.2.3.4"};
const SopInstanceUid sop{"1.2.3.4.5"};

/// A site with one archived file.
struct Site {
    TempDir directory;
    Paths paths;
    StudyTree tree;

    Site() : paths{made(directory)}, tree{paths}
    {
        fs::create_directories(paths.archive());
        std::ofstream{file()} << "DICM";
    }
    [[nodiscard]] fs::path file() const { return paths.archive() / "file"; }

    static Paths made(const TempDir& directory)
    {
        Paths result;
        result.data = directory / "data";
        return result;
    }
};

std::vector<std::string> names_in(const fs::path& directory)
{
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{directory}) {
        names.push_back(entry.path().filename().native());
    }
    std::ranges::sort(names);
    return names;
}

} // namespace

TEST_CASE("an instance is linked once and found")
{
    const Site site;

    CHECK(site.tree.link_instance(study, series, sop, site.file()));
    CHECK_FALSE(site.tree.link_instance(study, series, sop, site.file()));

    CHECK(site.tree.count_instances(study, series) == 1);
    CHECK(fs::read_symlink(site.tree.instances(study, series).at(0)) == site.file());
    CHECK(site.tree.studies() == std::vector{study});
    CHECK(site.tree.has_study(study));
}

TEST_CASE("a link that dangles is replaced")
{
    const Site site;
    site.tree.link_instance(study, series, sop, "/gone");

    CHECK(site.tree.link_instance(study, series, sop, site.file()));

    CHECK(fs::read_symlink(site.tree.instances(study, series).at(0)) == site.file());
    CHECK(names_in(site.tree.series_directory(study, series)).size() == 1);
}

TEST_CASE("a tree that does not exist yet is empty")
{
    const Site site;

    CHECK(site.tree.studies().empty());
    CHECK_FALSE(site.tree.has_study(study));
    CHECK(site.tree.series(study).empty());
    CHECK(site.tree.instances(study, series).empty());
    CHECK_FALSE(site.tree.newest_change(study).has_value());
}

TEST_CASE("a patient id of any text stays inside participants")
{
    const Site site;
    const auto id =
        GENERATE(as<std::string>{}, "../../x", "/etc", ".", "..", "a/b", "x\ny", "%", "Å 1");
    CAPTURE(id);

    site.tree.link_participant(Private{id}, "20230415", "101112", study);

    const auto directories = names_in(site.paths.participants());
    REQUIRE(directories.size() == 1);
    CHECK(directories[0].find_first_of("/\n ") == std::string::npos);
    CHECK(directories[0].front() != '.');
    const auto link = site.paths.participants() / directories[0] / "20230415_101112";
    CHECK(fs::read_symlink(link) == site.tree.study_directory(study));
    CHECK(names_in(site.directory.path) == std::vector<std::string>{"data"});
}

TEST_CASE("date and time of any text are one file name, nothing is \"unknown\"")
{
    const Site site;

    site.tree.link_participant(Private{std::string{"P1"}}, "../../../x", "", study);

    CHECK(names_in(site.paths.participants() / "P1").size() == 1);
    CHECK_THAT(names_in(site.paths.participants() / "P1").at(0), Contains("_unknown"));
}

TEST_CASE("a study without patient id gets no participant")
{
    const Site site;

    site.tree.link_participant(Private{std::string{}}, "20230415", "101112", study);

    CHECK_FALSE(fs::exists(site.paths.participants()));
}

TEST_CASE("two studies of the same date and time get two links, the same study one")
{
    const Site site;
    const StudyUid other{"1.2.9"};
    const Private<std::string> id{"P1"};
    for (const auto& uid : {study, other}) {
        fs::create_directories(site.tree.study_directory(uid));
    }

    for (int twice = 0; twice < 2; ++twice) {
        site.tree.link_participant(id, "20230415", "101112", study);
        site.tree.link_participant(id, "20230415", "101112", other);
    }

    const auto directory = site.paths.participants() / "P1";
    CHECK(names_in(directory) == std::vector<std::string>{"20230415_101112", "20230415_101112_2"});
    CHECK(fs::read_symlink(directory / "20230415_101112_2") == site.tree.study_directory(other));
}

TEST_CASE("no error about a participant names the patient")
{
    const Site site;
    fs::create_directories(site.paths.participants());
    const auto id = GENERATE(as<std::string>{}, "PAT-1001", "PAT-1002");
    if (id == "PAT-1001") { // a file where the directory should be
        std::ofstream{site.paths.participants() / id} << "";
    } else { // a link to nowhere
        fs::create_symlink("/nowhere", site.paths.participants() / id);
    }

    CHECK_THROWS_WITH(site.tree.link_participant(Private{id}, "20230415", "1", study),
                      !Contains("PAT-"));
}

TEST_CASE("structured reports are linked below their manufacturer")
{
    const Site site;
    const auto vendor = GENERATE(as<std::string>{}, "SIEMENS", "", "../x", "Acme Inc.");
    site.tree.link_instance(study, series, sop, site.file());

    site.tree.link_structured_report(vendor, study, series, sop);
    site.tree.link_structured_report(vendor, study, series, sop);

    const auto vendors = names_in(site.paths.srs());
    REQUIRE(vendors.size() == 1);
    CHECK(fs::exists(site.paths.srs() / vendors[0] / study.str() / sop.str()));
}

TEST_CASE("no error about a report names what its header says")
{
    const Site site;
    fs::create_directories(site.paths.srs());
    const auto vendor = GENERATE(as<std::string>{}, "Kari-1", "Kari-2", "Kari-3");
    if (vendor == "Kari-1") { // a file where the directory should be
        std::ofstream{site.paths.srs() / vendor} << "";
    } else if (vendor == "Kari-2") { // and where that of the study should be
        fs::create_directories(site.paths.srs() / vendor);
        std::ofstream{site.paths.srs() / vendor / study.str()} << "";
    } else {
        fs::create_symlink("/nowhere", site.paths.srs() / vendor);
    }

    CHECK_THROWS_WITH(site.tree.link_structured_report(vendor, study, series, sop),
                      !Contains("Kari"));
}

TEST_CASE("the series of a study are listed with and without JSON")
{
    const Site site;
    const SeriesUid bare{"1.2.3.1"};
    const SeriesUid broken{"1.2.3.2"};
    site.tree.link_instance(study, bare, sop, site.file());
    SeriesJsonUpdate{site.tree, study, series}.replace(json::Object{{"NumFiles", 1}});
    std::ofstream{site.tree.series_json(study, broken)} << "{";

    const auto found = site.tree.series(study);

    REQUIRE(found.size() == 3);
    CHECK(found[0].uid == bare);
    CHECK_FALSE(found[0].properties.has_value());
    CHECK(found[0].changed == TimePoint{});
    CHECK_FALSE(found[1].properties.has_value());
    CHECK(found[2].properties->text("NumFiles") == "1");
    CHECK(found[2].changed > Clock::now() - std::chrono::minutes{1});
    CHECK(site.tree.newest_change(study) >= found[2].changed);
}

TEST_CASE("a JSON that does not change keeps its time and its inode")
{
    const Site site;
    const json::Value properties{json::Object{{"NumFiles", 2}, {"Echo", 1.0}}};
    CHECK((SeriesJsonUpdate{site.tree, study, series}.replace(properties)));
    const auto path = site.tree.series_json(study, series);
    const fs::file_time_type long_ago{};
    fs::last_write_time(path, long_ago);

    SeriesJsonUpdate update{site.tree, study, series};
    CHECK_FALSE(update.replace(update.stored()));
    CHECK(fs::last_write_time(path) == long_ago);

    CHECK(update.replace(json::Object{{"NumFiles", 3}}));
    CHECK(fs::last_write_time(path) != long_ago);
    CHECK(update.stored().text("NumFiles") == "3");
}

TEST_CASE("a JSON that cannot be read is made anew")
{
    const Site site;
    fs::create_directories(site.tree.study_directory(study));
    std::ofstream{site.tree.series_json(study, series)} << "{\"half";

    SeriesJsonUpdate update{site.tree, study, series};

    CHECK(update.stored().is_null());
    CHECK(update.replace(json::Object{{"NumFiles", 1}}));
}

TEST_CASE("two processes that update one JSON lose nothing")
{
    const Site site;
    const auto add_keys = [&](const std::string& prefix) {
        for (int i = 0; i < 40; ++i) {
            SeriesJsonUpdate update{site.tree, study, series};
            auto properties = update.stored().is_null() ? json::Object{} : update.stored().object();
            properties[prefix + std::to_string(i)] = i;
            update.replace(properties);
        }
    };

    ForkedChild one{[&] { add_keys("a"); }};
    ForkedChild two{[&] { add_keys("b"); }};

    CHECK(one.wait() == 0);
    CHECK(two.wait() == 0);
    CHECK((SeriesJsonUpdate{site.tree, study, series}.stored().object().size()) == 80);
}

TEST_CASE("two processes that link the same instances agree")
{
    const Site site;
    const auto link_all = [&] {
        for (int i = 0; i < 100; ++i) {
            const auto number = std::to_string(i);
            site.tree.link_instance(study, series, SopInstanceUid{"1.2.3.4." + number},
                                    site.file());
            site.tree.link_participant(Private{"P" + number}, "20230415", "1", study);
        }
    };

    ForkedChild one{link_all};
    ForkedChild two{link_all};

    CHECK(one.wait() == 0);
    CHECK(two.wait() == 0);
    CHECK(site.tree.count_instances(study, series) == 100);
    CHECK(names_in(site.paths.participants()).size() == 100);
}
