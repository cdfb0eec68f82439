// SPDX-License-Identifier: MIT
// The whole pipeline at work while somebody kills any process of it at random, for FIONA_KILL_SECONDS.
#include "libfiona/redcap/client.h"
#include "tests/e2e/books.h"
#include "tests/e2e/pipeline.h"
#include "tests/support/processes.h"
#include "tests/support/used_disk.h"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <random>
#include <sstream>
#include <thread>

namespace fs = std::filesystem;
using namespace fiona;
using SteadyClock = std::chrono::steady_clock;

namespace {

constexpr unsigned images_per_study = 6;
constexpr unsigned senders = 2;
constexpr unsigned most_studies = 450; ///< dcmqrscp deletes the oldest of more than 500

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
        // Cleaners that may take what they find: nothing here is old, so the books must not change.
        loop([&pipeline] {
            pipeline.run("fiona-clear-old", {"--max-used", "1", "--emergency-used", "1",
                                             "--min-age-h", "1", "--sent-days", "1"});
            pipeline.run("fiona-clear-stale-links", {"--min-age-min", "1"});
            pipeline.run("fiona-clear-exports", {"--max-used", "1"});
            pipeline.run("fiona-remove-old-entries");
        });
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
    /// Their studies are spread over `time`, so that the research PACS can keep them all.
    Scanners(Pipeline& pipeline, std::chrono::seconds time)
        : m_pipeline{pipeline}, m_rest{std::max<SteadyClock::duration>(
                                    std::chrono::seconds{4}, time * senders / most_studies)}
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
    /// What was sent, a directory for each study; beside it, with `.json`, who must not leave.
    [[nodiscard]] std::vector<fs::path> sent() const
    {
        std::vector<fs::path> directories;
        for (unsigned number = 1; number <= m_studies; ++number) {
            directories.push_back(directory(number));
        }
        return directories;
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
            const auto next = SteadyClock::now() + m_rest;
            while (!stop.stop_requested() && SteadyClock::now() < next) {
                std::this_thread::sleep_for(std::chrono::milliseconds{50});
            }
        }
    }

    Pipeline& m_pipeline;
    SteadyClock::duration m_rest; ///< of a scanner, between two studies
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
    /// Whom the studies belong to, by study.
    [[nodiscard]] const std::map<std::string, std::string>& participants() const
    {
        return m_participants;
    }

private:
    Pipeline& m_pipeline;
    std::map<std::string, std::string> m_participants;
};

/// Kills what runs of this site, and of no other, and counts.
class Killer {
public:
    Killer(const Pipeline& pipeline, unsigned seed)
        : m_config{pipeline.config().file}, m_random{seed}
    {
    }

    void strike()
    {
        std::this_thread::sleep_for(std::chrono::milliseconds{m_random() % 200});
        const auto victims = tools_of(m_config);
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
    fs::path m_config;
    std::mt19937 m_random;
    std::map<std::string, unsigned> m_kills;
};

std::size_t objects_in_pacs(Pipeline& pipeline)
{
    std::size_t objects = 0;
    for (const auto& [study, instances] : pipeline.in_pacs()) {
        objects += instances.size();
    }
    return objects;
}

std::string words_of(const std::map<std::string, Books::Account>& accounts)
{
    std::ostringstream words;
    for (const auto& [name, account] : accounts) {
        words << name << ": " << account << "\n";
    }
    return words.str();
}

/// What is wrong, account by account.
std::map<std::string, Books::Account> imbalance(const Books& books)
{
    auto accounts = books.accounts();
    std::erase_if(accounts, [](const auto& account) { return account.second.is_balanced(); });
    return accounts;
}

} // namespace

TEST_CASE("the whole pipeline under random kill -9: nothing lost, nothing twice, nothing half")
{
    const auto seed = number_in("FIONA_KILL_SEED", std::random_device{}());
    const std::chrono::seconds time{number_in("FIONA_KILL_SECONDS", 180)};
    std::cout << fmt::format("FIONA_KILL_SEED={} FIONA_KILL_SECONDS={}\n", seed, time.count())
              << std::flush;
    Pipeline pipeline;
    use_disk(pipeline.scratch());
    const auto& config = pipeline.config();
    Person person{pipeline};
    Killer killer{pipeline, seed};
    Scanners scanners{pipeline, time};
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
                   && objects_in_pacs(pipeline) >= objects
                   && std::ranges::none_of(transfers.array(), [](const json::Value& transfer) {
                          return transfer.text("transferred").empty();
                      });
        },
        std::chrono::seconds{240}));
    pipeline.cron_minute();
    pipeline.run("fiona-populate-projects");

    Books books{pipeline};
    for (const auto& directory : scanners.sent()) {
        books.enter(directory);
    }
    for (const auto& [study, participant] : person.participants()) {
        books.enter_participant(participant);
    }
    std::string report = fmt::format("{} kills in {} s (", killer.all(), time.count());
    for (const auto& [name, number] : killer.kills()) {
        report += fmt::format(" {} {}", name, number);
    }
    report += fmt::format(" ), {} studies, {} objects\n", studies, objects);
    std::size_t lost = 0;
    std::size_t doubled = 0;
    const auto accounts = books.accounts();
    report += words_of(accounts);
    for (const auto& [name, account] : accounts) {
        lost += account.lost + account.damaged;
        doubled += account.doubled + account.strange;
    }
    std::cout << report << fmt::format("lost {}, duplicated {}\n", lost, doubled) << std::flush;
    CHECK(lost == 0);
    CHECK(doubled == 0);
    CHECK(person.participants().size() == studies);
    INFO(fmt::format("left behind: {}", fmt::join(books.left_behind(), ", ")));
    CHECK(books.left_behind().empty());
    CHECK(killer.all() >= static_cast<unsigned>(time.count()) / 2);
    CHECK(killer.kills().size() >= 6);
    CHECK(fs::is_empty(config.paths.failed()));

    for (const auto& directory : scanners.sent()) {
        const auto leaks = run_tool(
            "leak-scan", {directory.native() + ".json", pipeline.pacs_storage().native(),
                          config.paths.logs().native(), config.paths.server_logs().native(),
                          pipeline.output().native()});
        INFO(leaks.out);
        CHECK(leaks.exit_code == 0);
    }
}

