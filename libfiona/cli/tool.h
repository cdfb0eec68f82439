// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"
#include "libfiona/store/run_record.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::cli {

/// The one frame around every tool: common options, logging, and errors turned into exit codes.
///
/// Every tool has --help, --version, --config, --log-level, -v, -q and --json; those that change
/// something add --dry-run, those that work for one project of SITES add --project.
class Tool {
public:
    /// `example` is shown at the end of --help: a command line that works as printed.
    Tool(std::string name, std::string summary, const std::string& example);

    /// For the tool's own options and sub-commands.
    CLI::App& options() { return m_app; }
    Tool& with_dry_run();
    Tool& with_project();

    /// Valid inside `body` only.
    [[nodiscard]] bool json() const { return m_json; }
    [[nodiscard]] Mode mode() const { return m_dry_run ? Mode::dry_run : Mode::apply; }
    /// The configuration, read at the first call.
    [[nodiscard]] const Config& config();
    /// This run only looks: it leaves no record of itself (store/run_record.h). All others do from the first
    /// config() on, but for a dry run. To be called before.
    void leave_no_record() { m_records = false; }
    /// Whether one was named (--config, $FIONA_CONFIG) or lies at the default place: for tools that can
    /// do without.
    [[nodiscard]] bool has_config() const;
    /// Takes `<processing>/.pids/<tool>[project][part].lock` until the tool ends; `part` is what the
    /// run is limited to, where such runs may be at work side by side. Throws Error{Fault::temporary}
    /// (exit 75) with the holder's pid if another run has it.
    void run_alone(std::string_view part = {});

    /// What run() returns when `body` has returned: for a tool whose result is a state. Its man page
    /// names the codes; they are below 64, so that none looks like a fault. A fault wins.
    void set_exit_code(int code);
    /// Whether somebody watches: standard error is a terminal, no --json, no --quiet.
    [[nodiscard]] bool shows_progress() const;

    /// The result on stdout: the JSON document with --json, else the lines.
    void report(const json::Value& document, const std::vector<std::string>& lines) const;

    /// Parses, runs `body`, and returns the exit code. Nothing escapes it.
    int run(int argc, const char* const* argv, const std::function<void()>& body);

private:
    [[nodiscard]] store::RunName run_name(std::string_view part) const;
    [[nodiscard]] int guarded(int argc, const char* const* argv, const std::function<void()>& body);

    CLI::App m_app;
    std::optional<std::string> m_config_file;
    std::string m_project;
    std::string m_log_level = "info";
    int m_exit_code = 0;
    bool m_json = false;
    bool m_dry_run = false;
    bool m_verbose = false;
    bool m_quiet = false;
    std::optional<Config> m_config;
    std::optional<FileLock> m_lock;
    bool m_records = true;
    std::optional<store::RunRecord> m_record;
};

/// Columns of a terminal that a UTF-8 text takes: one each character.
[[nodiscard]] std::size_t columns_of(std::string_view text);

/// Columns padded to equal width (UTF-8 aware), two blanks between: for people. With --json tools
/// print JSON instead.
[[nodiscard]] std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows);

} // namespace fiona::cli
