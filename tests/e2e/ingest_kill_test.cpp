// SPDX-License-Identifier: MIT
#include "libfiona/dicom/library.h"
#include "tests/e2e/ingest_site.h"
#include "tests/support/processes.h"
#include "tests/support/site.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <memory>
#include <random>
#include <thread>

using namespace fiona;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr unsigned associations = 4;

struct Plan {
    unsigned kills = 200;
    std::chrono::seconds time{600};
    unsigned images_at_once = 200; ///< of each sender; then it gets others
};

/// What fits into a minute, unless all is asked for.
Plan plan()
{
    return is_full_run() ? Plan{} : Plan{40, std::chrono::seconds{40}};
}

enum class Victim { child, receiver, processor };

pid_t some_child_of(pid_t parent, unsigned which)
{
    const auto children = children_of(parent);
    return children.empty() ? 0 : children[which % children.size()];
}

pid_t find(const IngestSite& site, Victim victim, unsigned which)
{
    switch (victim) {
    case Victim::child: return some_child_of(site.receiver(), which);
    case Victim::receiver: return site.receiver();
    case Victim::processor: return site.processor();
    }
    return 0;
}

/// Senders that never stand still: whoever is done gets new images.
class Load {
public:
    Load(const IngestSite& site, unsigned images) : m_site{site}, m_images{images}
    {
        m_senders.resize(associations);
    }

    void keep_up()
    {
        for (auto& sender : m_senders) {
            if (!sender || sender->is_done()) {
                replace(sender);
            }
        }
    }
    [[nodiscard]] bool is_done() const
    {
        return std::ranges::all_of(m_senders, [](const auto& one) { return one->is_done(); });
    }
    [[nodiscard]] std::size_t images() const { return std::size_t{m_rounds} * m_images; }

private:
    void replace(std::unique_ptr<PatientSender>& sender)
    {
        ++m_rounds;
        const auto files =
            m_site.make_images(fmt::format("images{}", m_rounds),
                               {"--set", "slim", "--images", std::to_string(m_images), "--series",
                                "4", "--seed", std::to_string(m_rounds)});
        sender = std::make_unique<PatientSender>(m_site.config(), files,
                                                 fmt::format("SCANNER{}", m_rounds));
    }

    const IngestSite& m_site;
    unsigned m_images;
    unsigned m_rounds = 0;
    std::vector<std::unique_ptr<PatientSender>> m_senders;
};

} // namespace

TEST_CASE(
    "kill -9 of child, receiver and processor under load: what was acknowledged is there once")
{
    const dicom::Library library;
    const IngestSite site;
    const auto wanted = plan();
    std::mt19937 random{4711}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same kills in every run
    std::array<unsigned, 3> kills{};
    const auto all_kills = [&] { return kills[0] + kills[1] + kills[2]; };
    Load load{site, wanted.images_at_once};

    const auto deadline = SteadyClock::now() + wanted.time;
    while (all_kills() < wanted.kills && SteadyClock::now() < deadline) {
        load.keep_up();
        site.start_daemons();
        std::this_thread::sleep_for(std::chrono::microseconds{random() % 150'000});
        const auto which = random() % kills.size();
        const auto pid = find(site, static_cast<Victim>(which), static_cast<unsigned>(random()));
        if (pid > 0 && ::kill(pid, SIGKILL) == 0) {
            ++kills.at(which);
        }
    }
    REQUIRE(wait_until(
        [&] {
            site.start_daemons();
            return load.is_done();
        },
        std::chrono::minutes{2}));
    // The last start finds what the last kill has left.
    REQUIRE(wait_until([&] { return site.waiting() == 0; }, std::chrono::minutes{1}));

    const auto found = site.sorted();
    CHECK(all_kills() >= wanted.kills / 2);
    CHECK(*std::ranges::min_element(kills) > 0);
    CHECK(found.links == load.images());
    CHECK(found.instances == load.images());
    CHECK(found.archived == load.images());
    CHECK(found.dead_links == 0);
    CHECK(found.bad_counts == 0);
    CHECK(site.given_up() == 0);
    WARN(fmt::format("{} kills (child {}, receiver {}, processor {}) under {} images: lost {}, "
                     "duplicated {}",
                     all_kills(), kills[0], kills[1], kills[2], load.images(),
                     load.images() - std::min(load.images(), found.instances),
                     found.links - found.instances));
}
