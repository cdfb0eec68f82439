// SPDX-License-Identifier: MIT
#include "libfiona/ingest/file_daemon.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/ingest/announcement.h"
#include "libfiona/ingest/legacy_pipe.h"
#include "libfiona/ingest/reconcile.h"
#include "libfiona/ingest/wakeup.h"

#include <algorithm>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::milliseconds longest_sleep{5000};
// Images come in hundreds. What comes meanwhile shares one reading, counting and writing of its
// series: without it the cost of an image grows with its series when they come one by one.
constexpr std::chrono::milliseconds gathering_time{100};
constexpr std::chrono::seconds stop_grace{30};
constexpr std::string_view doorbell_name = "doorbell";

FileLock lock(const Config& config)
{
    make_directories(pid_file(config).parent_path());
    return FileLock{pid_file(config)};
}

void reload(Processor& processor, const Config& config, const std::optional<fs::path>& rules)
{
    try {
        const auto now = Config::load(config.file, config.project);
        if (now.paths.data != config.paths.data) {
            log::warn("paths_need_a_restart", {{"data", now.paths.data.native()}});
        }
        processor.use(load_rules(now, rules));
        log::info("rules_reloaded");
    } catch (const Error& e) {
        log::error("rules_kept", {{"reason", e.what()}});
    }
}

/// A disk that fails for a moment must not end the daemon.
void work_once(Processor& processor, Wakeup& wakeup)
{
    try {
        processor.drain(Clock::now(), [&] { return wakeup.stop_requested(); });
    } catch (const Error& e) {
        log::error("drain_failed", {{"reason", e.what()}});
    }
}

/// What programs of the original say: a line becomes a spool entry before the next is read. Bounded, so
/// that a flood of lines cannot keep the images of others waiting.
void take_lines(LegacyPipe& pipe, const Config& config, const store::Spool& spool)
{
    constexpr int most_pieces = 64;
    for (int i = 0; i < most_pieces; ++i) {
        const auto lines = pipe.take_lines(std::chrono::steady_clock::now());
        if (lines.empty()) {
            return;
        }
        for (const auto& line : lines) {
            try {
                spool.add(announce_line(config.paths, line), store::Spool::Sync::no);
            } catch (const Error& e) { // no word of the line: it may be a patient's name
                log::warn("line_refused", {{"bytes", line.size()}, {"reason", e.what()}});
            }
        }
    }
}

std::chrono::milliseconds until_next(const Processor& processor, const LegacyPipe& pipe)
{
    if (pipe.has_rest()) {
        return std::chrono::milliseconds{1000};
    }
    const auto due = processor.next_due();
    if (!due) {
        return longest_sleep;
    }
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(*due - Clock::now());
    return std::clamp(wait, std::chrono::milliseconds{10}, longest_sleep);
}

void report(const Reconciled& result)
{
    log::info("reconciled", {{"queued", result.queued},
                             {"retried", result.retried},
                             {"unreadable", result.unreadable},
                             {"parts_removed", result.parts_removed}});
}

/// What it would find again waits for the next start: no reason not to sort what comes.
void reconcile_if_possible(const Config& config, Attempts& attempts,
                           const std::function<bool()>& stop)
{
    try {
        report(reconcile(config, Clock::now(), Scope::changed, Mode::apply, {&attempts, stop}));
    } catch (const Error& e) {
        log::error("reconcile_failed", {{"reason", e.what()}});
    }
}

} // namespace

fs::path pid_file(const Config& config)
{
    return config.paths.server_pids() / fmt::format("processSingleFile{}.pid", config.project);
}

fs::path log_file(const Config& config)
{
    return config.paths.server_logs() / fmt::format("processSingleFile{}.log", config.project);
}

classify::Rules load_rules(const Config& config, const std::optional<fs::path>& other)
{
    auto file = other.value_or(config.classify_rules);
    std::error_code problem;
    if (!other && !fs::exists(file, problem)) {
        file = shipped_file("rules/classifyRules.json");
    }
    auto rules = classify::Rules::load(file);
    for (const auto& mistake : rules.problems()) {
        log::error("rule_disabled", {{"file", file.native()}, {"reason", mistake}});
    }
    return rules;
}

