// SPDX-License-Identifier: MIT
#include "libfiona/store/run_record.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_record_bytes = 16384;
constexpr std::string_view running_suffix = ".running";
constexpr std::string_view last_suffix = ".last";

json::Object as_json(const Run& run)
{
    json::Array commands;
    for (const auto& command : run.name.commands) {
        commands.emplace_back(command);
    }
    return {{"tool", run.name.tool},
            {"commands", std::move(commands)},
            {"project", run.name.project},
            {"part", run.name.part},
            {"host", run.host},
            {"pid", run.pid},
            {"ticks", run.ticks},
            {"started", epoch_seconds(run.started)}};
}

TimePoint time_in(const json::Value& value, std::string_view key)
{
    const auto* const found = value.find(key);
    if (found == nullptr) {
        throw Error{Fault::data, "no {}", key};
    }
    return TimePoint{
        std::chrono::seconds{std::clamp<std::int64_t>(found->integer(), 0, end_of_clock)}};
}

std::int64_t number_in(const json::Value& value, std::string_view key)
{
    const auto* const found = value.find(key);
    return found == nullptr ? 0 : found->integer();
}

Run run_in(const json::Value& value)
{
    Run run{.name = {.tool = value.text("tool"),
                     .commands = {},
                     .project = value.text("project"),
                     .part = value.text("part")},
            .host = value.text("host"),
            .pid = static_cast<pid_t>(number_in(value, "pid")),
            .ticks = static_cast<std::uint64_t>(number_in(value, "ticks")),
            .started = time_in(value, "started")};
    if (const auto* const commands = value.find("commands")) {
        for (const auto& command : commands->array()) {
            run.name.commands.push_back(command.text());
        }
    }
    return run;
}

EndedRun ended_in(const json::Value& value)
{
    EndedRun ended{.run = run_in(value),
                   .ended = time_in(value, "ended"),
                   .exit_code = static_cast<int>(number_in(value, "exit_code")),
                   .last_success = {}};
    if (value.find("last_success") != nullptr) {
        ended.last_success = time_in(value, "last_success");
    }
    return ended;
}

/// Nothing if there is none, or none that can be read.
template <typename Read>
auto read_record(const fs::path& file, const Read& read)
    -> std::optional<decltype(read(json::Value{}))>
{
    try {
        if (const auto text = read_file_if_any(file, max_record_bytes)) {
            return read(json::parse(*text, "the record of a run"));
        }
    } catch (const Error& e) {
        log::debug("run_record_unreadable", {{"reason", e.what()}});
    }
    return std::nullopt;
}

/// Of another machine nobody can say: believed, for as long as a run of ours may take.
bool is_alive(const Run& run, const std::string& host, TimePoint now)
{
    constexpr std::chrono::hours longest_run{48};
    return run.host == host ? start_ticks(run.pid) == run.ticks : now - run.started < longest_run;
}

void write(const fs::path& file, const json::Object& record)
{
    AtomicFile target{file};
    target.write(json::write(record) + "\n");
    target.publish();
}

} // namespace

std::string short_host_name()
{
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') {
        return "host";
    }
    const std::string full{name.data()};
    return full.substr(0, full.find('.'));
}

std::string RunName::file_stem() const
{
    constexpr std::size_t most = 60;
    auto stem = tool;
    for (const auto& command : commands) {
        stem += "." + percent_encoded(command, most);
    }
    if (!project.empty()) {
        stem += "@" + percent_encoded(project, most);
    }
    if (!part.empty()) {
        stem += "+" + percent_encoded(part, most);
    }
    return stem;
}

fs::path RunRecord::file(std::string_view suffix) const
{
    return m_directory / (m_run.name.file_stem() + std::string{suffix});
}

std::optional<RunRecord> RunRecord::begin(const fs::path& state, RunName name,
                                          TimePoint now) noexcept
{
    try {
        const RunRecord record{state / "runs",
                               {.name = std::move(name),
                                .host = short_host_name(),
                                .pid = ::getpid(),
                                .ticks = start_ticks(::getpid()).value_or(0),
                                .started = std::chrono::floor<std::chrono::seconds>(now)}};
        if (::mkdir(record.m_directory.c_str(), 0750) != 0 && errno != EEXIST) {
            throw os_error(errno, "make the directory of runs");
        }
        const auto file = record.file(running_suffix);
        const auto other = read_record(file, run_in);
        if (!other || !is_alive(*other, record.m_run.host, now)) {
            write(file, as_json(record.m_run));
        }
        return record;
    } catch (const std::exception& e) {
        log::debug("run_not_recorded", {{"reason", e.what()}});
        return std::nullopt;
    }
}

void RunRecord::end(int exit_code, TimePoint now) const noexcept
{
    try {
        if (::getpid() != m_run.pid) {
            return; // a forked child is not the run
        }
        const auto before = read_record(file(last_suffix), ended_in);
        auto document = as_json(m_run);
        document.emplace("ended", epoch_seconds(now));
        document.emplace("exit_code", exit_code);
        if (exit_code == 0) {
            document.emplace("last_success", epoch_seconds(now));
        } else if (before && before->last_success) {
            document.emplace("last_success", epoch_seconds(*before->last_success));
        }
        write(file(last_suffix), document);
        forget_running();
    } catch (const std::exception& e) {
        log::debug("run_not_recorded", {{"reason", e.what()}});
    }
}

void RunRecord::withdraw() const noexcept
{
    try {
        forget_running();
    } catch (const std::exception& e) {
        log::debug("run_not_recorded", {{"reason", e.what()}});
    }
}

void RunRecord::forget_running() const
{
    const auto running = read_record(file(running_suffix), run_in);
    if (running == m_run) {
        static_cast<void>(::unlink(file(running_suffix).c_str()));
    }
}

std::vector<KnownRun> known_runs(const fs::path& state, TimePoint now)
{
    const auto host = short_host_name();
    const auto directory = state / "runs";
    std::map<std::string, std::optional<Run>> running;
    std::map<std::string, std::optional<EndedRun>> last;
    for (const auto& name : visible_names(directory)) {
        const auto stem = [&](std::string_view suffix) {
            return name.substr(0, name.size() - suffix.size());
        };
        if (name.ends_with(running_suffix)) {
            auto begun = read_record(directory / name, run_in);
            if (begun && (begun->host == host || is_alive(*begun, host, now))) {
                running[stem(running_suffix)] = std::move(begun);
                last.try_emplace(stem(running_suffix));
            }
        } else if (name.ends_with(last_suffix)) {
            last[stem(last_suffix)] = read_record(directory / name, ended_in);
        }
    }
    std::vector<KnownRun> known;
    for (auto& [stem, ended] : last) {
        const auto& begun = running[stem];
        if (begun && (!ended || *begun != ended->run)) {
            const auto state_now =
                is_alive(*begun, host, now) ? KnownRun::State::running : KnownRun::State::killed;
            known.push_back({state_now, *begun, std::move(ended)});
        } else if (ended) {
            const auto run = ended->run;
            known.push_back({KnownRun::State::ended, run, std::move(ended)});
        }
    }
    return known;
}

} // namespace fiona::store
