// SPDX-License-Identifier: MIT
#include "libfiona/triggers/program.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace fiona::triggers {

namespace fs = std::filesystem;

namespace {

constexpr unsigned newest_api = 2;

Program read_program(const fs::path& directory)
{
    const auto info = json::parse(read_file(directory / "info.json"), "info.json");
    Program program;
    program.name = info.text("name");
    program.directory = directory.filename();
    const fs::path script = info.text("script");
    const bool is_inside =
        !script.empty() && script.is_relative() && std::ranges::find(script, "..") == script.end();
    const auto* const api = info.find("api");
    program.api = api == nullptr ? 1 : static_cast<unsigned>(api->integer());
    if (program.name.empty() || !is_inside || program.api < 1 || program.api > newest_api) {
        throw Error{Fault::data,
                    "info.json needs a name, a script below its directory, and api 1 or 2"};
    }
    if (const auto* const projects = info.find("projects")) {
        program.takes_projects = projects->boolean();
    }
    program.script = directory / script;
    return program;
}

void keep_output(const fs::path& log, const Program& program, const Finished& finished)
{
    if (finished.out.empty() && finished.err.empty()) {
        return;
    }
    make_directories(log.parent_path());
    const UniqueFd fd{::open(log.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600)};
    if (!fd) {
        throw os_error(errno, "open " + log.native());
    }
    write_all(fd.get(),
              fmt::format("--- {}, exit {}\n{}{}\n", program.directory, finished.exit_code,
                          finished.out, finished.err),
              log.native());
}

/// What the program printed is in the log, and nowhere else: it may hold anything.
Finished run_program(const Program& program, Command command, const Surroundings& surroundings)
{
    command.deadline = surroundings.time_limit;
    auto finished = run(command);
    keep_output(surroundings.log, program, finished);
    if (finished.timed_out) {
        throw Error{Fault::data, "{} took longer than {} s and was ended", program.directory,
                    std::chrono::ceil<std::chrono::seconds>(surroundings.time_limit).count()};
    }
    constexpr int not_executed = 126; // and 127: what a shell says for a missing interpreter
    if (finished.exit_code >= not_executed) {
        throw Error{Fault::data, "{} did not run to its end (exit code {})", program.directory,
                    finished.exit_code};
    }
    return finished;
}

Error failed(const Program& program, std::string_view what)
{
    return Error{Fault::data, "{} {}; see the log of the programs", program.directory, what};
}

Answer ask_old(const Program& event, const Link& link, const Surroundings& surroundings,
               std::string_view now)
{
    const auto finished =
        run_program(event, {.arguments = {event.script, json::write(link.document)}}, surroundings);
    if (finished.exit_code != 1) {
        return {};
    }
    if (!finished.err.empty()) { // a stack trace has exit code 1 too
        throw failed(event, "complains and ends with 1: that is no firing");
    }
    return {.firing = Firing{.key = std::string{now}}, .state = {}};
}

Answer ask_current(const Program& event, const Link& link, const json::Value& state,
                   const Surroundings& surroundings)
{
    const auto state_file = surroundings.work / "state.json";
    store::write_file(state_file, json::write(state), 0600);
    const auto finished = run_program(event,
                                      {.arguments = {event.script},
                                       .input = json::write(link.document),
                                       .environment = {"ASTTT_STATE=" + state_file.native()}},
                                      surroundings);
    if (finished.exit_code != 0) {
        throw failed(event, fmt::format("failed (exit code {})", finished.exit_code));
    }
    const auto answer = json::parse(finished.out, "the answer of " + event.directory);
    const auto* const fire = answer.find("fire");
    const auto* const items = answer.find("items");
    const auto* const new_state = answer.find("state");
    Answer result{.firing = {}, .state = new_state == nullptr ? state : *new_state};
    if (fire == nullptr || !fire->is_bool()) {
        throw failed(event, "does not say whether it fires");
    }
    if (fire->boolean()) {
        auto& firing = result.firing.emplace();
        firing.key = answer.text("key");
        if (firing.key.empty()) {
            throw failed(event, "fires without a key");
        }
        if (items != nullptr) {
            firing.items = items->array();
        }
        firing.since = answer.text("since");
    }
    return result;
}

/// A link out of the directory would mail somebody another file.
std::optional<std::string> left_behind(const fs::path& file)
{
    constexpr std::size_t most_bytes = std::size_t{10} << 20U;
    if (!fs::is_regular_file(fs::symlink_status(file))) {
        return std::nullopt;
    }
    return read_file(file, most_bytes);
}

} // namespace

Programs find_programs(const fs::path& directory)
{
    Programs found;
    std::error_code absent; // a site with built-in events and actions only
    for (const auto& entry : fs::directory_iterator{directory, absent}) {
        if (!fs::exists(entry.path() / "info.json")) {
            continue;
        }
        try {
            found.programs.push_back(read_program(entry.path()));
        } catch (const Error& e) {
            found.complaints.push_back(fmt::format("{}: {}", entry.path().native(), e.what()));
        }
    }
    std::ranges::sort(found.programs, {}, &Program::directory);
    return found;
}

Answer ask(const Program& event, const Link& link, const json::Value& state,
           const Surroundings& surroundings, std::string_view now)
{
    return event.api == 1 ? ask_old(event, link, surroundings, now)
                          : ask_current(event, link, state, surroundings);
}

std::optional<Letter> compose(const Program& action, const Link& link, const Firing& firing,
                              const Surroundings& surroundings)
{
    Command command{.arguments = {action.script, json::write(link.document), surroundings.work}};
    if (action.api > 1) {
        auto document = link.document.object();
        document["items"] = firing.items;
        command.arguments = {action.script, surroundings.work};
        command.input = json::write(document);
    }
    const auto finished = run_program(action, command, surroundings);
    if (finished.exit_code != 0) {
        throw failed(action, fmt::format("failed (exit code {})", finished.exit_code));
    }
    auto body = left_behind(surroundings.work / "email.txt");
    if (!body) {
        return std::nullopt;
    }
    return Letter{*std::move(body), left_behind(surroundings.work / "attachment.csv")};
}

} // namespace fiona::triggers
