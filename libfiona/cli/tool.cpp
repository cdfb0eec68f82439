// SPDX-License-Identifier: MIT
#include "libfiona/cli/tool.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/cli/progress.h"

#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

namespace fiona::cli {

namespace {

/// The one table of exit codes (style: seen from whoever must act).
int exit_code(Fault fault)
{
    switch (fault) {
    case Fault::usage: return EX_USAGE;
    case Fault::data: return EX_DATAERR;
    case Fault::missing: return EX_NOINPUT;
    case Fault::unreachable: return EX_UNAVAILABLE;
    case Fault::temporary: return EX_TEMPFAIL;
    case Fault::protocol: return EX_PROTOCOL;
    case Fault::permission: return EX_NOPERM;
    case Fault::io: return EX_IOERR;
    case Fault::config: return EX_CONFIG;
    case Fault::internal: break;
    }
    return EX_SOFTWARE;
}

log::Level level_of(const std::string& name)
{
    if (name == "debug") {
        return log::Level::debug;
    }
    if (name == "warn") {
        return log::Level::warn;
    }
    return name == "error" ? log::Level::error : log::Level::info;
}

// One write(2) a line, so that lines of several processes in one log file do not mix. A full log
// disk must not stop the work: the error is dropped on purpose.
void write_to_stderr(log::Level /*level*/, const std::string& line)
{
    erase_progress();
    const auto text = line + "\n";
    [[maybe_unused]] const auto ignored = ::write(STDERR_FILENO, text.data(), text.size());
}

} // namespace

Tool::Tool(std::string name, std::string summary, const std::string& example)
    : m_app{std::move(summary), std::move(name)}
{
    m_app.footer("Example:\n  " + example + "\n\nSee " + m_app.get_name()
                 + "(1) and fiona(7) for exit codes.");
    m_app.set_version_flag("--version", m_app.get_name() + " " FIONA_VERSION);
    m_app.add_option("--config", m_config_file,
                     "configuration (else $FIONA_CONFIG, else /data/config/config.json)");
    m_app.add_option("--log-level", m_log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}));
    m_app.add_flag("-v,--verbose", m_verbose, "the same as --log-level debug");
    m_app.add_flag("-q,--quiet", m_quiet, "the same as --log-level warn");
    m_app.add_flag("--json", m_json, "print the result as one JSON document");
    m_app.fallthrough(); // common options are also understood after a sub-command
}

Tool& Tool::with_dry_run()
{
    m_app.add_flag("-n,--dry-run", m_dry_run, "say what would be done, change nothing");
    return *this;
}

Tool& Tool::with_project()
{
    m_app.add_option("--project", m_project, "a project of SITES in the configuration");
    return *this;
}

const Config& Tool::config()
{
    if (!m_config) {
        m_config = Config::load(Config::default_path(m_config_file), m_project);
        if (m_records && !m_dry_run) {
            m_record = store::RunRecord::begin(m_config->paths.state(), run_name({}), Clock::now());
        }
    }
    return *m_config;
}

bool Tool::has_config() const
{
    std::error_code problem;
    return m_config_file
           || std::getenv("FIONA_CONFIG") != nullptr // NOLINT(concurrency-mt-unsafe) one thread
           || std::filesystem::exists(Config::default_path({}), problem);
}

void Tool::run_alone(std::string_view part)
{
    const auto directory = config().paths.pids();
    make_directories(directory);
    auto name = m_app.get_name();
    for (const std::string_view text : {std::string_view{m_project}, part}) {
        name += text.empty() ? std::string{} : percent_encoded(text);
    }
    try {
        m_lock.emplace(directory / (name + ".lock"));
    } catch (const Error&) {
        if (m_record) {
            m_record->withdraw();
            m_record.reset();
        }
        throw;
    }
    if (m_record && !part.empty()) { // its own kind of run
        m_record->withdraw();
        m_record = store::RunRecord::begin(m_config->paths.state(), run_name(part), Clock::now());
    }
}

store::RunName Tool::run_name(std::string_view part) const
{
    store::RunName name{
        .tool = m_app.get_name(), .commands = {}, .project = m_project, .part = std::string{part}};
    for (const auto* app = &m_app; app != nullptr;) {
        const auto chosen = app->get_subcommands();
        app = chosen.empty() ? nullptr : chosen.front();
        if (app != nullptr) {
            name.commands.push_back(app->get_name());
        }
    }
    return name;
}

void Tool::set_exit_code(int code)
{
    if (code < 0 || code >= EX__BASE) {
        throw Error{Fault::internal, "{} is the exit code of a fault, or none", code};
    }
    m_exit_code = code;
}

bool Tool::shows_progress() const
{
    return !m_json && !m_quiet && level_of(m_log_level) <= log::Level::info
           && ::isatty(STDERR_FILENO) == 1;
}

void Tool::report(const json::Value& document, const std::vector<std::string>& lines) const
{
    std::string text;
    if (m_json) {
        text = json::write(document, json::Style::pretty) + "\n";
    } else {
        for (const auto& line : lines) {
            text += line + "\n";
        }
    }
    write_all(STDOUT_FILENO, text, "standard output");
}

int Tool::run(int argc, const char* const* argv, const std::function<void()>& body)
{
    const auto code = guarded(argc, argv, body);
    if (m_record) {
        m_record->end(code, Clock::now());
    }
    return code;
}

int Tool::guarded(int argc, const char* const* argv, const std::function<void()>& body)
{
    // A closed pipe or socket is an error we report, not our death.
    static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
    forbid_core_dumps();
    log::set_sink(write_to_stderr);
    try {
        m_app.parse(argc, argv);
        log::set_threshold(m_verbose ? log::Level::debug
                           : m_quiet ? log::Level::warn
                                     : level_of(m_log_level));
        body();
        return m_exit_code;
    } catch (const CLI::ParseError& e) {
        return m_app.exit(e) == 0 ? EX_OK : EX_USAGE;
    } catch (const Error& e) {
        log::error("failed", {{"tool", m_app.get_name()}, {"reason", e.what()}});
        return exit_code(e.fault());
    } catch (const std::bad_alloc&) {
        log::error("failed", {{"tool", m_app.get_name()}, {"reason", "out of memory"}});
        return EX_TEMPFAIL;
    } catch (const std::filesystem::filesystem_error& e) {
        const auto error = disk_error(e);
        log::error("failed", {{"tool", m_app.get_name()}, {"reason", error.what()}});
        return exit_code(error.fault());
    } catch (const std::exception& e) {
        log::error("bug", {{"tool", m_app.get_name()}, {"reason", e.what()}});
        return EX_SOFTWARE;
    } catch (...) {
        log::error("bug", {{"tool", m_app.get_name()}, {"reason", "an unknown exception"}});
        return EX_SOFTWARE;
    }
}

std::size_t columns_of(std::string_view text)
{
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::vector<std::string> table(const std::vector<std::vector<std::string>>& rows)
{
    std::vector<std::size_t> widths;
    for (const auto& row : rows) {
        widths.resize(std::max(widths.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths[i] = std::max(widths[i], columns_of(row[i]));
        }
    }
    std::vector<std::string> lines;
    for (const auto& row : rows) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += row[i];
            if (i + 1 < row.size()) {
                line.append(widths[i] - columns_of(row[i]) + 2, ' ');
            }
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace fiona::cli
