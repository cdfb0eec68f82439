// SPDX-License-Identifier: MIT
#include "libfiona/store/requests.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/number.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/request_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds filing_patience{10};
constexpr std::size_t max_request_bytes = std::size_t{1} << 20U;

template <typename Checked>
Checked checked(const json::Value& content, std::string_view key)
{
    auto text = content.text(key);
    if (text.empty()) {
        throw Error{Fault::data, "{} is missing", key};
    }
    try {
        return Checked{std::move(text)};
    } catch (const Error&) {
        throw Error{Fault::data, "{} is not allowed", key}; // the rule's complaint may quote it
    }
}

unsigned instance_in(const json::Value& content)
{
    constexpr std::string_view key = "redcap_repeat_instance";
    const auto instance = read_number<unsigned>(content.text(key)).value_or(0);
    if (instance == 0) {
        throw Error{Fault::data, "{} is missing or no positive number", key};
    }
    return instance;
}

} // namespace

std::string TransferRequest::file_name() const
{
    const auto key = project.str() + '\0' + participant.str();
    return fmt::format("{}_{}_{}.json", study, instance, sha256_hex(key).substr(0, 16));
}

TransferRequest TransferRequest::parse(std::string_view text, std::string_view file_name)
{
    const auto what = "transfer request " + log::uid_tag(file_name);
    auto content = json::parse(text, what, {.max_bytes = max_request_bytes});
    try {
        if (!content.is_object()) {
            throw Error{Fault::data, "not an object"};
        }
        std::optional<EventName> event;
        if (!content.text("transfer_event_name").empty()) {
            event = checked<EventName>(content, "transfer_event_name");
        }
        TransferRequest request{.study = checked<StudyUid>(content, "study_instance_uid"),
                                .project = checked<ProjectName>(content, "transfer_project_name"),
                                .participant = checked<ParticipantId>(content, "transfer_name"),
                                .event = std::move(event),
                                .instance = instance_in(content),
                                .requested = content.text("transfer_requested_date"),
                                .content = {}};
        request.content = std::move(content);
        return request;
    } catch (const Error& e) {
        throw e.in(what);
    }
}

Requests::Requests(Paths paths) : m_paths{std::move(paths)} {}

bool Requests::file(const TransferRequest& request) const
{
    const auto name = request.file_name();
    make_directories(m_paths.requests());
    // Two filers one after the other, so that the second sees what became of the first one's file.
    const FileLock lock{m_paths.requests() / files::lock_name, filing_patience};
    if (is_pending(name)) {
        return false;
    }
    AtomicFile file{m_paths.requests() / name};
    file.write(json::write(request.content, json::Style::pretty) + "\n");
    try {
        file.commit_new();
    } catch (const Error& e) {
        if (e.fault() == Fault::temporary) { // postponed between our look and our link
            return false;
        }
        throw;
    }
    return true;
}

bool Requests::withdraw(const std::string& file_name) const
{
    make_directories(m_paths.work());
    // Nobody puts it back from work meanwhile; a claim is the one thing that may still happen.
    const FileLock lock{m_paths.work() / files::lock_name, filing_patience};
    refuse_if_sending(file_name);
    refuse_if_sent(file_name);
    for (const auto& directory : {m_paths.requests(), m_paths.held()}) {
        if (::unlink((directory / file_name).c_str()) != 0) {
            if (errno == ENOENT || errno == ENOTDIR) {
                continue;
            }
            throw os_error(errno, "remove a transfer request");
        }
        sync_directory(directory);
        std::error_code ignored; // alone they mean nothing
        fs::remove(m_paths.requests() / files::state_name(file_name), ignored);
        fs::remove(m_paths.requests() / files::result_name(file_name), ignored);
        return true;
    }
    if (is_pending(file_name)) {
        throw Error{Fault::temporary, "this request is being sent now; wait for what comes of it"};
    }
    return false;
}

