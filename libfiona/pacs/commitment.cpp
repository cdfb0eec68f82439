// SPDX-License-Identifier: MIT
#include "libfiona/pacs/commitment.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace fiona::pacs {

namespace fs = std::filesystem;

namespace {

std::int64_t microseconds(TimePoint when)
{
    return std::chrono::duration_cast<std::chrono::microseconds>(when.time_since_epoch()).count();
}

TimePoint time_point(const json::Value* microseconds)
{
    if (microseconds == nullptr) {
        throw Error{Fault::data, "no storage commitment request: a time is missing"};
    }
    return TimePoint{std::chrono::microseconds{microseconds->integer()}};
}

/// AE titles may hold any bytes: percent-encoded in the JSON.
std::string as_json(const CommitmentRequest& request)
{
    json::Array objects;
    for (const auto& object : request.objects) {
        objects.push_back(
            json::Array{percent_encoded(object.sop_class), percent_encoded(object.sop_instance)});
    }
    return json::write(json::Object{{"v", 1},
                                    {"transaction", request.transaction},
                                    {"caller", percent_encoded(request.caller)},
                                    {"called", percent_encoded(request.called)},
                                    {"received", iso8601_utc(request.received)},
                                    {"received_us", microseconds(request.received)},
                                    {"due_us", microseconds(request.due)},
                                    {"attempts", request.attempts},
                                    {"objects", std::move(objects)}})
           + "\n";
}

CommitmentRequest from_json(const std::string& text, const std::string& what)
{
    const auto document = json::parse(text, what);
    CommitmentRequest request;
    request.transaction = document.text("transaction");
    request.caller = percent_decoded(document.text("caller"));
    request.called = percent_decoded(document.text("called"));
    request.received = time_point(document.find("received_us"));
    request.due = time_point(document.find("due_us"));
    const auto* const attempts = document.find("attempts");
    const auto* const objects = document.find("objects");
    if (!is_uid(request.transaction) || attempts == nullptr || objects == nullptr) {
        throw Error{Fault::data, "{} is no storage commitment request", what};
    }
    request.attempts =
        static_cast<unsigned>(std::clamp<std::int64_t>(attempts->integer(), 0, 1000));
    for (const auto& object : objects->array()) {
        const auto& pair = object.array();
        if (pair.size() != 2) {
            throw Error{Fault::data, "{} is no storage commitment request", what};
        }
        request.objects.push_back(
            {percent_decoded(pair[0].string()), percent_decoded(pair[1].string())});
    }
    return request;
}

std::vector<std::string> names_in(const fs::path& directory, std::size_t limit)
{
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{directory}) {
        auto name = entry.path().filename().native();
        if (!name.starts_with('.')) {
            names.push_back(std::move(name));
        }
        if (names.size() >= limit) {
            break;
        }
    }
    std::ranges::sort(names);
    return names;
}

} // namespace

CommitmentQueue::CommitmentQueue(fs::path directory) : m_directory{std::move(directory)}
{
    make_directories(m_directory / "new");
    make_directories(m_directory / "failed");
}

fs::path CommitmentQueue::path_of(const std::string& name) const
{
    return m_directory / "new" / name;
}

std::optional<CommitmentQueue::Claim> CommitmentQueue::add(const CommitmentRequest& request) const
{
    const auto name = sha256_hex(request.caller + '\n' + request.transaction) + ".json";
    store::write_file(path_of(name), as_json(request));
    return claim(name);
}

std::vector<std::string> CommitmentQueue::waiting(std::size_t limit) const
{
    return names_in(m_directory / "new", limit);
}

std::size_t CommitmentQueue::count_failed() const
{
    return names_in(m_directory / "failed", SIZE_MAX).size();
}

std::optional<CommitmentQueue::Claim> CommitmentQueue::claim(const std::string& name) const
{
    UniqueFd fd{::open(path_of(name).c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC)};
    if (!fd) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        throw os_error(errno, "open a storage commitment request");
    }
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
        return std::nullopt;
    }
    Claim claim{{}, name, std::move(fd)};
    if (!is_current(claim)) {
        return std::nullopt; // settled or replaced between the two lines above
    }
    claim.request = from_json(read_file(path_of(name)), name);
    return claim;
}

bool CommitmentQueue::is_current(const Claim& claim) const
{
    struct stat ours {};
    struct stat there {};
    return ::fstat(claim.m_fd.get(), &ours) == 0
           && ::stat(path_of(claim.m_name).c_str(), &there) == 0 && ours.st_ino == there.st_ino
           && ours.st_dev == there.st_dev;
}

void CommitmentQueue::settle(const Claim& claim) const
{
    if (is_current(claim)) {
        fs::remove(path_of(claim.m_name));
    }
}

void CommitmentQueue::postpone(Claim claim) const
{
    if (is_current(claim)) {
        store::write_file(path_of(claim.m_name), as_json(claim.request));
    }
}

void CommitmentQueue::give_up(const Claim& claim) const
{
    if (is_current(claim)) {
        set_aside(claim.m_name);
    }
}

void CommitmentQueue::set_aside(const std::string& name) const
{
    fs::rename(path_of(name), m_directory / "failed" / name);
    sync_directory(m_directory / "failed");
    sync_directory(m_directory / "new");
}

std::chrono::seconds back_off(std::chrono::seconds first, unsigned attempts)
{
    constexpr std::chrono::seconds longest{3600};
    auto wait = std::min(first, longest);
    for (unsigned i = 1; i < attempts && wait < longest; ++i) {
        wait = std::min(wait * 2, longest);
    }
    return wait;
}

} // namespace fiona::pacs
