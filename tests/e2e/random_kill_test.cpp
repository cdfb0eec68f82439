// SPDX-License-Identifier: MIT
// The whole pipeline at work while somebody kills any process of it at random, for FIONA_KILL_SECONDS.
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/projects.h"
#include "tests/e2e/pipeline.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <random>
#include <thread>

namespace fs = std::filesystem;
using namespace fiona;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr unsigned images_per_study = 6;
constexpr unsigned senders = 2;

unsigned number_in(const char* variable, unsigned otherwise)
{
    const auto* const text = std::getenv(variable); // NOLINT(concurrency-mt-unsafe) at start
    return text == nullptr ? otherwise : static_cast<unsigned>(std::stoul(text));
}

/// As cron does: each tool again and again, and several of them at the same time. The daemons are
/// started whenever they do not run.
class Cron {
public:
    explicit Cron(Pipeline& pipeline)
    {
        loop([&pipeline] { pipeline.start_daemons(); });
        for (const auto* const tool :
             {"fiona-detect-arrival", "fiona-populate-incoming", "fiona-create-transfer-requests",
              "fiona-anonymize-send", "fiona-populate-projects"}) {
            loop([&pipeline, tool] { pipeline.run(tool); });
        }
    }

private:
    void loop(std::function<void()> work)
    {
        m_threads.emplace_back([work = std::move(work)](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                work();
                std::this_thread::sleep_for(std::chrono::milliseconds{200}); // cron waits a minute
            }
        });
    }

    std::vector<std::jthread> m_threads;
};

/// Scanners that make one study after the other and send each until all of it was taken.
class Scanners {
public:
    explicit Scanners(Pipeline& pipeline) : m_pipeline{pipeline}
    {
        for (unsigned i = 0; i < senders; ++i) {
            m_threads.emplace_back([this](const std::stop_token& stop) { work(stop); });
        }
    }
    /// Makes no more studies, and returns when those that are there have been taken.
    void finish()
    {
        for (auto& thread : m_threads) {
            thread.request_stop();
        }
        m_threads.clear();
    }
    [[nodiscard]] unsigned studies() const { return m_studies; }
    [[nodiscard]] std::vector<fs::path> identities() const
    {
        std::vector<fs::path> files;
        for (unsigned number = 1; number <= m_studies; ++number) {
            files.emplace_back(directory(number).native() + ".json");
        }
        return files;
    }

private:
    [[nodiscard]] fs::path directory(unsigned number) const
    {
        return m_pipeline.scratch() / fmt::format("study{}", number);
    }
    void work(const std::stop_token& stop)
    {
        while (!stop.stop_requested()) {
            const auto number = ++m_studies;
            const auto made =
                run_tool("make-phantoms", {directory(number).native(), "--set", "slim", "--images",
                                           std::to_string(images_per_study), "--series", "2",
                                           "--seed", std::to_string(number)});
            if (made.exit_code != 0) {
                throw std::runtime_error{"no phantoms: " + made.err};
            }
            fs::rename(directory(number) / "identity.json", directory(number).native() + ".json");
            // On and on, also after the end of the killing: what was made will be taken.
            while (!m_pipeline.send(directory(number))) {
                std::this_thread::sleep_for(std::chrono::milliseconds{100});
            }
            const auto next = SteadyClock::now() + std::chrono::seconds{4};
            while (!stop.stop_requested() && SteadyClock::now() < next) {
                std::this_thread::sleep_for(std::chrono::milliseconds{50});
            }
        }
    }

    Pipeline& m_pipeline;
    std::atomic<unsigned> m_studies = 0;
    std::vector<std::jthread> m_threads;
};

/// Somebody who assigns what is listed.
class Person {
public:
    explicit Person(Pipeline& pipeline) : m_pipeline{pipeline} {}

    void look()
    {
        const auto listed = m_pipeline.ask("fiona-assign", {"studies"});
        if (!listed.is_array()) {
            return; // REDCap was just killed, or the tool
        }
        for (const auto& study : listed.array()) {
            const auto uid = study.text("study");
            const auto name = fmt::format("DEMO_{:03}", m_participants.size() + 1);
            const auto participant = m_participants.try_emplace(uid, name).first->second;
            if (study.text("state") == "new") {
                m_pipeline.run("fiona-assign",
                               {"assign", uid, "--project", "DEMO", "--participant", participant,
                                "--event", "Baseline", "--create-participant"});
            }
        }
    }
    [[nodiscard]] std::size_t assigned() const { return m_participants.size(); }

private:
    Pipeline& m_pipeline;
    std::map<std::string, std::string> m_participants;
};

