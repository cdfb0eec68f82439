// SPDX-License-Identifier: MIT
#include "libfiona/ingest/heartbeat.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/ingest/own_receiver.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/pacs/receiver_status.h"
#include "libfiona/pacs/sender.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/disk_space.h"
#include "libfiona/store/spool.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

using Answer = Heartbeat::Answer;

constexpr const char* calling_aet = "HEARTBEAT";

std::string_view name_of(Health health)
{
    switch (health) {
    case Health::ok: return "ok";
    case Health::restarted: return "restarted";
    case Health::degraded: return "degraded";
    case Health::down: break;
    }
    return "down";
}

std::string_view name_of(Answer answer)
{
    switch (answer) {
    case Answer::echo: return "echo";
    case Answer::refused: return "refused";
    case Answer::none: break;
    }
    return "none";
}

/// Whether the process runs that program, also one that was replaced on the disk since.
bool runs_program(pid_t pid, std::string_view program)
{
    constexpr std::string_view replaced = " (deleted)"; // proc(5), exe
    std::error_code problem;
    auto name = fs::read_symlink(fmt::format("/proc/{}/exe", pid), problem).filename().native();
    if (name.ends_with(replaced)) {
        name.resize(name.size() - replaced.size());
    }
    return !problem && name == program;
}

class Check {
public:
    Check(const Config& config, TimePoint now, const HeartbeatOptions& options)
        : m_config{config}, m_options{options}
    {
        m_result.checked = now;
        m_result.disk = "unknown";
    }

    Heartbeat run()
    {
        m_result.is_enabled = pacs::is_reception_enabled(m_config.paths);
        if (m_result.is_enabled) {
            guarded(Health::down, "the receiver", [&] { check_receiver(); });
            guarded(Health::down, "the processor", [&] { check_processor(); });
            guarded(Health::degraded, "the disk", [&] { check_disk(); });
            guarded(Health::degraded, "the spool", [&] { check_spool(); });
            guarded(Health::degraded, "the arrival marks", [&] { check_arrivals(); });
        }
        if (m_options.mode == Mode::apply) {
            guarded(Health::degraded, "the status file", [&] { write(); });
        }
        return std::move(m_result);
    }

private:
    void raise(Health health, std::string problem)
    {
        log::warn("problem_found", {{"health", name_of(health)}, {"reason", problem}});
        m_result.health = std::max(m_result.health, health);
        m_result.problems.push_back(std::move(problem));
    }

    void guarded(Health health, std::string_view what, const auto& check)
    {
        try {
            check();
        } catch (const Error& e) {
            raise(health, fmt::format("{}: {}", what, e.what()));
        } catch (const fs::filesystem_error& e) {
            raise(health, fmt::format("{}: {}", what, e.code().message()));
        }
    }

    /// True if `action` is to be done now.
    bool decide(std::string_view action)
    {
        m_result.actions.emplace_back(action);
        return m_options.mode == Mode::apply;
    }

    void done(std::string_view event)
    {
        log::warn(event);
        m_result.health = std::max(m_result.health, Health::restarted);
    }

    Answer ask(int attempts)
    {
        auto peer = own_receiver(m_config);
        peer.calling_aet = calling_aet;
        peer.timeout = m_options.echo_timeout;
        m_result.receiver_port = peer.port;
        for (int attempt = 1;; ++attempt) {
            try {
                pacs::echo(peer);
                return Answer::echo;
            } catch (const Error& e) {
                m_reason = e.what();
                if (e.fault() == Fault::protocol) {
                    return Answer::refused; // it lives, and has its reasons
                }
            }
            if (attempt >= attempts) {
                return Answer::none;
            }
            std::this_thread::sleep_for(m_options.between_attempts);
        }
    }

    void check_receiver()
    {
        const auto pid_file = pacs::ReceiverFiles::of(m_config).pid_file;
        const auto pid = store::running_daemon(pid_file);
        m_result.receiver_pid = pid.value_or(0);
        if (!pid) {
            m_result.receiver_port = m_config.receiver.port;
            if (is_supervised()) {
                raise(Health::down,
                      "the receiver does not run, and its supervisor has not started it");
                return;
            }
            if (!decide("start the receiver")) {
                raise(Health::down, "the receiver does not run");
                return;
            }
            start_own_receiver(m_config, std::nullopt);
            done("receiver_started");
        } else if (ask_and_note() == Answer::none && !replace(pid_file, *pid)) {
            return;
        }
        judge_answer(pid_file);
    }