bool Requests::is_pending(const std::string& file_name) const
{
    // Waiting first: what is claimed in between is then found in work. What is postponed in between
    // is found by neither look; file() meets it with link(2). Nobody holds or releases while file() looks.
    if (files::exists(m_paths.requests() / file_name)
        || files::exists(m_paths.held() / file_name)) {
        return true;
    }
    const auto directories = files::work_directories(m_paths);
    return std::ranges::any_of(directories, [&](const fs::path& directory) {
        return files::exists(directory / file_name);
    });
}

std::vector<std::string> Requests::waiting() const
{
    std::vector<std::pair<TimePoint, std::string>> found;
    for (auto& name : files::requests_in(m_paths.requests())) {
        if (const auto filed = files::modified(m_paths.requests() / name)) {
            found.emplace_back(*filed, std::move(name));
        }
    }
    std::ranges::sort(found);
    std::vector<std::string> names;
    names.reserve(found.size());
    for (auto& [filed, name] : found) {
        names.push_back(std::move(name));
    }
    return names;
}

std::vector<std::string> Requests::in_work() const
{
    std::vector<std::string> names;
    for (const auto& directory : files::work_directories(m_paths)) {
        std::ranges::move(files::requests_in(directory), std::back_inserter(names));
    }
    return names;
}

std::vector<std::string> Requests::held() const
{
    return files::requests_in(m_paths.held());
}

std::optional<TimePoint> Requests::failed_at(const std::string& file_name) const
{
    const auto failed = m_paths.failed() / files::failed_name(file_name);
    if (!files::exists(failed)) {
        return std::nullopt;
    }
    // A rename leaves the time of the file as it was when the request was made.
    const auto reason = files::modified(m_paths.failed() / files::messages_name(file_name));
    return reason ? reason : files::modified(failed);
}

void Requests::correct_failed_at(const std::string& file_name, TimePoint now) const
{
    if (const auto when = failed_at(file_name); !when || *when <= now) {
        return;
    }
    const std::array<timespec, 2> times{{{0, UTIME_OMIT}, {Clock::to_time_t(now), 0}}};
    for (const auto& name : {files::messages_name(file_name), files::failed_name(file_name)}) {
        if (::utimensat(AT_FDCWD, (m_paths.failed() / name).c_str(), times.data(), 0) != 0
            && errno != ENOENT) {
            throw os_error(errno, "correct the time of a failed request");
        }
    }
}

void Requests::note_seen(const std::string& file_name, TimePoint newest) const
{
    const auto directory = m_paths.state() / "seen";
    make_directories(directory);
    const auto nanoseconds =
        std::chrono::duration_cast<std::chrono::nanoseconds>(newest.time_since_epoch());
    write_file(directory / file_name, fmt::format("{}\n", nanoseconds.count()));
}

std::optional<TimePoint> Requests::seen(const std::string& file_name) const
{
    const auto text = read_file_if_any(m_paths.state() / "seen" / file_name, max_request_bytes);
    std::int64_t nanoseconds = 0;
    if (!text
        || std::from_chars(text->data(), text->data() + text->size(), nanoseconds).ec
               != std::errc{}) {
        return std::nullopt;
    }
    return TimePoint{
        std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds{nanoseconds})};
}

std::optional<RequestState> Requests::state(const std::string& file_name) const
{
    const auto text =
        read_file_if_any(m_paths.requests() / files::state_name(file_name), max_request_bytes);
    if (!text) {
        return std::nullopt;
    }
    try {
        const auto value = json::parse(*text, "a request's state");
        const auto* const attempts = value.find("attempts");
        const auto* const next_try = value.find("next_try");
        if (attempts == nullptr || next_try == nullptr) {
            return std::nullopt;
        }
        constexpr std::int64_t most_attempts = 1'000'000;
        return RequestState{
            static_cast<unsigned>(std::clamp<std::int64_t>(attempts->integer(), 0, most_attempts)),
            TimePoint{std::chrono::seconds{
                std::clamp<std::int64_t>(next_try->integer(), 0, end_of_clock)}},
            value.text("last_error")};
    } catch (const Error& e) {
        log::warn("request_state_unreadable", {{"request", file_name}, {"reason", e.what()}});
        return std::nullopt;
    }
}

} // namespace fiona::store
