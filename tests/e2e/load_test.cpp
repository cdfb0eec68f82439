// SPDX-License-Identifier: MIT
#include "libfiona/dicom/library.h"
#include "tests/e2e/ingest_site.h"
#include "tests/support/site.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

using namespace fiona;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr unsigned associations = 8;
constexpr double most_megabytes = 64;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_counts = false; // the sanitizers keep what was freed
#else
constexpr bool memory_counts = true;
#endif

struct Amounts {
    unsigned images = 1600;
    unsigned long_series = 160;
};

Amounts amounts()
{
    return is_full_run() ? Amounts{20'000, 2000} : Amounts{};
}

/// What each of the senders has: equal shares, the first one's with one long series.
std::vector<std::vector<std::filesystem::path>> make_shares(const IngestSite& site,
                                                            const Amounts& amounts)
{
    constexpr unsigned images_per_series = 100;
    const auto make = [&](unsigned images, unsigned series, unsigned seed) {
        return site.make_images(fmt::format("images{}", seed),
                                {"--set", "slim", "--images", std::to_string(images), "--series",
                                 std::to_string(series), "--seed", std::to_string(seed)});
    };
    const unsigned share = amounts.images / associations;
    std::vector<std::vector<std::filesystem::path>> shares;
    for (unsigned number = 1; number <= associations; ++number) {
        const unsigned together = number == 1 ? amounts.long_series : 0;
        auto& files = shares.emplace_back();
        if (together > 0) {
            files = make(together, 1, 100 + number);
        }
        const unsigned rest = share - together;
        const auto more = make(rest, std::max(1U, rest / images_per_series), number);
        files.insert(files.end(), more.begin(), more.end());
    }
    return shares;
}

struct Memory {
    double receiver = 0;
    double processor = 0;
};

Memory memory_of(const IngestSite& site)
{
    return {resident_megabytes(site.receiver()), resident_megabytes(site.processor())};
}

double seconds(SteadyClock::duration duration)
{
    return std::chrono::duration<double>{duration}.count();
}

} // namespace

TEST_CASE("eight associations at once: nothing is lost or doubled, and the processor keeps up")
{
    const dicom::Library library;
    const IngestSite site;
    const auto wanted = amounts();
    const auto shares = make_shares(site, wanted);
    const auto total =
        std::accumulate(shares.begin(), shares.end(), std::size_t{0},
                        [](std::size_t sum, const auto& share) { return sum + share.size(); });
    REQUIRE(total == wanted.images);
    const auto before = memory_of(site);
    std::size_t longest_queue = 0;

    const auto start = SteadyClock::now();
    std::vector<std::unique_ptr<PatientSender>> senders;
    senders.reserve(shares.size());
    for (const auto& share : shares) {
        senders.push_back(std::make_unique<PatientSender>(
            site.config(), share, fmt::format("SCANNER{}", senders.size() + 1)));
    }
    REQUIRE(wait_until(
        [&] {
            longest_queue = std::max(longest_queue, site.waiting());
            return std::ranges::all_of(senders, [](const auto& one) { return one->is_done(); });
        },
        std::chrono::minutes{10}));
    const auto sent = SteadyClock::now();
    // Usually a few seconds, which are told; a machine that is at other work has more patience.
    const bool keeps_up = wait_until([&] { return site.waiting() == 0; }, std::chrono::minutes{1});
    const auto emptied = SteadyClock::now();
    const auto after = memory_of(site);

    CHECK(keeps_up);
    const auto found = site.sorted();
    CHECK(found.links == total);
    CHECK(found.instances == total);
    CHECK(found.archived == total);
    CHECK(found.dead_links == 0);
    CHECK(found.bad_counts == 0);
    const auto longest = std::ranges::max_element(found.links_of_series, {},
                                                  [](const auto& item) { return item.second; });
    REQUIRE(longest != found.links_of_series.end());
    CHECK(longest->second == wanted.long_series);
    CHECK(site.given_up() == 0);
    if (memory_counts) {
        for (const auto& memory : {before, after}) {
            CHECK(memory.receiver > 0);
            CHECK(memory.receiver < most_megabytes);
            CHECK(memory.processor > 0);
            CHECK(memory.processor < most_megabytes);
        }
    }
    WARN(fmt::format("{} images over {} associations: received {:.0f} files/s, processed {:.0f} "
                     "files/s, spool empty {:.1f} s after the last image, longest queue {}; "
                     "receiver {:.0f} -> {:.0f} MB, processor {:.0f} -> {:.0f} MB",
                     total, associations, static_cast<double>(total) / seconds(sent - start),
                     static_cast<double>(total) / seconds(emptied - start), seconds(emptied - sent),
                     longest_queue, before.receiver, after.receiver, before.processor,
                     after.processor));
}
