// SPDX-License-Identifier: MIT
#include "libfiona/jobs/job_list.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/jobs/job_record.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <fstream>
#include <set>
#include <string_view>
#include <utility>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds lock_patience{10};
constexpr mode_t mode_of_a_new_file = 0660; // the Workflows page writes it as another user

constexpr std::chrono::minutes torn_line_age{1};

struct stat status_of(const fs::path& file)
{
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        throw os_error(errno, fmt::format("look at {}", file.native()));
    }
    return status;
}

TimePoint changed_at(const fs::path& file)
{
    return Clock::from_time_t(status_of(file).st_mtim.tv_sec);
}

constexpr off_t enough = off_t{1} << 20U;

/// The last of a file that only grows.
std::string end_of(const fs::path& file, off_t bytes = enough)
{
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd) {
        if (errno == ENOENT) {
            return {};
        }
        throw os_error(errno, fmt::format("open {}", file.native()));
    }
    const auto size = ::lseek(fd.get(), 0, SEEK_END);
    std::string text(static_cast<std::size_t>(std::min(size, bytes)), '\0');
    const auto got = ::pread(fd.get(), text.data(), text.size(), size - std::min(size, bytes));
    if (got < 0) {
        throw os_error(errno, fmt::format("read {}", file.native()));
    }
    text.resize(static_cast<std::size_t>(got));
    return text;
}

/// When a line was put on a shelf, as iso8601_utc() writes it: such texts sort by time. Nothing if it does
/// not say so.
std::optional<std::string> time_in(const json::Value& note)
{
    constexpr std::size_t size = std::string_view{"2026-03-01T10:00:00.000000Z"}.size();
    auto text = note.text("ended", note.text("rejected"));
    return text.size() == size ? std::optional{std::move(text)} : std::nullopt;
}

std::optional<json::Value> read_note(std::string_view line)
{
    try {
        return json::parse(line, "settled job");
    } catch (const Error&) { // torn
        return std::nullopt;
    }
}

std::optional<std::string> settled_at(std::string_view line)
{
    const auto note = read_note(line);
    return note ? time_in(*note) : std::nullopt;
}

/// How many of a shelf are no success since `limit`. Its lines stand in the order of their times: the end
/// is enough, and this is asked every minute.
std::size_t failed_on(const fs::path& shelf, std::string_view limit)
{
    for (auto bytes = enough;; bytes *= 4) {
        const auto text = end_of(shelf, bytes);
        const bool is_all = std::cmp_less(text.size(), bytes);
        bool has_begin = is_all; // of the time that is asked for
        std::size_t failed = 0;
        for (const auto line : split(text, '\n')) {
            const auto note = read_note(line);
            const auto when = note ? time_in(*note) : std::nullopt;
            if (!when) {
                continue; // torn, or the half that the end begins with
            }
            has_begin = has_begin || *when < limit;
            failed += *when >= limit && note->text("state") != state_name(JobState::done) ? 1U : 0U;
        }
        if (has_begin) {
            return failed;
        }
    }
}

/// Where the lines begin that are not older than `before`: they stand in the order of their times. One
/// that tells none goes with what is around it.
std::size_t end_of_old(std::string_view text, TimePoint before)
{
    const auto limit = iso8601_utc(before);
    std::size_t end = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto next = std::min(text.find('\n', at), text.size() - 1) + 1;
        const auto when = settled_at(text.substr(at, next - at));
        if (when && *when >= limit) {
            break;
        }
        end = when ? next : end;
        at = next;
    }
    return end;
}

/// Looks at the first of its lines alone: this is asked every minute.
bool has_old_begin(const fs::path& shelf, TimePoint before)
{
    std::ifstream file{shelf};
    std::string line;
    while (std::getline(file, line)) {
        if (const auto when = settled_at(line)) {
            return *when < iso8601_utc(before);
        }
    }
    return false;
}

