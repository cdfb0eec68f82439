// SPDX-License-Identifier: MIT
#include "libfiona/ingest/arrival_progress.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

constexpr unsigned most_retries = 5;
constexpr std::chrono::minutes longest_delay{16};

std::int64_t nanoseconds(TimePoint when)
{
    return std::chrono::duration_cast<std::chrono::nanoseconds>(when.time_since_epoch()).count();
}

TimePoint time_point(std::int64_t nanoseconds)
{
    return TimePoint{
        std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds{nanoseconds})};
}

std::int64_t integer(const json::Value& object, std::string_view key)
{
    const auto* const value = object.find(key);
    return value == nullptr ? 0 : value->integer();
}

bool flag(const json::Value& object, std::string_view key)
{
    const auto* const value = object.find(key);
    return value != nullptr && value->boolean();
}

json::Object as_json(const Retry& retry)
{
    return {{"attempts", retry.attempts},
            {"next_try", nanoseconds(retry.next)},
            {"last_error", retry.reason}};
}

Retry read_retry(const json::Value& object)
{
    return {static_cast<unsigned>(std::clamp<std::int64_t>(integer(object, "attempts"), 0, 1000)),
            time_point(integer(object, "next_try")), object.text("last_error")};
}

json::Value as_json(const StreamProgress& stream)
{
    auto object = as_json(stream.retry);
    object["version"] = stream.version;
    object["next"] = stream.next;
    object["done"] = stream.is_done;
    if (stream.program) {
        object["pid"] = stream.program->pid;
        object["started"] = stream.program->started;
    }
    return object;
}

StreamProgress read_stream(const json::Value& object)
{
    StreamProgress stream;
    stream.version = object.text("version");
    stream.next = static_cast<std::size_t>(std::max<std::int64_t>(integer(object, "next"), 0));
    stream.is_done = flag(object, "done");
    stream.retry = read_retry(object);
    if (const auto pid = integer(object, "pid"); pid > 1) {
        stream.program = {static_cast<pid_t>(pid),
                          static_cast<std::uint64_t>(integer(object, "started"))};
    }
    return stream;
}

} // namespace

bool Retry::is_due(TimePoint now) const
{
    // A clock that was set back must not make anybody wait for days.
    return attempts == 0 || now >= next || next - now > longest_delay;
}

bool Retry::is_over() const
{
    return attempts > most_retries;
}

void Retry::note_failure(TimePoint now, std::string why)
{
    next = now + std::min(longest_delay, std::chrono::minutes{1U << std::min(attempts, 9U)});
    ++attempts;
    reason = std::move(why);
}

ProgressFiles::ProgressFiles(fs::path directory) : m_directory{std::move(directory)} {}

fs::path ProgressFiles::path_of(const std::string& mark) const
{
    constexpr std::size_t digits = 32;
    return m_directory / (sha256_hex(mark).substr(0, digits) + ".json");
}

ArrivalProgress ProgressFiles::load(const std::string& mark, TimePoint arrived) const
{
    ArrivalProgress fresh;
    fresh.arrived = arrived;
    const auto text = read_file_if_any(path_of(mark));
    if (!text) {
        return fresh;
    }
    try {
        const auto stored = json::parse(*text, "the state of an arrival");
        if (time_point(integer(stored, "arrived")) != arrived) {
            return fresh;
        }
        ArrivalProgress progress{arrived, flag(stored, "listed"), read_retry(stored), {}};
        if (const auto* const streams = stored.find("streams"); streams != nullptr) {
            progress.streams.emplace();
            for (const auto& [name, stream] : streams->object()) {
                progress.streams->emplace(name, read_stream(stream));
            }
        }
        return progress;
    } catch (const Error& e) { // after a power failure: then all is done again
        log::warn("arrival_state_unreadable", {{"reason", e.what()}});
        return fresh;
    }
}

void ProgressFiles::store(const std::string& mark, const ArrivalProgress& progress) const
{
    auto document = as_json(progress.retry);
    document["mark"] = mark;
    document["arrived"] = nanoseconds(progress.arrived);
    document["listed"] = progress.is_listed;
    if (progress.streams) {
        json::Object streams;
        for (const auto& [name, stream] : *progress.streams) {
            streams[name] = as_json(stream);
        }
        document["streams"] = std::move(streams);
    }
    const auto target = path_of(mark);
    auto temporary = target;
    temporary += ".part"; // one process at a time writes here
    {
        const UniqueFd fd{
            ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
        if (!fd) {
            throw os_error(errno, "note the state of an arrival");
        }
        write_all(fd.get(), json::write(document) + "\n", "the state of an arrival");
    }
    if (::rename(temporary.c_str(), target.c_str()) != 0) {
        throw os_error(errno, "note the state of an arrival");
    }
}

void ProgressFiles::remove(const std::string& mark) const
{
    if (::unlink(path_of(mark).c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "remove the state of an arrival");
    }
}

void ProgressFiles::keep_only(const std::set<std::string>& marks) const
{
    std::set<fs::path> kept;
    for (const auto& mark : marks) {
        kept.insert(path_of(mark));
    }
    for (const auto& entry : fs::directory_iterator{m_directory}) {
        if (!kept.contains(entry.path())) { // also what a dead writer left half-written
            std::error_code ignored;        // the next start comes again
            fs::remove(entry.path(), ignored);
        }
    }
}

} // namespace fiona::ingest