    Answer ask_and_note()
    {
        m_result.receiver_answer = ask(m_options.echo_attempts);
        return m_result.receiver_answer;
    }

    /// Stops the receiver that does not answer and starts another on the same port. False if it
    /// was left alone.
    bool replace(const fs::path& pid_file, pid_t pid)
    {
        if (!runs_program(pid, "fiona-storescp")) {
            raise(Health::down, fmt::format("process {} holds {} and is no fiona-storescp; it was "
                                            "left alone",
                                            pid, pid_file.native()));
            return false;
        }
        if (!decide(is_supervised() ? "end the receiver" : "stop and start the receiver")) {
            raise(Health::down, "the receiver does not answer: " + m_reason);
            return false;
        }
        if (store::running_daemon(pid_file) != pid) {
            return true; // somebody else has replaced it while we waited
        }
        log::warn("receiver_does_not_answer", {{"pid", pid}, {"reason", m_reason}});
        if (is_supervised()) {
            return end_supervised(pid_file, pid);
        }
        // What it was receiving is finished by its children, who get SIGTERM when it is gone.
        constexpr std::chrono::seconds longest_grace{10};
        static_cast<void>(store::stop_daemon(
            pid_file, std::min<std::chrono::seconds>(m_config.receiver.stop_grace, longest_grace)));
        start_own_receiver(m_config, m_result.receiver_port);
        done("receiver_restarted");
        return true;
    }

    [[nodiscard]] bool is_supervised() const
    {
        return m_options.starts == HeartbeatOptions::Starts::others;
    }

