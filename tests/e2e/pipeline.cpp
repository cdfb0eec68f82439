// SPDX-License-Identifier: MIT
#include "tests/e2e/pipeline.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/dicom/library.h"
#include "libfiona/pacs/query.h"
#include "libfiona/pacs/sender.h"

#include <catch2/catch.hpp>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <algorithm>
#include <fstream>
#include <thread>

namespace fs = std::filesystem;
using namespace fiona;

Background::Background(const std::vector<std::string>& arguments, const fs::path& log,
                       const std::vector<std::string>& environment)
{
    auto words = arguments;
    auto variables = environment;
    variables.emplace_back("PATH=/usr/bin:/bin:/usr/sbin:/sbin");
    const auto pointers = [](std::vector<std::string>& texts) {
        std::vector<char*> result;
        for (auto& text : texts) {
            result.push_back(text.data());
        }
        result.push_back(nullptr);
        return result;
    };
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    const int failed = ::posix_spawnp(&m_pid, words[0].c_str(), &actions, nullptr,
                                      pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        throw Error{Fault::unreachable, "cannot start {}", words[0]};
    }
}

Background::~Background()
{
    if (is_running()) {
        kill(SIGKILL);
        wait();
    }
}

void Background::kill(int signal) const
{
    if (!m_done) {
        ::kill(m_pid, signal);
    }
}

bool Background::is_running()
{
    int status = 0;
    if (!m_done && ::waitpid(m_pid, &status, WNOHANG) == m_pid) {
        m_exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        m_done = true;
    }
    return !m_done;
}

int Background::wait()
{
    int status = 0;
    if (!m_done && ::waitpid(m_pid, &status, 0) == m_pid) {
        m_exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        m_done = true;
    }
    return m_exit_code;
}

bool eventually(const std::function<bool()>& condition, std::chrono::seconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    return true;
}

Pipeline::Pipeline()
{
    const dicom::Library library;
    const auto made = run_tool("fiona-config", {"init", "--root", root().native(), "--demo"});
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    m_config = Config::load(root() / "data/config/config.json");
    start_pacs();
    start_daemons();
}

Pipeline::~Pipeline()
{
    for (const auto* const daemon : {"fiona-storescp", "fiona-process-file", "fiona-redcapd"}) {
        static_cast<void>(run_tool(daemon, {"stop", "--config", m_config.file.native()}));
    }
}

Outcome Pipeline::run(const std::string& tool, std::vector<std::string> arguments)
{
    arguments.insert(arguments.end(), {"--config", m_config.file.native()});
    auto outcome = run_tool(tool, arguments);
    std::ofstream log{output(), std::ios::app | std::ios::binary};
    log << outcome.out << outcome.err;
    return outcome;
}

json::Value Pipeline::ask(const std::string& tool, std::vector<std::string> arguments) const
{
    arguments.insert(arguments.end(), {"--json", "--config", m_config.file.native()});
    const auto outcome = run_tool(tool, arguments);
    return outcome.exit_code == 0 ? json::parse(outcome.out, tool) : json::Value{};
}

void Pipeline::start_daemons()
{
    for (const auto* const daemon : {"fiona-redcapd", "fiona-storescp", "fiona-process-file"}) {
        run(daemon, {"start"});
    }
}

void Pipeline::stop_daemons()
{
    for (const auto* const daemon : {"fiona-storescp", "fiona-process-file", "fiona-redcapd"}) {
        run(daemon, {"stop"});
    }
}

void Pipeline::cron_minute()
{
    start_daemons();
    for (const auto* const tool : {"fiona-detect-arrival", "fiona-populate-incoming",
                                   "fiona-create-transfer-requests", "fiona-anonymize-send"}) {
        run(tool);
    }
}

bool Pipeline::settle(std::size_t studies)
{
    return eventually(
        [&] {
            cron_minute();
            const auto listed = ask("fiona-assign", {"studies", "--all"});
            return listed.is_array() && listed.array().size() >= studies;
        },
        std::chrono::seconds{120});
}

void Pipeline::assign_all(const std::map<std::string, std::string>& participant_of_study)
{
    for (const auto& [study, participant] : participant_of_study) {
        const auto outcome =
            run("fiona-assign", {"assign", study, "--project", "DEMO", "--participant", participant,
                                 "--event", "Baseline", "--create-participant"});
        INFO(outcome.err);
        CHECK(outcome.exit_code == 0);
    }
}

bool Pipeline::transfer_all()
{
    return eventually(
        [&] {
            cron_minute();
            const auto transfers = ask("fiona-assign", {"status"});
            return transfers.is_array() && !transfers.array().empty()
                   && std::ranges::none_of(transfers.array(), [](const json::Value& transfer) {
                          return transfer.text("transferred").empty();
                      });
        },
        std::chrono::seconds{120});
}

void Pipeline::start_pacs()
{
    const auto port = std::to_string(m_config.research_pacs.port);
    m_pacs = std::make_unique<Background>(
        std::vector<std::string>{"dcmqrscp", "-c",
                                 (m_config.paths.config() / "dcmqrscp.cfg").native(), port},
        scratch() / "pacs.log", std::vector<std::string>{"TCP_NODELAY=1"});
    const auto& pacs = m_config.research_pacs;
    const auto answers = [&] {
        try {
            pacs::echo({pacs.host, pacs.port, pacs.aet, pacs.calling_aet});
            return true;
        } catch (const Error&) {
            return false;
        }
    };
    REQUIRE(eventually(answers));
}

void Pipeline::stop_pacs()
{
    m_pacs.reset();
}

bool Pipeline::send(const fs::path& directory, const std::string& called)
{
    Background sender{{"dcmsend", "--call", called, "--aetitle", "SCANNER1", "--scan-directories",
                       "--recurse", "--no-illegal-proposal", "127.0.0.1",
                       std::to_string(m_config.receiver.port), directory.native()},
                      scratch() / "dcmsend.log",
                      {"TCP_NODELAY=1"}};
    return sender.wait() == 0;
}

std::map<std::string, std::multiset<std::string>> Pipeline::in_pacs()
{
    const auto& pacs = m_config.research_pacs;
    const pacs::Peer peer{pacs.host, pacs.qr_port, pacs.qr_aet, pacs.calling_aet};
    std::map<std::string, std::multiset<std::string>> found;
    for (const auto& study : pacs::find(peer, pacs::Level::study, {{"StudyInstanceUID", ""}})) {
        const auto study_uid = study.at("StudyInstanceUID");
        for (const auto& series :
             pacs::find(peer, pacs::Level::series,
                        {{"StudyInstanceUID", study_uid}, {"SeriesInstanceUID", ""}})) {
            for (const auto& image :
                 pacs::find(peer, pacs::Level::image,
                            {{"StudyInstanceUID", study_uid},
                             {"SeriesInstanceUID", series.at("SeriesInstanceUID")},
                             {"SOPInstanceUID", ""}})) {
                found[study_uid].insert(image.at("SOPInstanceUID"));
            }
        }
    }
    return found;
}

std::size_t make_phantoms(const fs::path& directory, const std::vector<std::string>& arguments)
{
    std::vector<std::string> words{directory.native()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    const auto made = run_tool("make-phantoms", words);
    INFO(made.err);
    REQUIRE(made.exit_code == 0);
    fs::rename(directory / "identity.json", directory.native() + ".json");
    return static_cast<std::size_t>(
        std::ranges::count_if(fs::recursive_directory_iterator{directory},
                              [](const auto& entry) { return entry.is_regular_file(); }));
}

std::string program(const std::string& name)
{
    return std::string{FIONA_BIN_DIR} + "/" + name;
}