/// Kills what runs of this site, and of no other, and counts.
class Killer {
public:
    Killer(const Pipeline& pipeline, unsigned seed)
        : m_config{pipeline.config().file.native()}, m_random{seed}
    {
    }

    void strike()
    {
        std::this_thread::sleep_for(std::chrono::milliseconds{m_random() % 200});
        const auto victims = running();
        if (!victims.empty()) {
            // Each program as often as any other, whether it runs long or short.
            auto victim = victims.begin();
            std::advance(victim, static_cast<std::ptrdiff_t>(m_random() % victims.size()));
            const auto pid = victim->second[m_random() % victim->second.size()];
            if (::kill(pid, SIGKILL) == 0) {
                ++m_kills[victim->first];
            }
        }
    }
    [[nodiscard]] const std::map<std::string, unsigned>& kills() const { return m_kills; }
    [[nodiscard]] unsigned all() const
    {
        unsigned sum = 0;
        for (const auto& [name, count] : m_kills) {
            sum += count;
        }
        return sum;
    }

private:
    [[nodiscard]] static std::string command_line(const fs::path& file)
    {
        try {
            return read_file_if_any(file).value_or("");
        } catch (const Error&) { // ESRCH: it has ended while we read
            return {};
        }
    }

    /// Processes of our programs with our configuration on their command line.
    [[nodiscard]] std::map<std::string, std::vector<pid_t>> running() const
    {
        std::map<std::string, std::vector<pid_t>> found;
        std::error_code gone;
        for (const auto& entry : fs::directory_iterator{"/proc", gone}) {
            const auto number = entry.path().filename().native();
            if (number.find_first_not_of("0123456789") != std::string::npos) {
                continue;
            }
            const auto line = command_line(entry.path() / "cmdline");
            const auto words = split(line, '\0');
            const auto name = fs::path{words.front()}.filename().native();
            if (name.starts_with("fiona-")
                && std::ranges::find(words, std::string_view{m_config}) != words.end()) {
                found[name].push_back(std::stoi(number));
            }
        }
        return found;
    }

    std::string m_config;
    std::mt19937 m_random;
    std::map<std::string, unsigned> m_kills;
};

struct Count {
    std::size_t expected = 0;
    std::size_t found = 0;
    std::size_t distinct = 0;

    [[nodiscard]] std::size_t lost() const { return expected - std::min(expected, distinct); }
    [[nodiscard]] std::size_t doubled() const { return found - distinct; }
};

Count count(std::size_t expected, const std::multiset<std::string>& names)
{
    return {expected, names.size(), std::set<std::string>(names.begin(), names.end()).size()};
}

std::multiset<std::string> archived(const Config& config)
{
    std::multiset<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{config.paths.archive()}) {
        if (entry.is_regular_file() && entry.path().filename().native().front() != '.') {
            names.insert(entry.path().filename());
        }
    }
    return names;
}

std::multiset<std::string> linked(const Config& config)
{
    std::multiset<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator{config.paths.raw()}) {
        if (entry.is_symlink() && fs::is_regular_file(entry.path())) {
            names.insert(entry.path().filename());
        }
    }
    return names;
}

std::multiset<std::string> transferred(Pipeline& pipeline)
{
    std::multiset<std::string> names;
    for (const auto& [study, instances] : pipeline.in_pacs()) {
        names.insert(instances.begin(), instances.end());
    }
    return names;
}

/// `study transfers DEMO` for each row of INCOMING that asks for a transfer, and so on.
std::multiset<std::string> incoming_rows(const Config& config, const std::string& instrument,
                                         const std::string& key)
{
    std::multiset<std::string> names;
    for (const auto& row :
         redcap::connect(config.redcap, redcap::Role::incoming)->export_records({})) {
        if (row.instrument == instrument) {
            names.insert(row.record + " " + (key.empty() ? "" : row.value(key)));
        }
    }
    return names;
}

std::multiset<std::string> project_rows(const Config& config)
{
    const auto dtp = redcap::connect(config.redcap, redcap::Role::dtp);
    const auto project = redcap::research_project(*dtp, ProjectName{"DEMO"});
    std::multiset<std::string> names;
    for (const auto& row :
         redcap::connect(config.redcap, project.token.value())->export_records({})) {
        if (row.instrument == "imaging") {
            names.insert(row.record);
        }
    }
    return names;
}