store::StartResult start(const Config& config, const DaemonOptions& options)
{
    std::vector<std::string> arguments{sibling_program("fiona-process-file"), "--config",
                                       fs::absolute(config.file)};
    if (!config.project.empty()) {
        arguments.insert(arguments.end(), {"--project", config.project});
    }
    if (options.rules) {
        arguments.insert(arguments.end(), {"--rules", fs::absolute(*options.rules)});
    }
    if (options.old_name == DaemonOptions::OldName::link) {
        arguments.emplace_back("--legacy-pipe");
    }
    arguments.emplace_back("run");
    return store::start_daemon(pid_file(config), arguments, log_file(config));
}

store::StopResult stop(const Config& config)
{
    return store::stop_daemon(pid_file(config), stop_grace);
}

json::Value state(const Config& config)
{
    const store::Spool spool{config.paths.spool()};
    const auto pid = store::running_daemon(pid_file(config));
    return json::Object{{"running", pid.has_value()},
                        {"pid", pid.value_or(0)},
                        {"waiting", spool.count_waiting()},
                        {"failed", spool.count_failed()}};
}

void run_until_stopped(const Config& config, const DaemonOptions& options)
{
    Processor processor{config, load_rules(config, options.rules)};
    const auto& spool = processor.spool();
    Wakeup wakeup{spool.directory() / doorbell_name, spool.directory() / "new"};
    const auto lock_for_life = lock(config);
    LegacyPipe pipe{config};
    std::optional<OldPipeName> old_name;
    if (options.old_name == DaemonOptions::OldName::link
        || config.document.text("LEGACYPIPE") == "true") {
        old_name.emplace(config, pipe.path());
    }
    log::info("started", {{"project", config.project}});
    processor.take_over();
    work_once(processor, wakeup);
    if (!wakeup.stop_requested()) {
        reconcile_if_possible(config, processor.attempts(),
                              [&] { return wakeup.stop_requested(); });
    }
    while (!wakeup.stop_requested()) {
        take_lines(pipe, config, spool);
        work_once(processor, wakeup);
        wakeup.wait(until_next(processor, pipe), pipe.fd());
        wakeup.rest(gathering_time);
        if (wakeup.take_reload()) {
            reload(processor, config, options.rules);
        }
    }
    old_name.reset(); // no new writer; what the others have written is not lost
    take_lines(pipe, config, spool);
    log::info("stopped");
}

Processor::Drained run_once(const Config& config, const std::optional<fs::path>& rules)
{
    Processor processor{config, load_rules(config, rules)};
    const auto lock_until_done = lock(config);
    processor.take_over();
    const auto never = [] { return false; };
    auto total = processor.drain(Clock::now(), never);
    report(reconcile(config, Clock::now(), Scope::changed, Mode::apply, {&processor.attempts()}));
    const auto more = processor.drain(Clock::now(), never);
    total.processed += more.processed;
    total.given_up += more.given_up;
    total.postponed += more.postponed;
    return total;
}

std::optional<std::string> plan(const Config& config, std::string_view verb)
{
    const bool is_running = store::running_daemon(pid_file(config)).has_value();
    if (verb == "start") {
        return is_running ? "already running" : "would start";
    }
    if (verb == "stop") {
        return is_running ? "would stop" : "not running";
    }
    if (verb == "restart") {
        return is_running ? "would restart" : "would start";
    }
    if (verb == "run") {
        throw Error{Fault::usage, "run has no dry run"};
    }
    if (verb == "once") {
        const auto waiting = store::Spool{config.paths.spool()}.count_waiting();
        return is_running ? "the daemon is running" : fmt::format("would process {}", waiting);
    }
    return std::nullopt;
}

void send(const Config& config, std::string_view line, Mode mode)
{
    const auto entry = announce_line(config.paths, line);
    if (mode == Mode::dry_run) {
        return;
    }
    const store::Spool spool{config.paths.spool()};
    spool.add(entry, store::Spool::Sync::yes);
    ring(spool.directory() / doorbell_name);
    log::info("announced", {{"study", entry.study}, {"series", entry.series}});
}

} // namespace fiona::ingest
