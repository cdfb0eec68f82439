// SPDX-License-Identifier: MIT
#include "libfiona/status/request_steps.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/store/request_files.h"
#include "libfiona/store/requests.h"

#include <sys/stat.h>

#include <algorithm>

namespace fiona::status {

namespace fs = std::filesystem;

namespace {

using State = Step::State;

namespace files = store::files;

std::string changed(const fs::path& path)
{
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0
               ? local_minute(Clock::from_time_t(status.st_ctim.tv_sec)) // when it was moved here
               : "";
}

/// The object in a file; nothing if it is gone or no JSON.
std::optional<json::Value> object_in(const fs::path& path)
{
    try {
        if (const auto text = read_file_if_any(path)) {
            return json::parse(*text, "state");
        }
    } catch (const Error&) { // NOLINT(bugprone-empty-catch) then it says nothing
    }
    return std::nullopt;
}

/// `<study>_<instance>_...`; "" if it is no request of this study and instance, else the instance.
std::string instance_of(const std::string& name, const StudyUid& study, unsigned instance)
{
    const auto prefix = study.str() + "_";
    const auto end = name.find('_', std::min(prefix.size(), name.size()));
    if (!name.starts_with(prefix) || end == std::string::npos) {
        return "";
    }
    const auto number = name.substr(prefix.size(), end - prefix.size());
    return instance == 0 || number == std::to_string(instance) ? number : "";
}

/// The study as a shell takes it: a `#` in front would begin a comment.
std::string word_for(const std::string& study)
{
    return log::uid_tag(study).substr(1);
}

std::string title(const std::string& instance)
{
    return "request " + instance;
}

Step unreported_step(const fs::path& path, const std::string& instance)
{
    return {title(instance), State::waiting, changed(path), "sent, REDCap is not yet told",
            "fiona-anonymize-send repeats the report only"};
}

Step waiting_step(const store::Requests& requests, const std::string& name,
                  const std::string& instance)
{
    const auto directory = requests.paths().requests();
    if (files::exists(directory / files::result_name(name))) {
        return unreported_step(directory / name, instance);
    }
    const auto since = changed(directory / name);
    const auto state = requests.state(name);
    if (!state) {
        return {title(instance), State::waiting, since, "waits to be sent",
                "fiona-anonymize-send takes it in its next run"};
    }
    return {title(instance), State::waiting, since,
            fmt::format("postponed after {} attempts: {}", state->attempts,
                        state->last_error.empty() ? "no reason noted" : state->last_error),
            fmt::format("tried again after {}", local_minute(state->next_try))};
}

/// The result of an earlier attempt stays in `requests` while the request is in work.
Step work_step(const fs::path& path, const std::string& instance, const fs::path& requests)
{
    const auto worker = path.parent_path();
    const auto holder = FileLock::holder(worker / ".lock");
    const auto result = files::result_name(path.filename().native());
    if (files::exists(worker / result) || files::exists(requests / result)) {
        return unreported_step(path, instance);
    }
    if (holder) {
        return {title(instance), State::active, changed(path),
                fmt::format("in work by process {} ({})", *holder, worker.filename().native()),
                "nothing to do: it is de-identified and sent"};
    }
    return {title(instance), State::waiting, changed(path),
            fmt::format("its worker {} died", worker.filename().native()),
            "fiona-anonymize-send on that machine takes it back in its next run"};
}

Step failed_step(const fs::path& path, const std::string& instance)
{
    const auto failure = failure_in(path);
    if (failure.is_dropped) {
        return {title(instance), State::done, changed(path), "dropped: " + failure.reason,
                "nothing; fiona-status queue retry asks for it again"};
    }
    return {title(instance), State::blocked, changed(path), "given up: " + failure.reason,
            fmt::format(
                "mend the cause, then: fiona-status queue retry {}",
                word_for(path.filename().native().substr(0, path.filename().native().find('_'))))};
}

} // namespace

Failure failure_in(const fs::path& failed_request)
{
    constexpr std::size_t most = 400;
    auto messages = failed_request.native();
    messages.resize(messages.size() - std::string_view{".log"}.size());
    const auto document = object_in(messages + "_messages.log");
    if (!document) {
        return {"no reason noted", false};
    }
    Failure failure{json::write(*document).substr(0, most), document->find("dropped") != nullptr};
    for (const auto* const key : {"reason", "error", "message"}) {
        if (auto text = document->text(key); !text.empty()) {
            failure.reason = std::move(text);
            break;
        }
    }
    return failure;
}

std::vector<Step> request_steps(const Paths& paths, const StudyUid& study, unsigned instance)
{
    const store::Requests requests{paths};
    std::vector<Step> steps;
    const auto each = [&](const std::vector<std::string>& names, const auto& step) {
        for (const auto& name : names) {
            if (const auto number = instance_of(name, study, instance); !number.empty()) {
                steps.push_back(step(name, number));
            }
        }
    };
    const auto each_ending = [&](const fs::path& directory, std::string_view ending,
                                 const auto& step) {
        auto names = visible_names(directory);
        std::erase_if(names, [&](const std::string& name) { return !name.ends_with(ending); });
        std::ranges::sort(names);
        each(names, step);
    };
    each(requests.waiting(), [&](const std::string& name, const std::string& number) {
        return waiting_step(requests, name, number);
    });
    for (const auto& worker : files::work_directories(paths)) {
        each(files::requests_in(worker), [&](const std::string& name, const std::string& number) {
            return work_step(worker / name, number, paths.requests());
        });
    }
    each(requests.held(), [&](const std::string& name, const std::string& number) {
        return Step{title(number), State::blocked, changed(paths.held() / name), "held by a person",
                    "fiona-status queue release " + word_for(study.str())};
    });
    each_ending(paths.failed(), "_fail.log",
                [&](const std::string& name, const std::string& number) {
                    return failed_step(paths.failed() / name, number);
                });
    each_ending(paths.done(), ".log", [&](const std::string& name, const std::string& number) {
        return Step{title(number), State::done, changed(paths.done() / name), "sent", ""};
    });
    return steps;
}

} // namespace fiona::status
