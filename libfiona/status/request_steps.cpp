// SPDX-License-Identifier: MIT
#include "libfiona/status/request_steps.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"

#include <sys/stat.h>

#include <algorithm>

namespace fiona::status {

namespace fs = std::filesystem;

namespace {

using State = Step::State;

constexpr std::string_view request_suffix = ".json";

std::string changed(const fs::path& path)
{
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0
               ? local_minute(Clock::from_time_t(status.st_ctim.tv_sec)) // when it was moved here
               : "";
}

std::vector<fs::path> entries(const fs::path& directory)
{
    std::vector<fs::path> paths;
    std::error_code absent;
    for (const auto& entry : fs::directory_iterator{directory, absent}) {
        paths.push_back(entry.path());
    }
    std::ranges::sort(paths);
    return paths;
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
std::string instance_of(const fs::path& path, const StudyUid& study, unsigned instance)
{
    const auto name = path.filename().native();
    const auto prefix = study.str() + "_";
    const auto end = name.find('_', std::min(prefix.size(), name.size()));
    if (!name.starts_with(prefix) || end == std::string::npos) {
        return "";
    }
    const auto number = name.substr(prefix.size(), end - prefix.size());
    return instance == 0 || number == std::to_string(instance) ? number : "";
}

bool is_request(const fs::path& path)
{
    const auto name = path.filename().native();
    return name.ends_with(request_suffix) && !name.ends_with(".state.json")
           && !name.ends_with(".result.json") && !name.starts_with('.');
}

/// A time as we write it (seconds since 1970) or any text.
std::string time_text(const json::Value& state, std::string_view key)
{
    const auto* const found = state.find(key);
    return found != nullptr && found->is_integer()
               ? local_minute(TimePoint{std::chrono::seconds{found->integer()}})
               : state.text(key);
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

Step waiting_step(const fs::path& path, const std::string& instance)
{
    if (fs::exists(path.native() + ".result.json")) {
        return unreported_step(path, instance);
    }
    const auto state = object_in(path.native() + ".state.json");
    if (!state) {
        return {title(instance), State::waiting, changed(path), "waits to be sent",
                "fiona-anonymize-send takes it in its next run"};
    }
    return {title(instance), State::waiting, changed(path),
            fmt::format("postponed after {} attempts: {}", state->text("attempts", "?"),
                        state->text("last_error", "no reason noted")),
            fmt::format("tried again after {}", time_text(*state, "next_try"))};
}

/// The result of an earlier attempt stays in `requests` while the request is in work.
Step work_step(const fs::path& path, const std::string& instance, const fs::path& requests)
{
    const auto worker = path.parent_path();
    const auto holder = FileLock::holder(worker / ".lock");
    const auto result = path.filename().native() + ".result.json";
    if (fs::exists(worker / result) || fs::exists(requests / result)) {
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
            fmt::format("mend the cause, then: fiona-status queue retry {}",
                        log::uid_tag(path.filename().native().substr(
                            0, path.filename().native().find('_'))))};
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
    std::vector<Step> steps;
    const auto each = [&](const fs::path& directory, const auto& make) {
        for (const auto& path : entries(directory)) {
            if (const auto number = instance_of(path, study, instance); !number.empty()) {
                make(path, number);
            }
        }
    };
    each(paths.requests(), [&](const fs::path& path, const std::string& number) {
        if (is_request(path)) {
            steps.push_back(waiting_step(path, number));
        }
    });
    for (const auto& worker : entries(paths.work())) {
        each(worker, [&](const fs::path& path, const std::string& number) {
            if (is_request(path)) {
                steps.push_back(work_step(path, number, paths.requests()));
            }
        });
    }
    each(paths.held(), [&](const fs::path& path, const std::string& number) {
        if (is_request(path)) {
            steps.push_back({title(number), State::blocked, changed(path), "held by a person",
                             "fiona-status queue release " + log::uid_tag(study.str())});
        }
    });
    each(paths.failed(), [&](const fs::path& path, const std::string& number) {
        if (path.native().ends_with("_fail.log")) {
            steps.push_back(failed_step(path, number));
        }
    });
    each(paths.done(), [&](const fs::path& path, const std::string& number) {
        if (path.native().ends_with(".log")) {
            steps.push_back({title(number), State::done, changed(path), "sent", ""});
        }
    });
    return steps;
}

} // namespace fiona::status
