// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/attempts.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/ingest/reconcile.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/forked_child.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

#include <csignal>

using namespace fiona;
using ingest::Attempts;
namespace fs = std::filesystem;

namespace {

struct Site {
    TempDir root;
    dicom::Library library;
    Config config = Config::load(make_site(root.path));
    store::Spool spool{config.paths.spool()};

    [[nodiscard]] std::string attempt() const
    {
        return std::string{read_file_if_any(spool.directory() / "attempt").value_or("").c_str()};
    }
    /// The archive file of a waiting entry.
    [[nodiscard]] fs::path file_of(const std::string& name) const
    {
        const auto entry = spool.read(name);
        return entry.directory / entry.file;
    }
};

/// Makes the file so long to read that a reader can be ended in the middle: half a million empty private
/// elements behind the pixel data, where nobody needs them.
void make_slow(const fs::path& file)
{
    constexpr unsigned groups = 8;
    constexpr unsigned elements = 60'000;
    auto bytes = read_file(file);
    for (unsigned group = 0; group < groups; ++group) {
        for (unsigned element = 0; element < elements; ++element) {
            for (const auto word : {0x7fe1U + 2 * group, 0x1000U + element}) {
                bytes += static_cast<char>(word & 0xffU);
                bytes += static_cast<char>(word >> 8U);
            }
            bytes += {'L', 'O', '\0', '\0'};
        }
    }
    store::write_file(file, bytes);
}

unsigned deaths_of(const Site& site, const std::string& what)
{
    const auto text = read_file_if_any(site.spool.directory() / "deaths.json").value_or("{}");
    const auto counts = json::parse(text, "deaths");
    const auto* const count = counts.find(what);
    return count == nullptr ? 0U : static_cast<unsigned>(count->integer());
}

/// A process that drains the spool, the one after `deaths` others, is ended by `signal` when it reads `what`.
void die_of(const Site& site, const std::string& what, unsigned deaths, int signal)
{
    ForkedChild reader{[&] {
        ::signal(signal, SIG_DFL);
        static_cast<void>(ingest::run_once(site.config, {}));
    }};
    // The note of the last death is older than its count.
    const auto changed = [&](const char* name) {
        std::error_code absent;
        return fs::last_write_time(site.spool.directory() / name, absent);
    };
    // It is looked at while it stands still: else it could be past the file when the signal comes.
    const bool seen = eventually([&] {
        ::kill(reader.pid(), SIGSTOP);
        siginfo_t news{};
        ::waitid(P_PID, static_cast<id_t>(reader.pid()), &news, WSTOPPED | WEXITED | WNOWAIT);
        const bool is_there = site.attempt() == what && deaths_of(site, what) == deaths
                              && changed("attempt") >= changed("deaths.json");
        ::kill(reader.pid(), is_there ? signal : SIGCONT);
        return is_there;
    });
    REQUIRE(seen);
    ::kill(reader.pid(), SIGCONT);
    REQUIRE(reader.wait() == 128 + signal);
    REQUIRE(site.attempt() == what);
}

} // namespace

TEST_CASE("a file that ends its reader three times is set aside, and the others are sorted before")
{
    const Site site;
    for (unsigned number = 1; number <= 3; ++number) {
        receive_image(site.config.paths, 1, number);
    }
    const auto deadly = site.spool.waiting().front();
    make_slow(site.file_of(deadly));

    unsigned deaths = 0;
    for (const int signal : {SIGSEGV, SIGABRT, SIGKILL}) {
        CHECK(site.spool.count_failed() == 0);
        die_of(site, deadly, deaths++, signal);
        if (signal != SIGSEGV) {
            CHECK(site.spool.count_waiting() == 1); // suspects come last
        }
    }
    const auto done = ingest::run_once(site.config, {});

    CHECK(done.processed == 0);
    CHECK(site.spool.count_waiting() == 0);
    CHECK(site.spool.count_failed() == 1);
    CHECK(read_file(site.spool.directory() / "failed" / (deadly + ".err"))
          == "{\"reason\":\"3 processes died while they read its file\"}\n");
    CHECK(store::StudyTree{site.config.paths}.count_instances(StudyUid{study_uid},
                                                              SeriesUid{series_uid(1)})
          == 2);
    // A person may let it be tried again, from the beginning.
    CHECK(ingest::reconcile(site.config, Clock::now(), ingest::Scope::all, Mode::apply).retried
          == 1);
    CHECK(ingest::run_once(site.config, {}).processed == 1);
}

TEST_CASE(
    "an archive file that ends its reader three times is left out of the search for lost ones")
{
    const Site site;
    const auto deadly = store_image(site.config.paths, 1, 1);
    make_slow(deadly);
    const auto relative = deadly.lexically_relative(site.config.paths.archive()).native();
    unsigned deaths = 0;
    for (const int signal : {SIGSEGV, SIGABRT, SIGKILL}) {
        die_of(site, relative, deaths++, signal);
    }
    store_image(site.config.paths, 1, 2);

    CHECK(ingest::run_once(site.config, {}).processed == 1);
    CHECK(ingest::reconcile(site.config, Clock::now(), ingest::Scope::all, Mode::apply).queued
          == 1);
}

TEST_CASE("a process that ends well leaves no suspect, and one death is forgotten with the file")
{
    const Site site;
    receive_image(site.config.paths, 1, 1);
    const auto name = site.spool.waiting().front();
    ForkedChild victim{[&] {
        Attempts attempts{site.config.paths};
        attempts.take_over();
        attempts.begin(name);
        ::kill(::getpid(), SIGKILL);
    }};
    CHECK(victim.wait() == 128 + SIGKILL);

    {
        Attempts attempts{site.config.paths};
        attempts.take_over();
        CHECK(attempts.is_suspect(name));
        CHECK_FALSE(attempts.is_deadly(name));
    }
    CHECK(ingest::run_once(site.config, {}).processed == 1);
    CHECK(site.attempt().empty());
    Attempts attempts{site.config.paths};
    attempts.take_over();
    CHECK_FALSE(attempts.is_suspect(name));
}

TEST_CASE("damaged notes are begun anew")
{
    const Site site;
    store::write_file(site.spool.directory() / "deaths.json", "{");
    store::write_file(site.spool.directory() / "attempt", std::string(2000, 'x'));
    Attempts attempts{site.config.paths};
    attempts.take_over();
    CHECK(attempts.deadly().empty());
    CHECK(site.attempt().empty());
}
