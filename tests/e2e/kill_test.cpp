// SPDX-License-Identifier: MIT
#include "libfiona/redcap/incoming.h"
#include "libfiona/store/daemon.h"
#include "tests/e2e/pipeline.h"
#include "tests/support/processes.h"

#include <catch2/catch.hpp>

#include <signal.h>

#include <algorithm>
#include <random>
#include <thread>

namespace fs = std::filesystem;
using namespace fiona;

namespace {

constexpr unsigned kill_points = 60;
constexpr unsigned studies = 4;
constexpr unsigned images_per_study = 30;

/// One minute of cron at a time, over and over, while the killer is at work.
class Cron {
public:
    explicit Cron(Pipeline& pipeline)
        : m_thread{[&pipeline](const std::stop_token& stop) {
              while (!stop.stop_requested()) {
                  pipeline.cron_minute();
              }
          }}
    {
    }

private:
    std::jthread m_thread;
};

/// The process to kill: a receiver's child, the receiver, the processor, REDCap, the sender.
pid_t victim(const Config& config, unsigned which)
{
    const auto daemon = [](const fs::path& pid_file) {
        return store::running_daemon(pid_file).value_or(0);
    };
    switch (which) {
    case 0: return daemon(config.paths.server_pids() / "storescpd.pid");
    case 1: {
        const auto children = children_of(daemon(config.paths.server_pids() / "storescpd.pid"));
        return children.empty() ? 0 : children.front();
    }
    case 2: return daemon(config.paths.server_pids() / "processSingleFile.pid");
    case 3: return daemon(config.paths.pids() / "fiona-redcapd.pid");
    default: {
        const auto tools = tools_of(config.file);
        const auto senders = tools.find("fiona-anonymize-send");
        return senders == tools.end() ? 0 : senders->second.front();
    }
    }
}

std::set<std::string> sop_links(const fs::path& raw)
{
    std::set<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{raw}) {
        if (entry.is_symlink()) {
            CHECK(names.insert(entry.path().filename().native()).second);
            CHECK(fs::exists(entry.path()));
        }
    }
    return names;
}

} // namespace

TEST_CASE("kill -9 of any part at random moments loses nothing and duplicates nothing")
{
    Pipeline pipeline;
    const auto& config = pipeline.config();
    std::vector<fs::path> inputs;
    std::map<std::string, std::string> participants;
    for (unsigned number = 1; number <= studies; ++number) {
        const auto directory = pipeline.scratch() / fmt::format("study{}", number).c_str();
        make_phantoms(directory, {"--set", "small", "--images", std::to_string(images_per_study),
                                  "--seed", std::to_string(number)});
        inputs.push_back(directory);
    }
    std::mt19937 random{4711}; // NOLINT(cert-msc32-c,cert-msc51-cpp) the same kills in every run
    unsigned kills = 0;

    {
        const Cron cron{pipeline};
        std::jthread sender{[&](const std::stop_token& stop) {
            // What a clinical PACS does: try again until every object was accepted.
            for (const auto& directory : inputs) {
                while (!stop.stop_requested() && !pipeline.send(directory)) {
                    std::this_thread::sleep_for(std::chrono::milliseconds{50});
                }
            }
        }};
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{150};
        while (kills < kill_points && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds{random() % 300});
            const auto pid = victim(config, static_cast<unsigned>(random() % 5));
            if (pid > 0 && ::kill(pid, SIGKILL) == 0) {
                ++kills;
            }
            // Studies are assigned as soon as they are listed, so that the sender has work too.
            const auto listed = pipeline.ask("fiona-assign", {"studies"});
            if (!listed.is_array()) {
                continue;
            }
            for (const auto& study : listed.array()) {
                const auto uid = study.text("study");
                const auto number = participants.size() + 1;
                const auto participant =
                    participants.try_emplace(uid, fmt::format("DEMO_{:03}", number)).first->second;
                if (study.text("state") == "new") {
                    pipeline.run("fiona-assign",
                                 {"assign", uid, "--project", "DEMO", "--participant", participant,
                                  "--event", "Baseline", "--create-participant"});
                }
            }
        }
        CHECK(kills >= 50);
    }
    for (const auto& directory : inputs) {
        REQUIRE(eventually([&] {
            pipeline.start_daemons();
            return pipeline.send(directory);
        }));
    }
    REQUIRE(pipeline.settle(studies));
    const auto listed = pipeline.ask("fiona-assign", {"studies", "--all"});
    REQUIRE(listed.array().size() == studies);
    for (const auto& study : listed.array()) {
        const auto uid = study.text("study");
        participants.try_emplace(uid, fmt::format("DEMO_{:03}", participants.size() + 1));
    }
    pipeline.assign_all(participants);
    REQUIRE(pipeline.transfer_all());
    pipeline.cron_minute();
    REQUIRE(pipeline.transfer_all()); // a series that came late is sent by a second transfer

    const auto links = sop_links(config.paths.raw());
    CHECK(links.size() == std::size_t{studies} * images_per_study);
    std::size_t archived = 0;
    for (const auto& entry : fs::recursive_directory_iterator{config.paths.archive()}) {
        archived += entry.is_regular_file() ? 1U : 0U;
    }
    CHECK(archived == links.size());

    const auto pacs = pipeline.in_pacs();
    CHECK(pacs.size() == studies);
    std::size_t found = 0;
    for (const auto& [study, instances] : pacs) {
        CHECK(std::set<std::string>(instances.begin(), instances.end()).size() == instances.size());
        found += instances.size();
    }
    CHECK(found == links.size());

    const auto client = redcap::connect(config.redcap, redcap::Role::incoming);
    std::map<std::string, unsigned> rows;
    for (const auto& row : client->export_records({})) {
        const auto key = row.instrument == "series" ? row.value("series_instance_uid")
                                                    : row.value("transfer_project_name");
        ++rows[fmt::format("{} {} {}", row.record, row.instrument, key)];
    }
    for (const auto& [key, count] : rows) {
        CHECK(count == 1);
    }
    for (const auto& directory : {config.paths.requests(), config.paths.temporary()}) {
        for (const auto& entry : fs::directory_iterator{directory}) {
            const auto name = entry.path().filename().native();
            if (name.front()
                != '.') { // locks and what a dead writer's atomic file left, for janitors
                FAIL_CHECK("left behind: " << entry.path());
            }
        }
    }
}