    /// False if nobody started another in time.
    bool end_supervised(const fs::path& pid_file, pid_t pid)
    {
        using std::chrono::steady_clock;
        if (::kill(pid, SIGKILL) != 0 && errno != ESRCH) {
            throw os_error(errno, fmt::format("signal process {}", pid));
        }
        const auto deadline = steady_clock::now() + m_options.patience_with_others;
        for (;;) {
            const auto now = store::running_daemon(pid_file);
            if (now && now != pid) {
                done("receiver_restarted");
                return true;
            }
            if (steady_clock::now() >= deadline) {
                raise(Health::down, "the receiver did not answer and was ended; its supervisor has "
                                    "not started another");
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
    }

    void judge_answer(const fs::path& pid_file)
    {
        if (m_result.receiver_answer == Answer::none) { // a new one
            m_result.receiver_pid = store::running_daemon(pid_file).value_or(0);
            ask_and_note();
        }
        const auto& allowed = m_config.receiver.allowed_callers;
        const bool knows_us =
            allowed.empty() || std::ranges::find(allowed, calling_aet) != allowed.end();
        if (m_result.receiver_answer == Answer::none) {
            raise(Health::down, "the receiver does not answer: " + m_reason);
        } else if (m_result.receiver_answer == Answer::refused && knows_us) {
            raise(Health::degraded, "the receiver turns senders away: " + m_reason);
        }
    }

    void check_processor()
    {
        auto pid = store::running_daemon(pid_file(m_config));
        if (!pid && is_supervised()) {
            raise(Health::down,
                  "the processor does not run, and its supervisor has not started it");
            return;
        }
        if (!pid) {
            if (!decide("start the processor")) {
                raise(Health::down, "the processor does not run");
                return;
            }
            start(m_config, DaemonOptions{});
            done("processor_started");
            pid = store::running_daemon(pid_file(m_config));
        }
        m_result.processor_pid = pid.value_or(0);
    }

    void check_disk()
    {
        const auto space = store::disk_space(m_config.paths.archive());
        m_result.free_bytes = space.free_bytes;
        switch (store::disk_state(space, m_config.receiver)) {
        case store::DiskState::ok: m_result.disk = "ok"; return;
        case store::DiskState::low: m_result.disk = "low"; break;
        case store::DiskState::hard: m_result.disk = "hard"; break;
        }
        raise(Health::degraded, fmt::format("the disk of the archive has {} MiB left ({})",
                                            space.free_bytes >> 20U, m_result.disk));
    }

    void check_spool()
    {
        const auto directory = m_config.paths.spool();
        if (!fs::exists(directory / "new")) {
            return; // nothing was ever received; looking must not make it
        }
        const store::Spool spool{directory};
        m_result.spool_waiting = spool.count_waiting();
        m_result.spool_failed = spool.count_failed();
        if (const auto oldest = spool.oldest()) {
            m_result.spool_oldest =
                std::chrono::duration_cast<std::chrono::seconds>(m_result.checked - *oldest);
        }
        if (m_result.spool_oldest >= m_options.oldest_entry) {
            raise(Health::degraded,
                  fmt::format("{} images wait to be sorted, one for {} seconds",
                              m_result.spool_waiting, m_result.spool_oldest->count()));
        }
        if (m_result.spool_failed > 0) {
            raise(Health::degraded,
                  fmt::format("{} images could not be sorted; the reasons are in "
                              "{}",
                              m_result.spool_failed, (directory / "failed").native()));
        }
    }

    void check_arrivals()
    {
        if (!fs::exists(m_config.paths.arrived() / ".open")) {
            return; // nothing was ever received; looking must not make it
        }
        for (const auto& mark : store::ArrivalMarks{m_config.paths.arrived()}.all()) {
            const auto age = std::chrono::duration_cast<std::chrono::seconds>(m_result.checked
                                                                              - mark.last_arrival);
            m_result.arrivals_oldest = std::max(m_result.arrivals_oldest.value_or(age), age);
        }
        if (m_result.arrivals_oldest >= m_options.oldest_mark) {
            raise(Health::degraded, fmt::format("a study has been quiet for {} minutes and nobody "
                                                "noticed: does fiona-detect-arrival run?",
                                                m_result.arrivals_oldest->count() / 60));
        }
        const auto failed = m_config.paths.arrived() / ".failed";
        std::error_code absent; // made with the first one
        for (const auto& entry : fs::directory_iterator{failed, absent}) {
            m_result.arrivals_failed += entry.path().filename().native().front() != '.' ? 1U : 0U;
        }
        if (m_result.arrivals_failed > 0) {
            raise(Health::degraded, fmt::format("{} arrival marks were set aside in {}",
                                                m_result.arrivals_failed, failed.native()));
        }
    }

    void write()
    {
        make_directories(m_config.paths.status());
        store::write_file(m_config.paths.status() / "heartbeat.json",
                          json::write(m_result.as_json(), json::Style::pretty) + "\n");
    }

    const Config& m_config;
    const HeartbeatOptions& m_options;
    Heartbeat m_result;
    std::string m_reason; ///< why the last echo failed
};

json::Array as_array(const std::vector<std::string>& texts)
{
    return {texts.begin(), texts.end()};
}

} // namespace

json::Value Heartbeat::as_json() const
{
    json::Object spool{{"waiting", spool_waiting}, {"failed", spool_failed}};
    spool["oldest_seconds"] = spool_oldest ? json::Value{spool_oldest->count()} : nullptr;
    json::Object arrivals{{"failed", arrivals_failed}};
    arrivals["oldest_seconds"] = arrivals_oldest ? json::Value{arrivals_oldest->count()} : nullptr;
    return json::Object{{"v", 1},
                        {"checked", iso8601_utc(checked)},
                        {"state", is_enabled ? name_of(health) : "disabled"},
                        {"problems", as_array(problems)},
                        {"actions", as_array(actions)},
                        {"receiver", json::Object{{"answer", name_of(receiver_answer)},
                                                  {"pid", receiver_pid},
                                                  {"port", receiver_port}}},
                        {"processor", json::Object{{"pid", processor_pid}}},
                        {"spool", std::move(spool)},
                        {"arrivals", std::move(arrivals)},
                        {"disk", json::Object{{"state", disk}, {"free_bytes", free_bytes}}}};
}

Heartbeat heartbeat(const Config& config, TimePoint now, const HeartbeatOptions& options)
{
    return Check{config, now, options}.run();
}

} // namespace fiona::ingest
