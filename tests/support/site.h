// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/redcap/client.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// Looks again and again until `condition` holds; false after `patience`. For events of other
/// processes; never for "probably finished by now".
bool wait_until(const std::function<bool()>& condition,
                std::chrono::milliseconds patience = std::chrono::seconds{20});

/// A port of 127.0.0.1 that was free a moment ago.
std::uint16_t free_port();

/// A tool of the build tree that runs beside the test; killed with SIGKILL when the object goes.
class Background {
public:
    /// Standard output and errors go to `log`.
    Background(const std::string& tool, const std::vector<std::string>& arguments,
               const std::filesystem::path& log);
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    ~Background();

    [[nodiscard]] pid_t pid() const { return m_pid; }
    void kill() { signal(9); }
    /// Sends the signal and waits for the end; the exit code, or 128 + signal number.
    int signal(int number);
    [[nodiscard]] bool runs();

private:
    pid_t m_pid = -1;
    int m_exit_code = -1;
};

/// Whether an executable of that name was built.
[[nodiscard]] bool has_tool(const std::string& name);

/// A complete synthetic series JSON, as the file processor writes it.
[[nodiscard]] fiona::json::Object series_properties(const fiona::StudyUid& study,
                                                    const fiona::SeriesUid& series);

/// A complete site below a temporary directory: config.json with ROOT there, and, if asked for, an
/// embedded REDCap (fiona-redcapd) on a free port of 127.0.0.1 with all schemas and tokens.
class Site {
public:
    Site();

    /// Starts fiona-redcapd, with more options of `serve` if need be, and waits until it answers. Call
    /// has_tool("fiona-redcapd") first.
    void start_redcap(const std::vector<std::string>& options = {});
    void stop_redcap() { m_redcapd.reset(); }

    [[nodiscard]] Outcome run(const std::string& tool,
                              std::vector<std::string> arguments = {}) const;
    [[nodiscard]] fiona::Config config() const;
    /// As the tools have it: what is written with it the next tool sees at once.
    [[nodiscard]] std::unique_ptr<fiona::redcap::Client> client(fiona::redcap::Role role) const;
    [[nodiscard]] const std::filesystem::path& root() const { return m_root.path; }
    [[nodiscard]] std::filesystem::path config_file() const { return m_root / "config.json"; }
    [[nodiscard]] std::filesystem::path redcap_database() const { return m_root / "redcap.sqlite"; }
    /// What the server wrote, of all its starts.
    [[nodiscard]] std::filesystem::path redcap_log() const { return m_root / "redcapd.log"; }

    /// Writes raw/<study>/<series>.json (and the directory of links) as the file processor does,
    /// last changed `age` ago. `properties` are added to a complete set of synthetic ones.
    void put_series(const fiona::StudyUid& study, const fiona::SeriesUid& series,
                    std::chrono::seconds age = std::chrono::hours{1},
                    const fiona::json::Object& properties = {}) const;

    /// More keys for config.json; takes effect at once.
    void set(const std::string& key, fiona::json::Value value);
    /// A key inside REDCAP.
    void set_redcap(const std::string& key, fiona::json::Value value);

private:
    void write_config() const;

    TempDir m_root;
    std::uint16_t m_port;
    fiona::json::Object m_config;
    std::optional<Background> m_redcapd;
};
