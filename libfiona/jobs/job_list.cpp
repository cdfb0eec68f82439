// SPDX-License-Identifier: MIT
#include "libfiona/jobs/job_list.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <fstream>
#include <set>
#include <string_view>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds lock_patience{10};
constexpr mode_t mode_of_a_new_file = 0660; // the Workflows page writes it as another user

constexpr std::chrono::minutes torn_line_age{1};
constexpr std::chrono::hours writer_time_limit{1}; // nobody keeps the list open for writing so long

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

/// The last of a file that only grows.
std::string end_of(const fs::path& file)
{
    constexpr off_t enough = off_t{1} << 20U;
    const UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!fd) {
        if (errno == ENOENT) {
            return {};
        }
        throw os_error(errno, fmt::format("open {}", file.native()));
    }
    const auto size = ::lseek(fd.get(), 0, SEEK_END);
    std::string text(static_cast<std::size_t>(std::min(size, enough)), '\0');
    const auto got = ::pread(fd.get(), text.data(), text.size(), size - std::min(size, enough));
    if (got < 0) {
        throw os_error(errno, fmt::format("read {}", file.native()));
    }
    text.resize(static_cast<std::size_t>(got));
    return text;
}

void append_text(const fs::path& file, std::string_view text)
{
    const UniqueFd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                             mode_of_a_new_file)};
    if (!fd) {
        throw os_error(errno, fmt::format("open {}", file.native()));
    }
    const auto before = ::lseek(fd.get(), 0, SEEK_END);
    char last = '\n';
    if (before > 0 && ::pread(fd.get(), &last, 1, before - 1) != 1) {
        throw os_error(errno, fmt::format("read {}", file.native()));
    }
    try {
        write_all(fd.get(), fmt::format("{}{}", last == '\n' ? "" : "\n", text), file.native());
        if (::fsync(fd.get()) != 0) {
            throw os_error(errno, fmt::format("sync {}", file.native()));
        }
    } catch (const Error&) { // no half line may stay, if the disk lets us
        static_cast<void>(::ftruncate(fd.get(), before) == 0);
        throw;
    }
    if (before == 0) {
        sync_directory(file.parent_path());
    }
}

/// When a line was put on a shelf, as iso8601_utc() writes it: such texts sort by time. Nothing if it does
/// not say so.
std::optional<std::string> settled_at(std::string_view line)
{
    constexpr std::size_t size = std::string_view{"2026-03-01T10:00:00.000000Z"}.size();
    try {
        const auto note = json::parse(line, "settled job");
        auto text = note.text("ended", note.text("rejected"));
        return text.size() == size ? std::optional{std::move(text)} : std::nullopt;
    } catch (const Error&) { // torn
        return std::nullopt;
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

JobList::JobList(fs::path file) : m_file{std::move(file)} {}

JobList::Appended JobList::append(const Job& job) const
{
    make_directories(m_file.parent_path());
    const FileLock lock{m_file.native() + ".lock", lock_patience};
    if (has_job(read_file_if_any(m_file).value_or(""), job.id)) {
        return Appended::was_there;
    }
    append_text(m_file, as_line(job) + "\n");
    return Appended::yes;
}

std::vector<JobList::Line> JobList::lines(TimePoint now) const
{
    const auto text = read_file_if_any(m_file);
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
            if (i + 1 == all.size() && !has_end && now - changed_at(m_file) < torn_line_age) {
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
    auto file = m_file;
    return file.replace_extension(which == Shelf::done ? ".done" : ".rejected");
}

void JobList::gather(TimePoint now) const
{
    const FileLock lock{m_file.native() + ".lock", lock_patience};
    bring_over(now);
}

void JobList::settle(const std::vector<Settled>& lines, TimePoint now) const
{
    const FileLock lock{m_file.native() + ".lock", lock_patience};
    bring_over(now);
    const auto before = read_file_if_any(m_file).value_or("");
    std::set<std::string_view> gone;
    for (const auto& line : lines) {
        // A killed run may have shelved it; that was the last it did.
        const auto digest = line_digest(line.text);
        if (end_of(shelf(line.shelf)).find(digest) == std::string::npos) {
            auto note = line.note;
            note["line"] = line.text;
            note["line_digest"] = digest;
            append_text(shelf(line.shelf), json::write(note) + "\n");
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
        replace(before, after);
    }
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
    const FileLock lock{m_file.native() + ".lock", lock_patience};
    const auto status = status_of(file);
    const auto text = read_file(file);
    store::AtomicFile young{file, mode_of_a_new_file};
    young.set_mode(status.st_mode & 07777U);
    young.set_owner_like(status);
    young.write(std::string_view{text}.substr(end_of_old(text, before)));
    young.commit();
}

void JobList::replace(const std::string& before, const std::string& after) const
{
    const auto status = status_of(m_file);
    const auto old =
        m_file.parent_path()
        / fmt::format(".{}.{}.{}.old", m_file.filename().native(), before.size(), status.st_ino);
    if (::link(m_file.c_str(), old.c_str()) != 0 && errno != EEXIST) {
        throw os_error(errno, fmt::format("keep the old {}", m_file.native()));
    }
    store::AtomicFile file{m_file, mode_of_a_new_file};
    file.set_mode(status.st_mode & 07777U);
    file.set_owner_like(status);
    file.write(after);
    file.commit();
}

/// Looks at what was written into the lists of before.
void JobList::bring_over(TimePoint now) const
{
    const auto prefix = fmt::format(".{}.", m_file.filename().native());
    std::vector<fs::path> olds;
    for (const auto& entry : fs::directory_iterator{m_file.parent_path()}) {
        const auto name = entry.path().filename().native();
        if (name.starts_with(prefix) && name.ends_with(".old")) {
            olds.push_back(entry.path());
        }
    }
    std::ranges::sort(olds);
    for (const auto& old : olds) {
        const auto numbers = old.stem().native().substr(prefix.size());
        std::size_t known = 0;
        const auto [end, problem] =
            std::from_chars(numbers.data(), numbers.data() + numbers.size(), known);
        if (problem != std::errc{} || *end != '.') {
            continue; // not ours
        }
        std::error_code ignored;
        if (fs::equivalent(old, m_file, ignored)) { // killed before there was a new list
            fs::remove(old);
            continue;
        }
        const auto text = read_file(old);
        if (text.size() > known) {
            append_text(m_file, std::string_view{text}.substr(known));
            fs::rename(old,
                       m_file.parent_path() / fmt::format("{}{}{}.old", prefix, text.size(), end));
        } else if (now - Clock::from_time_t(status_of(old).st_ctim.tv_sec) > writer_time_limit) {
            fs::remove(old);
        }
    }
}

} // namespace fiona::jobs