bool has_job(std::string_view list, std::string_view id)
{
    const auto lines = split(list, '\n');
    return std::ranges::any_of(lines, [&](std::string_view line) {
        if (line.find(id) == std::string_view::npos) { // the common case, without reading JSON
            return false;
        }
        try {
            return json::parse(line, "job line").text("job_id") == id;
        } catch (const Error&) { // torn, or a stranger's: its reader reports it
            return false;
        }
    });
}

} // namespace

JobList::JobList(fs::path file) : m_list{std::move(file), mode_of_a_new_file} {}

fs::path JobList::lock_file() const
{
    return file().native() + ".lock";
}

JobList::Appended JobList::append(const Job& job) const
{
    make_directories(file().parent_path());
    const FileLock lock{lock_file(), lock_patience};
    if (has_job(read_file_if_any(file()).value_or(""), job.id)) {
        return Appended::was_there;
    }
    m_list.append(as_line(job) + "\n");
    return Appended::yes;
}

std::vector<JobList::Line> JobList::lines(TimePoint now) const
{
    const auto text = read_file_if_any(file());
    std::vector<Line> result;
    if (!text) {
        return result;
    }
    const bool has_end = text->ends_with('\n');
    const auto all = split(*text, '\n');
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (trimmed(all[i]).empty()) {
            continue;
        }
        Line line{std::string{all[i]}, std::nullopt, ""};
        try {
            line.job = parse_line(all[i]);
        } catch (const Error& e) {
            if (i + 1 == all.size() && !has_end && now - changed_at(file()) < torn_line_age) {
                continue;
            }
            line.problem = e.what();
        }
        result.push_back(std::move(line));
    }
    return result;
}

fs::path JobList::shelf(Shelf which) const
{
    auto file = m_list.file();
    return file.replace_extension(which == Shelf::done ? ".done" : ".rejected");
}

void JobList::gather(TimePoint now) const
{
    const FileLock lock{lock_file(), lock_patience};
    m_list.bring_over(now);
}

void JobList::settle(const std::vector<Settled>& lines, TimePoint now) const
{
    const FileLock lock{lock_file(), lock_patience};
    m_list.bring_over(now);
    const auto before = read_file_if_any(file()).value_or("");
    std::set<std::string_view> gone;
    for (const auto& line : lines) {
        // A killed run may have shelved it; that was the last it did.
        const auto digest = line_digest(line.text);
        if (end_of(shelf(line.shelf)).find(digest) == std::string::npos) {
            auto note = line.note;
            note["line"] = line.text;
            note["line_digest"] = digest;
            store::append_lines(shelf(line.shelf), json::write(note) + "\n", mode_of_a_new_file);
        }
        gone.insert(line.text);
    }
    std::string after;
    std::size_t at = 0;
    while (at < before.size()) {
        const auto end = std::min(before.find('\n', at), before.size());
        const auto line = std::string_view{before}.substr(at, end - at);
        if (!gone.contains(line)) {
            after += before.substr(at, end - at + 1); // a last one without an end stays without
        }
        at = end + 1;
    }
    if (after != before) {
        m_list.replace(before, after, now);
    }
}

std::size_t JobList::failed_since(TimePoint since) const
{
    const auto limit = iso8601_utc(since);
    return failed_on(shelf(Shelf::done), limit) + failed_on(shelf(Shelf::rejected), limit);
}

void JobList::forget(TimePoint before) const
{
    forget(Shelf::done, before);
    forget(Shelf::rejected, before);
}

void JobList::forget(Shelf which, TimePoint before) const
{
    constexpr std::chrono::hours interval{24};
    const auto file = shelf(which);
    if (!has_old_begin(file, before - interval)) {
        return;
    }
    const FileLock lock{lock_file(), lock_patience};
    const auto status = status_of(file);
    const auto text = read_file(file);
    store::AtomicFile young{file, mode_of_a_new_file};
    young.set_mode(status.st_mode & 07777U);
    young.set_owner_like(status);
    young.write(std::string_view{text}.substr(end_of_old(text, before)));
    young.commit();
}

} // namespace fiona::jobs
