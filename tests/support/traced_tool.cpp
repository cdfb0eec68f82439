// SPDX-License-Identifier: MIT
#include "tests/support/traced_tool.h"

#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "tests/support/site.h"
#include "tests/support/skip.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>

using namespace fiona;

namespace traced {

namespace {

std::vector<std::string> options_of(const Injection& injection)
{
    return {"-y", "-e", "trace=" + injection.call, "-e",
            fmt::format("inject={}:{}:when={}", injection.call, injection.what, injection.at)};
}

struct Trace {
    Finished finished;
    std::string log;
};

Trace traced_run(const std::string& tool, const std::vector<std::string>& arguments,
                 std::vector<std::string> options)
{
    const TempDir scratch;
    std::vector<std::string> words{"strace", "-f", "-o", (scratch / "log").native()};
    std::ranges::move(options, std::back_inserter(words));
    words.push_back(built_program(tool));
    words.insert(words.end(), arguments.begin(), arguments.end());
    auto finished = fiona::run({.arguments = words, .deadline = std::chrono::minutes{2}});
    return {std::move(finished), read_file_if_any(scratch / "log").value_or("")};
}

} // namespace

std::vector<std::string> hit_files(const std::string& log)
{
    std::vector<std::string> files;
    for (const auto line :
         split(log, '\n')) { // `4711  fsync(3</site/archive>) = -1 EIO (...) (INJECTED)`
        const auto begin = line.find('<');
        const auto end = line.find('>', begin);
        if (line.ends_with("(INJECTED)") && end != std::string_view::npos) {
            files.emplace_back(line.substr(begin + 1, end - begin - 1));
        }
    }
    return files;
}

bool is_hit(const std::string& log)
{
    return log.find("(INJECTED)") != std::string::npos
           || log.find("+++ killed by SIGKILL") != std::string::npos;
}

bool is_possible()
{
    static const bool is_allowed = [] {
        try {
            const TempDir scratch;
            const auto tried = fiona::run({.arguments = {"strace", "-f", "--seccomp-bpf", "-o",
                                                         (scratch / "log").native(), "/bin/true"}});
            return tried.exit_code == 0;
        } catch (const std::exception&) {
            return false;
        }
    }();
    if (!is_allowed) {
        skip("strace may not trace here");
    }
    return is_allowed;
}

Ended run(const std::string& tool, const std::vector<std::string>& arguments,
          const Injection& injection)
{
    auto options = options_of(injection);
    if (!injection.what.starts_with("signal=")) {
        options.emplace_back("--seccomp-bpf"); // quicker; but strace 6.1 loses signals with it
    }
    auto [ended, log] = traced_run(tool, arguments, std::move(options));
    const bool was_hit = ended.exit_code == 128 + SIGKILL || is_hit(log);
    return {{ended.exit_code, std::move(ended.out), std::move(ended.err)}, was_hit, hit_files(log)};
}

std::vector<Call> calls_of(const std::string& tool, const std::vector<std::string>& arguments,
                           const std::string& calls)
{
    return calls_in(traced_run(tool, arguments, {"-e", "trace=" + calls}).log);
}

std::vector<Call> calls_in(const std::string& log)
{
    std::map<std::string, unsigned> counts; // strace counts for each process
    std::set<std::pair<std::string, unsigned>> known;
    std::vector<Call> found;
    for (const auto line : split(log, '\n')) { // `4711  fsync(3)  = 0`
        const auto name = line.find_first_not_of("0123456789 ");
        const auto end = line.find('(');
        if (name != std::string_view::npos && end != std::string_view::npos && name < end
            && line[name] >= 'a' && line[name] <= 'z') {
            const std::string call{line.substr(name, end - name)};
            const auto at = ++counts[std::string{line.substr(0, end)}];
            if (known.emplace(call, at).second) {
                found.push_back({call, at});
            }
        }
    }
    return found;
}

bool is_sync(const Call& call)
{
    return call.name == "fsync" || call.name == "fdatasync";
}

std::vector<Call> some_of(std::vector<Call> calls, std::size_t most)
{
    const auto* const wish = std::getenv("FIONA_TEST_FULL"); // NOLINT(concurrency-mt-unsafe) alone
    if (calls.size() <= most || (wish != nullptr && std::string_view{wish} == "1")) {
        return calls;
    }
    std::vector<Call> chosen;
    for (std::size_t i = 0; i < most; ++i) {
        chosen.push_back(calls[i * calls.size() / most]);
    }
    return chosen;
}

Watch::Watch(pid_t process, const std::vector<std::string>& options)
{
    std::vector<std::string> words{
        "strace", "-f", "-p", std::to_string(process), "-o", (m_scratch / "log").native()};
    words.insert(words.end(), options.begin(), options.end());
    m_strace = std::make_unique<ChildProcess>(words, m_scratch / "strace");
    const auto status = fmt::format("/proc/{}/status", process);
    const bool is_traced = wait_until([&] {
        return read_file_if_any(status).value_or("").find("TracerPid:\t0\n") == std::string::npos;
    });
    if (!is_traced) {
        throw std::runtime_error{"strace does not trace: " + m_strace->err()};
    }
}

Watch::Watch(pid_t process, const Injection& injection) : Watch{process, options_of(injection)} {}

Watch::~Watch()
{
    m_strace->kill(SIGINT); // it lets the process go
    static_cast<void>(m_strace->wait(std::chrono::seconds{10}));
}

std::string Watch::log() const
{
    return read_file_if_any(m_scratch / "log").value_or("");
}

} // namespace traced
