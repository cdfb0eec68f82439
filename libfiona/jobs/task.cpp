// SPDX-License-Identifier: MIT
#include "libfiona/jobs/task.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/number.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/jobs/engine_call.h"
#include "libfiona/jobs/file_tree.h"
#include "libfiona/jobs/ror_folder.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t most_log_bytes = std::size_t{64} << 20U;
constexpr std::chrono::seconds output_interval{5};
constexpr std::chrono::seconds clean_up_time{60};

/// One of the two streams, on the disk as it comes.
class LogFile {
public:
    LogFile(int directory, const char* name)
        : m_fd{::openat(directory, name,
                        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_APPEND | O_CLOEXEC, 0640)}
    {
        if (!m_fd) {
            throw os_error(errno, "make the log of a job");
        }
    }

    void add(std::string_view text)
    {
        text = text.substr(0, most_log_bytes - std::min(most_log_bytes, m_bytes));
        m_bytes += text.size();
        write_all(m_fd.get(), text, "the log of a job");
    }

private:
    UniqueFd m_fd;
    std::size_t m_bytes = 0;
};

std::uint64_t bytes_below(const fs::path& top)
{
    std::uint64_t bytes = 0;
    for (const auto& file : list_tree(top)) {
        bytes += file.bytes;
    }
    return bytes;
}

/// By descriptor: the program may have put anything in the place of the directory.
void write_exit_note(int directory, const JobExit& ended)
{
    const auto* const part = ".exit.json.part";
    static_cast<void>(::unlinkat(directory, part, 0) == 0);
    const UniqueFd fd{
        ::openat(directory, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640)};
    if (!fd) {
        return; // it has removed the directory: the record knows all the same
    }
    write_all(fd.get(), json::write(as_document(ended), json::Style::pretty), "the end of a job");
    static_cast<void>(::renameat(directory, part, directory, "exit.json") == 0);
}

/// bubblewrap's inner process is bound to the outer one only some instructions after its begin: who is
/// killed just then leaves it behind. It can be told by the output folder, an argument of its own.
void end_sandboxes(const fs::path& output)
{
    std::error_code none;
    for (const auto& entry : fs::directory_iterator{"/proc", none}) {
        const auto name = entry.path().filename().native();
        const auto pid = read_number<pid_t>(name);
        if (!pid) {
            continue;
        }
        try {
            const auto text = read_file(entry.path() / "cmdline");
            const auto words = split(text, '\0');
            if (words.front() == "bwrap"
                && std::ranges::find(words, output.native()) != words.end()) {
                ::kill(*pid, SIGKILL);
            }
        } catch (const Error&) { // it has just ended
        }
    }
}

class Task {
public:
    Task(const ImageSettings& image, const JobRecord& record)
        : m_image{image}, m_record{record}, m_output{output_of(record.folder)},
          m_log{
              ::open((m_output / "log").c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)},
          m_call{engine_call(image, {.id = record.id,
                                     .folder = record.folder,
                                     .output = m_output,
                                     .options = record.options})}
    {
        if (!m_log) {
            throw os_error(errno, "open the log folder of a job");
        }
    }

    JobExit run()
    {
        clean_up(); // of an attempt whose machine or supervisor died
        JobExit ended;
        ended.attempt = m_record.attempt;
        ended.begun = Clock::now();
        LogFile out{m_log.get(), "stdout.log"};
        LogFile err{m_log.get(), "stderr.log"};
        constexpr std::chrono::minutes slack{5}; // our own clock is the one that ends it
        Command command;
        command.arguments = m_call.run;
        command.environment = m_call.environment;
        command.deadline = m_image.time + slack;
        RunningProgram program{command, RunningProgram::Start::bound};
        program.let_go();
        m_started = steady_clock::now();
        while (!program.advance()) {
            const auto streams = program.read_so_far();
            out.add(streams.out);
            err.add(streams.err);
            if (ended.stopped.empty()) {
                ended.stopped = reason_to_stop();
                if (!ended.stopped.empty()) {
                    clean_up();
                    program.expire();
                }
            }
            wait(program);
        }
        const auto rest = program.take();
        out.add(rest.out);
        err.add(rest.err);
        clean_up();
        ended.code = rest.exit_code;
        ended.ended = Clock::now();
        rusage usage{};
        ::getrusage(RUSAGE_CHILDREN, &usage);
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-union-access) as glibc declares it
        ended.max_rss_kib = usage.ru_maxrss;
        write_exit_note(m_log.get(), ended);
        return ended;
    }

private:
    void clean_up() const
    {
        if (m_image.engine == Engine::process) {
            end_sandboxes(m_output);
        }
        if (!m_call.clean_up.empty()) {
            Command command;
            command.arguments = m_call.clean_up;
            command.deadline = clean_up_time;
            static_cast<void>(fiona::run(command)); // mostly there is none of that name
        }
    }

    std::string reason_to_stop()
    {
        const auto now = steady_clock::now();
        if (now - m_started >= m_image.time) {
            return "time";
        }
        if (now - m_last_look < output_interval) {
            return {};
        }
        m_last_look = now;
        try {
            return bytes_below(m_output) > m_image.output_bytes ? "output" : "";
        } catch (const Error& e) { // a directory that vanishes while we look is no reason
            return e.fault() == Fault::data ? "output" : "";
        }
    }

    void wait(const RunningProgram& program) const
    {
        const auto until =
            std::min({program.wake_up(), m_started + m_image.time, m_last_look + output_interval});
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - steady_clock::now());
        auto events = program.events();
        ::poll(events.data(), events.size(),
               static_cast<int>(std::clamp<std::int64_t>(left.count() + 1, 10, 5000)));
    }

    const ImageSettings& m_image;
    const JobRecord& m_record;
    fs::path m_output;
    UniqueFd m_log;
    EngineCall m_call;
    steady_clock::time_point m_started;
    steady_clock::time_point m_last_look = steady_clock::now();
};

} // namespace

TaskEnd run_task(const JobSettings& settings, const JobRecords& records, const std::string& id,
                 unsigned attempt)
{
    std::optional<FileLock> lock;
    try {
        lock.emplace(records.run_lock(id));
    } catch (const Error& e) {
        if (e.fault() == Fault::temporary) {
            return TaskEnd::is_running;
        }
        throw;
    }
    const auto record = records.load(id);
    if (record.state != JobState::running || record.attempt != attempt || records.exit_of(record)) {
        return TaskEnd::not_mine;
    }
    auto image = image_settings(settings, record.image);
    image.engine = engine_of(record.engine);
    records.note_begin(id, attempt);
    try {
        records.store_exit(id, Task{image, record}.run());
    } catch (const Error& e) {
        if (e.fault() != Fault::unreachable) {
            throw;
        }
        JobExit ended;
        ended.attempt = attempt;
        ended.stopped = "engine";
        ended.begun = ended.ended = Clock::now();
        records.store_exit(id, ended);
        throw;
    }
    return TaskEnd::ran;
}

JobRecords::BatchTask slurm_task(const JobRecords& records, const std::string& batch)
{
    const auto* const text =
        std::getenv("SLURM_ARRAY_TASK_ID"); // NOLINT(concurrency-mt-unsafe) one thread
    const std::string_view digits{text == nullptr ? "" : text};
    const auto number = read_number<std::size_t>(digits);
    if (!number) {
        throw Error{Fault::missing, "SLURM_ARRAY_TASK_ID is not there: no task of an array"};
    }
    return records.batch_task(batch, *number);
}

} // namespace fiona::jobs
