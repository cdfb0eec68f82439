// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/ingest/send_to_me.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/spool.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

using namespace fiona;
namespace fs = std::filesystem;
using std::chrono::hours;

namespace {

void nothing() {}

struct Site {
    TempDir root;
    dicom::Library library;
    Config config = Config::load(make_site(root.path));

    /// Receives and sorts two images of the study.
    Site()
    {
        receive_image(config.paths, 1, 1);
        receive_image(config.paths, 1, 2);
        ingest::run_once(config, {});
    }
    [[nodiscard]] std::size_t waiting() const
    {
        return store::Spool{config.paths.spool()}.count_waiting();
    }
    [[nodiscard]] Fault fault_of(const std::string& patient) const
    {
        try {
            static_cast<void>(ingest::files_of_patient(config, Private<std::string>{patient}));
        } catch (const Error& e) {
            CHECK(std::string{e.what()}.find(patient) == std::string::npos);
            return e.fault();
        }
        return Fault::internal;
    }
};

const std::string patient = "TEST01"; // of phantom_file.cpp

} // namespace

TEST_CASE("a patient is found by participants, or by the series JSONs alone, and only in full")
{
    const Site site;
    const auto by_link = ingest::files_of_patient(site.config, Private<std::string>{patient});
    fs::remove_all(site.config.paths.participants());
    const auto by_json = ingest::files_of_patient(site.config, Private<std::string>{patient});

    CHECK(by_link.size() == 2);
    CHECK(by_json == by_link);
    CHECK(by_link.front().parent_path() == site.config.paths.archive() / ("scp_" + study_uid));
    for (const auto* const other : {"TEST0", "EST01", "TEST01 ", ".*", "../raw"}) {
        CHECK(site.fault_of(other) == Fault::missing);
    }
}

TEST_CASE("a link of a patient to a study that says another id is not believed")
{
    const Site site;
    fs::create_directories(site.config.paths.participants() / "OTHER");
    fs::create_directory_symlink(site.config.paths.raw() / study_uid,
                                 site.config.paths.participants() / "OTHER/20240102_100000");

    CHECK(site.fault_of("OTHER") == Fault::missing);
}

TEST_CASE("the newest file decides how old a study is")
{
    const Site site;
    const auto directory = site.config.paths.archive() / ("scp_" + study_uid);
    fs::last_write_time(directory / ("MR." + sop_uid(1, 1)),
                        fs::file_time_type::clock::now() - hours{72});

    CHECK(ingest::recent_files(site.config, Clock::now(), hours{24}).size() == 2);
    CHECK_THROWS_AS(ingest::recent_files(site.config, Clock::now() + hours{48}, hours{24}), Error);
}

TEST_CASE("files are sorted by the AE titles they carry, and what is no object is skipped")
{
    const Site site;
    const auto directory = site.root / "disc";
    write_image(directory / "a", {{"0002,0016", "SCANNER1"}, {"0002,0018", "TRIAL7"}});
    write_image(directory / "b", {{"0002,0016", "SCANNER1"}, {"0002,0018", "TRIAL8"}});
    write_image(directory / "deep/c", {{"0002,0016", "SCANNER1"}, {"0002,0018", "TRIAL7"}});
    write_image(directory / "d", {{"0002,0016", "-"}, {"0002,0018", "-"}});
    store::write_file(directory / "README.txt", "no image");
    const auto whole = read_file(directory / "a");
    store::write_file(directory / "torn", whole.substr(0, whole.size() - 3));
    std::size_t seen = 0;
    const auto files = ingest::files_below(directory);

    const auto found = ingest::sort_by_ae(site.config, files, {}, [&] { ++seen; });

    CHECK(seen == 6);
    CHECK(found.skipped == 1);
    CHECK(found.unreadable == 1);
    REQUIRE(found.files.size() == 3);
    CHECK(found.files.at({"TRIAL7", "SCANNER1"}).size() == 2);
    CHECK(found.files.at({"TRIAL8", "SCANNER1"}).size() == 1);
    CHECK(found.files.at({"FIONA", "S2M"}).size() == 1);
    const auto overridden = ingest::sort_by_ae(
        site.config, files, {.called = AeTitle{"X"}, .calling = AeTitle{"Y"}}, nothing);
    CHECK(overridden.files.at({"X", "Y"}).size() == 4);
}

TEST_CASE("many files are read by several hands and stay in their order")
{
    const Site site;
    const auto directory = site.root / "disc";
    for (int number = 100; number < 150; ++number) {
        write_image(directory / std::to_string(number),
                    {{"0002,0016", number % 2 == 0 ? "EVEN" : "ODD"}, {"0002,0018", "-"}});
    }
    store::write_file(directory / "120", "no image");
    std::size_t seen = 0;

    const auto found =
        ingest::sort_by_ae(site.config, ingest::files_below(directory), {}, [&] { ++seen; });

    CHECK(seen == 50);
    CHECK(found.skipped == 1);
    const auto& even = found.files.at({"FIONA", "EVEN"});
    CHECK(even.size() == 24);
    CHECK(std::ranges::is_sorted(even));
    CHECK(found.files.at({"FIONA", "ODD"}).size() == 25);
}

TEST_CASE("files of the archive are announced once, through links too, and others are not")
{
    const Site site;
    const auto archived = ingest::files_of_patient(site.config, Private<std::string>{patient});
    const auto links = ingest::files_below(site.config.paths.raw() / study_uid / series_uid(1));

    CHECK(ingest::announce_files(site.config, archived, {}, Mode::dry_run, nothing).announced == 2);
    CHECK(site.waiting() == 0);
    const auto first = ingest::announce_files(
        site.config, links, {.called = AeTitle{"TRIAL7"}, .calling = {}}, Mode::apply, nothing);
    const auto second = ingest::announce_files(site.config, archived, {}, Mode::apply, nothing);

    CHECK(first.announced == 2);
    CHECK(second.announced == 0);
    CHECK(second.waiting == 2);
    const store::Spool spool{site.config.paths.spool()};
    REQUIRE(spool.count_waiting() == 2);
    const auto entry = spool.read(spool.waiting().front());
    CHECK(entry.called == "TRIAL7");
    CHECK(entry.directory == site.config.paths.archive() / ("scp_" + study_uid));
    const auto outside = site.root / "disc/a";
    write_image(outside, {});
    CHECK_THROWS_AS(
        ingest::announce_files(site.config, {archived[0], outside}, {}, Mode::apply, nothing),
        Error);
    CHECK(site.waiting() == 2);
}