TEST_CASE("the books notice what is lost, twice, nobody's or damaged, wherever it is")
{
    Pipeline pipeline;
    const auto& config = pipeline.config();
    const auto directory = pipeline.scratch() / "study";
    make_phantoms(directory, {"--set", "slim", "--images", "3", "--series", "1", "--seed", "1"});
    Books books{pipeline};
    const auto study = books.enter(directory);
    books.enter_participant("DEMO_001");
    REQUIRE(pipeline.send(directory));
    REQUIRE(pipeline.settle(1));
    pipeline.assign_all({{study, "DEMO_001"}});
    REQUIRE(pipeline.transfer_all());
    REQUIRE(eventually(
        [&] {
            pipeline.cron_minute();
            pipeline.run("fiona-populate-projects");
            return imbalance(books).empty();
        },
        std::chrono::seconds{90}));
    REQUIRE(books.left_behind().empty());

    // The archive and what hangs on it. Each fault is mended before the next.
    const fs::path archived = *fs::directory_iterator{config.paths.archive() / ("scp_" + study)};
    const auto aside = pipeline.scratch() / "aside";
    fs::rename(archived, aside);
    CHECK(imbalance(books).at("archive") == Books::Account{.expected = 3, .lost = 1});
    CHECK(imbalance(books).at("links") == Books::Account{.expected = 3, .lost = 1});
    fs::copy_file(aside, archived);
    fs::resize_file(archived, fs::file_size(aside) - 2);
    CHECK(imbalance(books).at("archive") == Books::Account{.expected = 3, .damaged = 1});
    fs::remove(archived);
    fs::rename(aside, archived);
    fs::create_directory(config.paths.archive() / "scp_1.2.3");
    const auto copy = config.paths.archive() / "scp_1.2.3" / archived.filename();
    fs::copy_file(archived, copy);
    CHECK(imbalance(books).at("archive") == Books::Account{.expected = 3, .doubled = 1});
    fs::remove_all(copy.parent_path());
    std::ofstream{config.paths.raw() / "image.part"} << "half";
    CHECK(books.left_behind().size() == 1);
    fs::remove(config.paths.raw() / "image.part");
    REQUIRE(imbalance(books).empty());

    // REDCap: one series twice, and a study that nobody sent.
    const auto incoming = redcap::connect(config.redcap, redcap::Role::incoming);
    const auto rows = incoming->export_records({});
    auto again = *std::ranges::find(rows, std::string{"series"}, &redcap::Row::instrument);
    again.instance = 99;
    incoming->import_records({again}, redcap::Overwrite::normal);
    CHECK(imbalance(books).at("INCOMING series") == Books::Account{.expected = 1, .doubled = 1});
    incoming->delete_instance(study, "series", 99);
    auto other = *std::ranges::find(rows, std::string{}, &redcap::Row::instrument);
    other.record = "1.2.3";
    incoming->import_records({other}, redcap::Overwrite::normal);
    CHECK(imbalance(books).at("INCOMING studies") == Books::Account{.expected = 1, .strange = 1});
    incoming->delete_records({"1.2.3"});
    REQUIRE(imbalance(books).empty());

    // A study that never came is missing everywhere; one that came from elsewhere belongs to nobody.
    const auto never = pipeline.scratch() / "never";
    make_phantoms(never, {"--set", "slim", "--images", "2", "--series", "1", "--seed", "2"});
    auto more = books;
    more.enter(never);
    more.enter_participant("DEMO_002");
    const auto missing = imbalance(more);
    CHECK(missing.size() == 7);
    CHECK(missing.at("research PACS") == Books::Account{.expected = 5, .lost = 2});
    CHECK(missing.at("project") == Books::Account{.expected = 2, .lost = 1});
    const auto& pacs = config.research_pacs;
    Background stranger{{"dcmsend", "--call", pacs.aet, "--aetitle", pacs.calling_aet,
                         "--scan-directories", "--recurse", pacs.host, std::to_string(pacs.port),
                         never.native()},
                        pipeline.scratch() / "dcmsend.log"};
    REQUIRE(stranger.wait() == 0);
    CHECK(imbalance(books).at("research PACS") == Books::Account{.expected = 3, .strange = 2});
}
