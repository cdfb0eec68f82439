// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/arrival.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/ingest/reconcile.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/incoming_list.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

using namespace fiona;
namespace fs = std::filesystem;
using std::chrono::seconds;

namespace {

struct Site {
    TempDir root;
    dicom::Library library;
    Config config = Config::load(make_site(root.path));
    store::ArrivalMarks marks{config.paths.arrived()};
    store::IncomingList list{config.paths.incoming_list()};
    TimePoint later = Clock::now() + seconds{60};

    /// Two images in two series, sorted, and the receiver's mark.
    void receive_study(const Attributes& attributes = {}) const
    {
        receive_image(config.paths, 1, 1, attributes);
        receive_image(config.paths, 2, 1, attributes);
        static_cast<void>(ingest::run_once(config, {}));
        marks.touch({"SCANNER 1", "FIONA", "scanner1", StudyUid{study_uid}, {}});
    }
    [[nodiscard]] ingest::Arrivals detect(ingest::ArrivalOptions options = {}) const
    {
        return ingest::detect_arrivals(config, later, options);
    }
};

} // namespace

TEST_CASE("a quiet study gets its line once")
{
    const Site site;
    site.receive_study();

    const auto found = site.detect();

    CHECK(found.studies == 1);
    CHECK(found.series == 2);
    CHECK(found.repaired == 0);
    REQUIRE(site.list.lines().size() == 1);
    const auto line = site.list.lines().front();
    CHECK(line.caller == "SCANNER 1");
    CHECK(line.series == 2);
    CHECK(line.modalities == "MR");
    CHECK(site.marks.all().empty());
    CHECK(site.detect().studies == 0);
}

TEST_CASE("a study that still arrives is left alone")
{
    const Site site;
    site.receive_study();

    SECTION("it is not quiet")
    {
        CHECK(site.detect({seconds{3600}}).waiting == 3);
    }
    SECTION("an association is open")
    {
        site.marks.open_association(std::to_string(::getpid()) + "-1", StudyUid{study_uid});
        CHECK(site.detect().waiting == 3);
        CHECK(site.detect({seconds{16}, seconds{30}}).studies == 1);
    }
    SECTION("images of it wait in the spool")
    {
        receive_image(site.config.paths, 3, 1);
        CHECK(site.detect().waiting == 3);
    }
    SECTION("it is only a dry run")
    {
        CHECK(site.detect({seconds{16}, seconds{3600}, Mode::dry_run}).studies == 1);
        CHECK(site.list.lines().empty());
        CHECK(site.marks.all().size() == 3);
    }
}

TEST_CASE("what a killed run had claimed is handled, and a later arrival as well")
{
    const Site site;
    site.receive_study();
    for (const auto& mark : site.marks.all()) {
        CHECK(site.marks.claim(mark.name));
    }
    site.marks.touch({"SCANNER 1", "FIONA", "scanner1", StudyUid{study_uid}, {}});

    const auto found = site.detect();

    CHECK(found.studies == 2);
    CHECK(found.series == 2);
    CHECK(site.list.lines().size() == 1);
    CHECK(site.marks.claimed().empty());
}

TEST_CASE("a wrong count of images is repaired")
{
    const Site site;
    site.receive_study();
    const StudyUid study{study_uid};
    const SeriesUid series{series_uid(1)};
    const store::StudyTree tree{site.config.paths};
    tree.link_instance(study, series, SopInstanceUid{"1.2.3"}, "/nowhere");

    CHECK(site.detect().repaired == 1);

    const auto properties = json::parse(read_file(tree.series_json(study, series)), "json");
    CHECK(properties.text("NumFiles") == "2");
}

TEST_CASE("a study that came de-identified is not listed")
{
    const Site site;
    site.receive_study({{"0012,0062", "YES"}});

    CHECK(site.detect().skipped == 1);
    CHECK(site.list.lines().empty());
}

TEST_CASE("a study that is sorted late, or from files that were announced again, is still listed")
{
    const Site site;
    SECTION("the receiver died before it could announce anything")
    {
        store_image(site.config.paths, 1, 1);
    }
    SECTION("the study's mark was handled while its only entry had been given up")
    {
        receive_image(site.config.paths, 1, 1);
        const store::Spool spool{site.config.paths.spool()};
        spool.give_up(spool.waiting().front(), "a reason");
        site.marks.touch({"SCANNER 1", "FIONA", "scanner1", StudyUid{study_uid}, {}});
        CHECK(site.detect().studies == 0);
        CHECK(ingest::reconcile(site.config, Clock::now(), ingest::Scope::all, Mode::apply).retried
              == 1);
    }

    CHECK(ingest::run_once(site.config, {}).processed == 1);

    CHECK(site.detect().studies == 1);
    CHECK(site.list.lines().size() == 1);
    CHECK(site.detect().studies == 0);
}

TEST_CASE("an image that comes between the look at its mark and the claim is not forgotten")
{
    const Site site;
    site.receive_study();
    // The spool is read between the two; a FIFO there makes the detector wait for us.
    const auto fifo = site.config.paths.spool() / "new" / "0000000000000000001.1.1.json";
    REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
    std::thread late_image{[&] {
        const UniqueFd waiting{::open(fifo.c_str(), O_WRONLY | O_CLOEXEC)};
        site.marks.touch({"SCANNER 1", "FIONA", "scanner1", StudyUid{study_uid}, {}});
    }};

    const auto found = site.detect();
    late_image.join();

    CHECK(found.studies == 0);
    CHECK(found.waiting == 1);
    fs::remove(fifo);
    CHECK(site.marks.all().size() == 1);
    CHECK(site.detect().studies == 1);
}

TEST_CASE("a mark made by a clock that was ahead waits for the quiet time and no longer")
{
    const Site site;
    site.receive_study();
    for (const auto& mark : site.marks.all()) {
        site.marks.date(mark.name, site.later + std::chrono::hours{24});
    }

    CHECK(site.detect().waiting == 3);

    const auto quiet = site.later + seconds{17};
    CHECK(ingest::detect_arrivals(site.config, quiet, {}).studies == 1);
    CHECK(site.list.lines().front().arrived == epoch_seconds(site.later));
}
