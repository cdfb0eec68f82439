// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"
#include "libfiona/store/request_files.h"
#include "libfiona/store/requests.h"
#include "libfiona/store/run_record.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

/// False if `from` has gone: somebody else was quicker.
bool move_file(const fs::path& from, const fs::path& to)
{
    if (::rename(from.c_str(), to.c_str()) == 0) {
        return true;
    }
    if (errno == ENOENT) {
        return false;
    }
    throw os_error(errno, "move a request");
}

void remove_file(const fs::path& path)
{
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "remove a request's note");
    }
}

/// As move_file(), but never over a file that is there: two successes of one minute get two names.
void move_to_new(const fs::path& from, const fs::path& directory, const std::string& stem)
{
    for (unsigned twin = 1;; ++twin) {
        const auto name = twin == 1 ? stem + ".log" : fmt::format("{}_{}.log", stem, twin);
        if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, (directory / name).c_str(),
                        RENAME_NOREPLACE)
            == 0) {
            return;
        }
        if (errno == EINVAL) { // a file system without that flag (NFS)
            if (!files::exists(directory / name) && move_file(from, directory / name)) {
                return;
            }
        } else if (errno != EEXIST) {
            throw os_error(errno, "finish a request");
        }
    }
}

constexpr std::chrono::seconds longest_delay{300};

std::chrono::seconds delay_after(unsigned attempts)
{
    constexpr std::array delays{std::chrono::seconds{10}, std::chrono::seconds{60}, longest_delay};
    return delays.at(std::min<std::size_t>(attempts, delays.size()) - 1);
}

} // namespace

RequestWorker::RequestWorker(const Requests& requests)
    : m_requests{requests}, m_paths{requests.paths()},
      m_directory{m_paths.work() / fmt::format("{}.{}", short_host_name(), ::getpid())}
{
    for (const auto& directory :
         {m_paths.requests(), m_paths.work(), m_paths.done(), m_paths.failed()}) {
        make_directories(directory);
    }
    // Nobody may take an empty new directory for that of a dead worker and remove it.
    const FileLock making{m_paths.work() / files::lock_name, files::lock_patience};
    make_directories(m_directory);
    m_lock.emplace(m_directory / files::lock_name);
}

RequestWorker::~RequestWorker()
{
    try {
        const FileLock removing{m_paths.work() / files::lock_name, files::lock_patience};
        if (visible_names(m_directory).empty()) {
            remove_file(m_directory / files::lock_name);
            ::rmdir(m_directory.c_str());
        }
    } catch (const Error& e) {
        log::debug("work_directory_left", {{"reason", e.what()}}); // the next worker clears it up
    }
}

std::vector<std::string> RequestWorker::adopt() const
{
    const FileLock adopting{m_paths.work() / files::lock_name, files::lock_patience};
    for (const auto& directory : files::work_directories(m_paths)) {
        if (directory != m_directory && !FileLock::holder(directory / files::lock_name)) {
            move_in(directory);
        }
    }
    drop_orphans();
    return files::requests_in(m_directory);
}

/// A result goes before its request: a crash in between leaves both in directories of dead workers,
/// and the next one that adopts finds both.
void RequestWorker::move_in(const fs::path& dead_directory) const
{
    auto names = visible_names(dead_directory);
    std::partition(names.begin(), names.end(),
                   [](const auto& name) { return name.ends_with(".result.json"); });
    for (const auto& name : names) {
        log::info("request_taken_back", {{"request", name}});
        move_file(dead_directory / name, m_directory / name);
    }
    sync_directory(m_directory);
    remove_file(dead_directory / files::lock_name);
    ::rmdir(dead_directory.c_str()); // hidden leftovers of a killed write keep it; harmless
}

/// Results and states whose request has been finished just before a crash.
void RequestWorker::drop_orphans() const
{
    for (const auto& directory : {m_directory, m_paths.requests()}) {
        for (const auto& name : visible_names(directory)) {
            for (const std::string_view suffix : {".result.json", ".state.json"}) {
                if (name.ends_with(suffix)
                    && !m_requests.is_pending(name.substr(0, name.size() - suffix.size()))) {
                    remove_file(directory / name);
                }
            }
        }
    }
}

bool RequestWorker::claim(const std::string& file_name, TimePoint now) const
{
    const auto state = m_requests.state(file_name);
    if (state && is_awaited(state->next_try, now, longest_delay)) {
        return false;
    }
    return move_file(m_paths.requests() / file_name, m_directory / file_name);
}

TransferRequest RequestWorker::read(const std::string& file_name) const
{
    return TransferRequest::parse(read_file(m_directory / file_name, files::max_note_bytes),
                                  file_name);
}

void RequestWorker::note_result(const std::string& file_name, const json::Value& result) const
{
    write_file(m_directory / files::result_name(file_name),
               json::write(result, json::Style::pretty) + "\n");
}

std::optional<json::Value> RequestWorker::result(const std::string& file_name) const
{
    const auto note = files::result_name(file_name);
    auto text = read_file_if_any(m_directory / note, files::max_note_bytes);
    if (!text) {
        text = read_file_if_any(m_paths.requests() / note, files::max_note_bytes);
    }
    return text ? std::optional{json::parse(*text, "a request's result")} : std::nullopt;
}

void RequestWorker::finish_done(const std::string& file_name, TimePoint now) const
{
    auto minute = local_minute(now);
    std::ranges::replace(minute, ' ', '_');
    move_to_new(m_directory / file_name, m_paths.done(),
                fmt::format("{}_ok_{}", file_name, minute));
    // The result must not go before it is certain that the request has gone: after a power loss
    // the study would be sent again.
    sync_directory(m_paths.done());
    sync_directory(m_directory);
    for (const auto& directory : {m_directory, m_paths.requests()}) {
        remove_file(directory / files::result_name(file_name));
        remove_file(directory / files::state_name(file_name));
    }
}

void RequestWorker::finish_failed(const std::string& file_name, const json::Value& messages) const
{
    write_file(m_paths.failed() / files::messages_name(file_name),
               json::write(messages, json::Style::pretty) + "\n");
    move_file(m_directory / file_name, m_paths.failed() / files::failed_name(file_name));
    sync_directory(m_paths.failed());
    sync_directory(m_directory);
    for (const auto& directory : {m_directory, m_paths.requests()}) {
        remove_file(directory / files::result_name(file_name));
        remove_file(directory / files::state_name(file_name));
    }
}

unsigned RequestWorker::postpone(const std::string& file_name, std::string_view reason,
                                 TimePoint now) const
{
    // drop_orphans() of another worker must not meet the notes while the request is on its way.
    const FileLock postponing{m_paths.work() / files::lock_name, files::lock_patience};
    const auto before = m_requests.state(file_name);
    const unsigned attempts = (before ? before->attempts : 0) + 1;
    const auto next_try = now + delay_after(attempts);
    write_file(m_paths.requests() / files::state_name(file_name),
               json::write(json::Object{{"attempts", attempts},
                                        {"next_try", epoch_seconds(next_try)},
                                        {"last_error", reason}},
                           json::Style::pretty)
                   + "\n");
    const auto result = files::result_name(file_name);
    move_file(m_directory / result, m_paths.requests() / result);
    move_file(m_directory / file_name, m_paths.requests() / file_name);
    sync_directory(m_paths.requests());
    sync_directory(m_directory);
    return attempts;
}

} // namespace fiona::store
