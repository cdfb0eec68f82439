// SPDX-License-Identifier: MIT
#include "tests/support/site.h"

#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/study_tree.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <stdexcept>
#include <thread>

namespace fs = std::filesystem;
using namespace fiona; // NOLINT(google-build-using-namespace) a test helper

namespace {

sockaddr_in loopback(std::uint16_t port)
{
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = ::htons(port);
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    return address;
}

sockaddr* generic(sockaddr_in& address)
{
    return reinterpret_cast<sockaddr*>(
        &address); // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast) BSD sockets
}

bool accepts_connections(std::uint16_t port)
{
    const UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    auto address = loopback(port);
    return ::connect(fd.get(), generic(address), sizeof address) == 0;
}

std::string program_of(const std::string& tool)
{
    return std::string{FIONA_BIN_DIR} + "/" + tool;
}

} // namespace

bool wait_until(const std::function<bool()>& condition, std::chrono::milliseconds patience)
{
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5});
    }
    return true;
}

std::uint16_t free_port()
{
    const UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    auto address = loopback(0);
    socklen_t length = sizeof address;
    if (::bind(fd.get(), generic(address), sizeof address) != 0
        || ::getsockname(fd.get(), generic(address), &length) != 0) {
        throw std::runtime_error{"no free port"};
    }
    return ::ntohs(address.sin_port);
}

bool has_tool(const std::string& name)
{
    return ::access(program_of(name).c_str(), X_OK) == 0;
}

Background::Background(const std::string& tool, const std::vector<std::string>& arguments,
                       const fs::path& log)
{
    std::vector<std::string> words{program_of(tool)};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (auto& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                       0600);
    ::posix_spawn_file_actions_adddup2(&actions, 1, 2);
    std::array<char*, 1> environment{nullptr};
    const int failed =
        ::posix_spawn(&m_pid, words[0].c_str(), &actions, nullptr, argv.data(), environment.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (failed != 0) {
        throw std::runtime_error{"cannot start " + words[0]};
    }
}

Background::~Background()
{
    signal(SIGKILL);
}

int Background::signal(int number)
{
    if (m_pid > 0) {
        ::kill(m_pid, number);
        int status = 0;
        ::waitpid(m_pid, &status, 0);
        m_exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        m_pid = -1;
    }
    return m_exit_code;
}

bool Background::runs()
{
    int status = 0;
    if (m_pid > 0 && ::waitpid(m_pid, &status, WNOHANG) == m_pid) {
        m_exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        m_pid = -1;
    }
    return m_pid > 0;
}

Site::Site() : m_port{free_port()}
{
    m_config = {{"ROOT", m_root.path.native()},
                {"REDCAP", json::Object{{"url", fmt::format("http://127.0.0.1:{}/api/", m_port)},
                                        {"tokens_file", (m_root / "redcap.tokens").native()},
                                        {"deadline", 20}}}};
    write_config();
}

void Site::write_config() const
{
    store::write_file(config_file(), json::write(m_config, json::Style::pretty));
}

void Site::set(const std::string& key, json::Value value)
{
    m_config.insert_or_assign(key, std::move(value));
    write_config();
}

void Site::set_redcap(const std::string& key, json::Value value)
{
    m_config.at("REDCAP").object().insert_or_assign(key, std::move(value));
    write_config();
}

void Site::start_redcap(const std::vector<std::string>& options)
{
    const auto database = redcap_database().native();
    if (!fs::exists(database)) {
        const auto made = run_tool("fiona-redcapd", {"init", "--db", database, "--tokens-file",
                                                     (m_root / "redcap.tokens").native()});
        if (made.exit_code != 0) {
            throw std::runtime_error{"fiona-redcapd init: " + made.err};
        }
    }
    std::vector<std::string> words{
        "serve", "--db", database, "--listen", fmt::format("127.0.0.1:{}", m_port), "--plain-http"};
    words.insert(words.end(), options.begin(), options.end());
    m_redcapd.emplace("fiona-redcapd", words, redcap_log());
    if (!wait_until([&] { return !m_redcapd->runs() || accepts_connections(m_port); })
        || !m_redcapd->runs()) {
        throw std::runtime_error{"fiona-redcapd does not serve: "
                                 + read_file_if_any(redcap_log()).value_or("")};
    }
}

Outcome Site::run(const std::string& tool, std::vector<std::string> arguments) const
{
    arguments.insert(arguments.end(), {"--config", config_file().native()});
    return run_tool(tool, arguments);
}

Config Site::config() const
{
    return Config::load(config_file());
}

std::unique_ptr<redcap::Client> Site::client(redcap::Role role) const
{
    auto redcap = config().redcap;
    if (!fs::exists(redcap.state_dir)) { // a test that looks at a site must not begin one
        redcap.state_dir.clear();
    }
    return redcap::open(redcap, role);
}

json::Object series_properties(const StudyUid& study, const SeriesUid& series)
{
    return {{"AccessionNumber", "ACC0000123"},
            {"ClassifyType", json::Array{"SIEMENS", "T1"}},
            {"IncomingConnection", json::Object{{"AETitleCalled", "FIONA"},
                                                {"AETitleCaller", "MODALITY1"},
                                                {"CallerIP", "192.0.2.10"}}},
            {"InstitutionName", "Example Hospital"},
            {"Modality", json::Array{"MR"}},
            {"NumFiles", "192"},
            {"PatientID", "TESTID001"},
            {"PatientName", "DOE^JANE"},
            {"SeriesDescription", "t1_mprage"},
            {"SeriesInstanceUID", series.str()},
            {"SeriesNumber", "3"},
            {"SeriesTime", "101500.000000"},
            {"StudyDate", "20240102"},
            {"StudyDescription", "MR BRAIN"},
            {"StudyInstanceUID", study.str()},
            {"StudyTime", "100000.000000"}};
}

void Site::put_series(const StudyUid& study, const SeriesUid& series, std::chrono::seconds age,
                      const json::Object& properties) const
{
    const store::StudyTree tree{config().paths};
    make_directories(tree.series_directory(study, series));
    auto content = series_properties(study, series);
    for (const auto& [key, value] : properties) {
        content.insert_or_assign(key, value);
    }
    const auto path = tree.series_json(study, series);
    store::write_file(path, json::write(content, json::Style::pretty));
    fs::last_write_time(path, fs::file_time_type::clock::now() - age);
}