/// What nobody may leave behind when all is done: work, or parts of files under names that count.
std::vector<std::string> left_behind(const Config& config)
{
    std::vector<std::string> names;
    for (const auto& directory :
         {config.paths.requests(), config.paths.temporary(), config.paths.archive(),
          config.paths.raw(), config.paths.done()}) {
        const bool is_work =
            directory == config.paths.requests() || directory == config.paths.temporary();
        for (const auto& entry : fs::recursive_directory_iterator{directory}) {
            const auto name = entry.path().filename().native();
            const bool is_hidden = name.front() == '.'
                                   || fs::relative(entry.path(), directory).native().front() == '.';
            if (!is_hidden && (is_work || name.ends_with(".part"))) {
                names.push_back(entry.path());
            }
        }
    }
    return names;
}

} // namespace

TEST_CASE("the whole pipeline under random kill -9: nothing lost, nothing twice, nothing half")
{
    const auto seed = number_in("FIONA_KILL_SEED", std::random_device{}());
    const std::chrono::seconds time{number_in("FIONA_KILL_SECONDS", 180)};
    std::cout << fmt::format("FIONA_KILL_SEED={} FIONA_KILL_SECONDS={}\n", seed, time.count())
              << std::flush;
    Pipeline pipeline;
    const auto& config = pipeline.config();
    Person person{pipeline};
    Killer killer{pipeline, seed};
    Scanners scanners{pipeline};
    {
        const Cron cron{pipeline};
        const auto end = SteadyClock::now() + time;
        auto next_look = SteadyClock::now();
        while (SteadyClock::now() < end) {
            killer.strike();
            if (SteadyClock::now() >= next_look) {
                person.look();
                next_look = SteadyClock::now() + std::chrono::seconds{2};
            }
        }
        scanners.finish();
    }

    const auto studies = scanners.studies();
    const auto objects = std::size_t{studies} * images_per_study;
    CHECK(eventually(
        [&] {
            pipeline.cron_minute();
            person.look();
            pipeline.run("fiona-populate-projects");
            const auto transfers = pipeline.ask("fiona-assign", {"status"});
            return transfers.is_array() && transfers.array().size() >= studies
                   && transferred(pipeline).size() >= objects
                   && std::ranges::none_of(transfers.array(), [](const json::Value& transfer) {
                          return transfer.text("transferred").empty();
                      });
        },
        std::chrono::seconds{240}));
    pipeline.cron_minute();
    pipeline.run("fiona-populate-projects");

    const std::map<std::string, Count> counts{
        {"archive", count(objects, archived(config))},
        {"links", count(objects, linked(config))},
        {"research PACS", count(objects, transferred(pipeline))},
        {"INCOMING studies", count(studies, incoming_rows(config, "", ""))},
        {"INCOMING series",
         count(2 * std::size_t{studies}, incoming_rows(config, "series", "series_instance_uid"))},
        {"INCOMING transfers",
         count(studies, incoming_rows(config, "transfers", "transfer_project_name"))},
        {"project", count(studies, project_rows(config))}};
    std::string report = fmt::format("{} kills in {} s (", killer.all(), time.count());
    for (const auto& [name, number] : killer.kills()) {
        report += fmt::format(" {} {}", name, number);
    }
    report += fmt::format(" ), {} studies, {} objects\n", studies, objects);
    std::size_t lost = 0;
    std::size_t doubled = 0;
    for (const auto& [name, one] : counts) {
        report += fmt::format("{}: {} of {}, {} twice\n", name, one.distinct, one.expected,
                              one.doubled());
        lost += one.lost();
        doubled += one.doubled();
    }
    std::cout << report << fmt::format("lost {}, duplicated {}\n", lost, doubled) << std::flush;
    CHECK(lost == 0);
    CHECK(doubled == 0);
    CHECK(counts.at("archive").found == objects);
    CHECK(counts.at("research PACS").found == objects);
    CHECK(left_behind(config) == std::vector<std::string>{});
    CHECK(killer.all() >= static_cast<unsigned>(time.count()) / 2);
    CHECK(killer.kills().size() >= 6);
    CHECK(fs::is_empty(config.paths.failed()));

    for (const auto& identity : scanners.identities()) {
        const auto leaks = run_tool(
            "leak-scan",
            {identity.native(), pipeline.pacs_storage().native(), config.paths.logs().native(),
             config.paths.server_logs().native(), pipeline.output().native()});
        INFO(leaks.out);
        CHECK(leaks.exit_code == 0);
    }
}
