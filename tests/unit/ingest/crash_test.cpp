// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/dicom/library.h"
#include "libfiona/ingest/file_daemon.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/ingest/phantom_file.h"

#include <catch2/catch.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <random>

using namespace fiona;
namespace fs = std::filesystem;

namespace {

constexpr unsigned images_per_series = 100;
constexpr unsigned all_series = 3;

/// A process that works until it is killed, when no more than `remaining` entries wait.
void work_and_be_killed(const Config& config, std::size_t remaining)
{
    const pid_t child = ::fork();
    if (child == 0) {
        try {
            static_cast<void>(ingest::run_once(config, {}));
        } catch (const std::exception&) {
            ::_exit(1);
        }
        ::_exit(0);
    }
    const store::Spool spool{config.paths.spool()};
    // Entries vanish a batch at a time, links one by one: look at both.
    const auto links = [&] {
        std::size_t count = 0;
        std::error_code problem;
        for (const auto& entry : fs::recursive_directory_iterator{config.paths.raw(), problem}) {
            count += entry.is_symlink() ? 1U : 0U;
        }
        return count;
    };
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (spool.count_waiting() > remaining && links() < all_series * images_per_series - remaining
           && std::chrono::steady_clock::now() < deadline) {
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

} // namespace

TEST_CASE("killed at any point, every image gets one link and every series its count")
{
    const TempDir root;
    const dicom::Library library;
    const auto config = Config::load(make_site(root.path));
    for (unsigned number = 1; number <= images_per_series; ++number) {
        for (unsigned series = 1; series <= all_series; ++series) {
            receive_image(config.paths, series, number);
        }
    }
    // Some announcements are lost, as after a power failure.
    const store::Spool spool{config.paths.spool()};
    const auto names = spool.waiting();
    for (std::size_t i = 0; i < names.size(); i += 50) {
        spool.remove(names[i]);
    }
    std::minstd_rand random{Catch::rngSeed()};
    for (unsigned kill = 0; kill < 6; ++kill) {
        work_and_be_killed(config, random() % (all_series * images_per_series));
    }

    CHECK(ingest::run_once(config, {}).postponed == 0);

    const store::StudyTree tree{config.paths};
    std::vector<fs::file_time_type> written;
    for (unsigned series = 1; series <= all_series; ++series) {
        const StudyUid study{study_uid};
        const SeriesUid uid{series_uid(series)};
        CHECK(tree.count_instances(study, uid) == images_per_series);
        const auto properties = json::parse(read_file(tree.series_json(study, uid)), "json");
        CHECK(properties.text("NumFiles") == std::to_string(images_per_series));
        CHECK(properties.text("SliceLocation") == "-100.5");
        written.push_back(fs::last_write_time(tree.series_json(study, uid)));
    }
    CHECK(spool.count_waiting() == 0);
    CHECK(spool.count_failed() == 0);

    CHECK(ingest::run_once(config, {}).processed == 0);
    for (unsigned series = 1; series <= all_series; ++series) {
        CHECK(fs::last_write_time(
                  tree.series_json(StudyUid{study_uid}, SeriesUid{series_uid(series)}))
              == written[series - 1]);
    }
}
