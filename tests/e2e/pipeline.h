// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <sys/types.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

/// A child process of a test; killed and reaped with the object.
class Background {
public:
    /// Output and errors are appended to `log`.
    Background(const std::vector<std::string>& arguments, const std::filesystem::path& log,
               const std::vector<std::string>& environment = {});
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    ~Background();

    [[nodiscard]] pid_t pid() const { return m_pid; }
    void kill(int signal) const;
    [[nodiscard]] bool is_running();
    /// The exit code, 128 + signal if a signal ended it.
    int wait();

private:
    pid_t m_pid = -1;
    int m_exit_code = -1;
    bool m_done = false;
};

/// Polls until `condition` holds; false when `patience` is over.
bool eventually(const std::function<bool()>& condition,
                std::chrono::seconds patience = std::chrono::seconds{30});

/// A demo site with everything real: embedded REDCap, dcmqrscp as research PACS, the daemons.
/// All output of all programs is collected in `output()`.
class Pipeline {
public:
    Pipeline();
    Pipeline(const Pipeline&) = delete;
    Pipeline& operator=(const Pipeline&) = delete;
    ~Pipeline();

    /// Runs a tool with the site's configuration; its output is kept for leak scans.
    Outcome run(const std::string& tool, std::vector<std::string> arguments = {});
    /// The result of `--json`, or null if the tool failed. Asked for identifiers, it prints them:
    /// its output is not kept.
    [[nodiscard]] fiona::json::Value ask(const std::string& tool,
                                         std::vector<std::string> arguments) const;
    /// What the crontab does in one minute, in order. Failures of single tools are no failure here.
    void cron_minute();
    /// Cron minutes until every study of `studies` is listed by fiona-assign.
    [[nodiscard]] bool settle(std::size_t studies);
    /// Assigns every study that has no request: participant DEMO_001 for the first, and so on.
    void assign_all(const std::map<std::string, std::string>& participant_of_study);
    /// Cron minutes until no request waits.
    [[nodiscard]] bool transfer_all();

    void start_daemons();
    void stop_daemons();
    void start_pacs();
    void stop_pacs();
    /// Sends everything below `directory` with dcmsend; true if every object was accepted.
    [[nodiscard]] bool send(const std::filesystem::path& directory,
                            const std::string& called = "FIONA");

    /// SOP instance UIDs in the research PACS, by StudyInstanceUID.
    [[nodiscard]] std::map<std::string, std::multiset<std::string>> in_pacs();

    [[nodiscard]] const fiona::Config& config() const { return m_config; }
    [[nodiscard]] std::filesystem::path root() const { return m_directory / "site"; }
    [[nodiscard]] std::filesystem::path pacs_storage() const { return root() / "pacs/RESEARCH"; }
    [[nodiscard]] std::filesystem::path output() const { return m_directory / "output.txt"; }
    [[nodiscard]] std::filesystem::path scratch() const { return m_directory.path; }

private:
    TempDir m_directory;
    fiona::Config m_config;
    std::unique_ptr<Background> m_pacs;
};

/// Makes phantoms in `directory`, which then holds nothing but images; their identity is in
/// `directory`.json. `arguments` are those of make-phantoms. Returns how many images there are.
std::size_t make_phantoms(const std::filesystem::path& directory,
                          const std::vector<std::string>& arguments);

/// The path of a program of the build tree.
std::string program(const std::string& name);
