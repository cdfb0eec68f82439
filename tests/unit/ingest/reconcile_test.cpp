// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/ingest/reconcile.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

using namespace fiona;
using ingest::Scope;
namespace fs = std::filesystem;

namespace {

struct Site {
    TempDir root;
    dicom::Library library;
    Config config = Config::load(make_site(root.path));
    store::Spool spool{config.paths.spool()};
};

} // namespace

TEST_CASE("an archive file without a link is announced again, once")
{
    const Site site;
    store_image(site.config.paths, 1, 1);

    CHECK(ingest::reconcile(site.config, Clock::now(), Scope::changed, Mode::dry_run).queued == 1);
    CHECK(site.spool.count_waiting() == 0);
    CHECK(ingest::reconcile(site.config, Clock::now(), Scope::changed, Mode::apply).queued == 1);
    CHECK(ingest::reconcile(site.config, Clock::now(), Scope::all, Mode::apply).queued == 0);
    CHECK(ingest::run_once(site.config, {}).processed == 1);
    CHECK(ingest::reconcile(site.config, Clock::now(), Scope::all, Mode::apply).queued == 0);
}

TEST_CASE("a look that is told to stop ends, and the next one sees what it has left out")
{
    const Site site;
    store_image(site.config.paths, 1, 1);
    const auto now = Clock::now();

    const auto stopped = ingest::reconcile(site.config, now, Scope::changed, Mode::apply,
                                           {nullptr, [] { return true; }});

    CHECK(stopped.queued == 0);
    const auto later = now + std::chrono::hours{24};
    CHECK(ingest::reconcile(site.config, later, Scope::changed, Mode::apply).queued == 1);
}

TEST_CASE("what was given up is retried only when asked for everything")
{
    const Site site;
    receive_image(site.config.paths, 1, 1);
    site.spool.give_up(site.spool.waiting().front(), "a reason");

    const auto quick = ingest::reconcile(site.config, Clock::now(), Scope::changed, Mode::apply);
    CHECK(quick.queued == 0);
    CHECK(quick.retried == 0);
    CHECK(ingest::reconcile(site.config, Clock::now(), Scope::all, Mode::apply).retried == 1);
    CHECK(site.spool.count_waiting() == 1);
    CHECK(fs::is_empty(site.config.paths.spool() / "failed"));
}

TEST_CASE("old parts of dead receivers are removed, young ones stay")
{
    const Site site;
    const auto parts = site.config.paths.incoming_parts();
    fs::create_directories(parts);
    for (const auto* const name : {"old.part", "young.part", "old.other"}) {
        store::write_file(parts / name, "x");
    }
    const auto long_ago = fs::file_time_type::clock::now() - std::chrono::hours{2};
    fs::last_write_time(parts / "old.part", long_ago);
    fs::last_write_time(parts / "old.other", long_ago);

    CHECK(ingest::reconcile(site.config, Clock::now(), Scope::changed, Mode::apply).parts_removed
          == 1);

    CHECK_FALSE(fs::exists(parts / "old.part"));
    CHECK(fs::exists(parts / "young.part"));
    CHECK(fs::exists(parts / "old.other"));
}

TEST_CASE("an archive file that is no image is counted and stays")
{
    const Site site;
    const auto file = site.config.paths.archive() / ("scp_" + study_uid) / "notes.txt";
    fs::create_directories(file.parent_path());
    store::write_file(file, "not an image");

    CHECK(ingest::reconcile(site.config, Clock::now(), Scope::changed, Mode::apply).unreadable
          == 1);
    CHECK(fs::exists(file));
}

TEST_CASE("a study directory that cannot be listed keeps no other from being looked at")
{
    const Site site;
    store_image(site.config.paths, 1, 1);
    const auto broken = site.config.paths.archive() / "scp_1.2.3";
    store::write_file(broken, "a file where a directory should be");

    const auto found = ingest::reconcile(site.config, Clock::now(), Scope::changed, Mode::apply);

    CHECK(found.queued == 1);
    CHECK(found.unreadable == 1);
    CHECK_FALSE(fs::exists(site.spool.directory() / "reconciled")); // not all has been seen
    fs::remove(broken);
    static_cast<void>(ingest::reconcile(site.config, Clock::now(), Scope::changed, Mode::apply));
    CHECK(fs::exists(site.spool.directory() / "reconciled"));
}

TEST_CASE("after a look by a clock that was ahead, everything is looked at")
{
    const Site site;
    const auto ahead = Clock::now() + std::chrono::hours{24};
    static_cast<void>(ingest::reconcile(site.config, ahead, Scope::changed, Mode::apply));
    store_image(site.config.paths, 1, 1);

    CHECK(ingest::reconcile(site.config, Clock::now(), Scope::changed, Mode::apply).queued == 1);
}
