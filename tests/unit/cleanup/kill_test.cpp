// SPDX-License-Identifier: MIT
#include "libfiona/base/files.h"
#include "libfiona/cleanup/exports.h"
#include "libfiona/cleanup/stale_links.h"
#include "libfiona/store/incoming_list.h"
#include "tests/support/forked_child.h"
#include "tests/support/old_site.h"

#include <catch2/catch.hpp>

#include <fstream>
#include <functional>
#include <random>

using namespace fiona;

namespace {

constexpr unsigned studies = 12;

/// Every study is whole or gone, but for one in the trash.
bool is_legal(const OldSite& site)
{
    unsigned broken = 0;
    for (unsigned n = 1; n <= studies; ++n) {
        broken += site.is_there(n) < 0 ? 1U : 0U;
    }
    return broken <= 1;
}

/// Kills the run of `body` after a random while.
void run_and_kill(std::mt19937& random, unsigned microseconds, const std::function<void()>& body)
{
    ForkedChild child{body};
    std::this_thread::sleep_for(std::chrono::microseconds{random() % microseconds});
    child.kill();
}

/// All studies arrived and wait to be assigned.
void write_list(const OldSite& site)
{
    make_directories(site.paths.incoming_list().parent_path());
    std::ofstream list{site.paths.incoming_list()};
    for (unsigned n = 1; n <= studies; ++n) {
        list << fmt::format("1700000000 A B h {} 1 MR\n", OldSite::study(n));
    }
}

bool is_emptied(const std::filesystem::path& trash)
{
    return !std::filesystem::exists(trash) || std::filesystem::is_empty(trash);
}

} // namespace

TEST_CASE("clear_old killed at any moment is finished by the next run and takes nothing else")
{
    std::mt19937 random{
        20261121}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same moments every time
    constexpr int rounds = 100;
    for (int round = 0; round < rounds; ++round) {
        OldSite site{studies};
        site.assigned = {1, 4};
        site.fill(95);
        site.order.max_used = 60;
        write_list(site);
        CAPTURE(round);
        run_and_kill(random, 12'000, [&] { static_cast<void>(site.clear()); });
        REQUIRE(is_legal(site));

        const auto report = site.clear();

        REQUIRE(report.is_goal_reached);
        REQUIRE(is_emptied(site.paths.archive() / ".trash"));
        REQUIRE(is_emptied(site.paths.raw() / ".trash"));
        // The oldest unassigned ones, and no more than were needed.
        REQUIRE(site.studies_there(studies) == std::vector<unsigned>{1, 4, 8, 9, 10, 11, 12});
        for (const auto n : site.studies_there(studies)) {
            REQUIRE(site.is_there(n) == 1);
        }
        REQUIRE(store::IncomingList{site.paths.incoming_list()}.lines().size()
                == site.studies_there(studies).size());
        REQUIRE(site.clear().removed.empty());
    }
}

TEST_CASE("clear_stale_links killed at any moment leaves living links, and the next run ends it")
{
    std::mt19937 random{4}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same moments every time
    constexpr int rounds = 100;
    for (int round = 0; round < rounds; ++round) {
        CAPTURE(round);
        const OldSite site{4};
        std::filesystem::remove_all(site.archived(1));
        std::filesystem::remove_all(site.archived(3));
        const cleanup::StaleLinkOrder order{.mode = Mode::apply,
                                            .now = Clock::now() + std::chrono::hours{2}};
        const auto sweep = [&] { return cleanup::clear_stale_links(site.paths, order); };

        run_and_kill(random, 5000, [&] { static_cast<void>(sweep()); });
        REQUIRE(site.is_there(2) == 1);
        REQUIRE(site.is_there(4) == 1);

        REQUIRE_FALSE(sweep().is_refused);
        REQUIRE(site.studies_there(4) == std::vector<unsigned>{2, 4});
        REQUIRE(site.is_there(2) == 1);
        REQUIRE(sweep().sum().removed.files == 0);
    }
}

TEST_CASE("clear_exports killed at any moment leaves no zip without its checksum, and nothing half")
{
    namespace fs = std::filesystem;
    std::mt19937 random{5}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same moments every time
    constexpr int rounds = 100;
    for (int round = 0; round < rounds; ++round) {
        CAPTURE(round);
        const TempDir root;
        const auto base = root / "Export";
        const auto old = fs::file_time_type::clock::now() - std::chrono::hours{100};
        fs::create_directories(base / "files");
        for (int n = 0; n < 8; ++n) {
            for (const auto* const suffix : {".zip", ".md5", "_encrypted.7z"}) {
                const auto file = base / "files" / fmt::format("{}{}", n, suffix);
                std::ofstream{file} << "x";
                fs::last_write_time(file, old + std::chrono::minutes{n});
            }
            const auto work = base / fmt::format("tmp_{}", n);
            fs::create_directories(work);
            std::ofstream{work / "object"} << "x";
            fs::last_write_time(work / "object", old);
            fs::last_write_time(work, old);
        }
        const cleanup::ClearExportsOrder order{.mode = Mode::apply, .now = Clock::now()};
        const auto clear = [&] {
            return cleanup::clear_exports(base, order, [&] {
                std::uint64_t used = 50;
                for (int n = 0; n < 8; ++n) {
                    used += fs::exists(base / "files" / fmt::format("{}.zip", n)) ? 6U : 0U;
                }
                return store::DiskSpace{.free_bytes = 100 - used, .used_bytes = used};
            });
        };

        run_and_kill(random, 3000, [&] { static_cast<void>(clear()); });
        // From 98 % to 86 %: the two oldest, one of them perhaps without its companions now.
        for (int n = 2; n < 8; ++n) {
            REQUIRE(fs::exists(base / "files" / fmt::format("{}.zip", n)));
            REQUIRE(fs::exists(base / "files" / fmt::format("{}.md5", n)));
        }

        REQUIRE(clear().is_goal_reached);
        for (int n = 0; n < 8; ++n) {
            const bool stays = n > 1;
            REQUIRE(fs::exists(base / "files" / fmt::format("{}.zip", n)) == stays);
            REQUIRE(fs::exists(base / "files" / fmt::format("{}.md5", n)) == stays);
            REQUIRE_FALSE(fs::exists(base / fmt::format("tmp_{}", n)));
        }
        REQUIRE((!fs::exists(base / ".trash") || fs::is_empty(base / ".trash")));
    }
}
