// SPDX-License-Identifier: MIT
#include "libfiona/jobs/job_list.h"

#include "libfiona/base/digest.h"
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

/// Safe as a file name and as the name of a container; the end of a folder's name, which no other job, and
/// no output, then has.
bool is_id(std::string_view text)
{
    constexpr std::size_t longest = 64;
    return !text.empty() && text.size() <= longest && text.front() != '-' && text != "output"
           && text != "fetched"
           && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                     "0123456789-")
                  == std::string_view::npos;
}

std::string short_digest(std::string_view text)
{
    constexpr std::size_t id_digits = 32;
    return sha256_hex(text).substr(0, id_digits);
}

/// Legal JSON has line ends only between its parts; an environment variable can do without.
std::string checked_options(std::string options)
{
    if (trimmed(options).empty()) {
        return {};
    }
    std::erase(options, '\''); // as the original
    std::ranges::replace(options, '\n', ' ');
    std::ranges::replace(options, '\r', ' ');
    static_cast<void>(json::parse(options, "ROR_CONT_OPTIONS"));
    return options;
}

/// A list, or its JSON as a text: so writes who replaces `@destination@` between quotes.
json::Array checked_destination(const json::Value& value)
{
    if (value.is_null() || (value.is_string() && trimmed(value.string()).empty())) {
        return {};
    }
    const auto list = value.is_string() ? json::parse(value.string(), "destination") : value;
    if (!list.is_array()) {
        throw Error{Fault::data, "destination is no list of peers"};
    }
    return list.array();
}

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

std::string as_line(const Job& job)
{
    json::Array series;
    for (const auto& uid : job.series) {
        series.emplace_back(uid.str());
    }
    for (const auto& member : job.members) {
        series.emplace_back(json::Object{{"StudyInstanceUID", member.study.str()},
                                         {"SeriesInstanceUID", member.series.str()},
                                         {"NameFromSelect", member.name}});
    }
    json::Object line{{"type", "ror"},
                      {"project", job.project},
                      {"stream", job.stream},
                      {"image", job.image},
                      {"user", job.user},
                      {"date", iso8601_utc(job.date)},
                      {"job_number", job.number},
                      {"ror_folder", job.ror_folder},
                      {"destination", job.destination},
                      {"ROR_CONT_OPTIONS", job.options},
                      {"job_id", job.id},
                      {"series", std::move(series)}};
    if (job.study) {
        line["study"] = job.study->str();
    }
    if (!job.select.empty()) {
        line["select"] = job.select;
    }
    return json::write(line);
}

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

Job parse_line(std::string_view line)
{
    const auto value = json::parse(line, "job line");
    const auto wanted = [&](std::string_view key) {
        auto text = value.text(key);
        if (text.empty()) {
            throw Error{Fault::data, "{} is missing", key};
        }
        return text;
    };
    Job job{.id = value.text("job_id"),
            .project = ProjectName{wanted("project")}.str(),
            .stream = value.text("stream"),
            .image = wanted("image"),
            .user = value.text("user"),
            .date = TimePoint{},
            .number = value.text("job_number", "0"),
            .ror_folder = value.text("ror_folder"),
            .destination = {},
            .options = checked_options(value.text("ROR_CONT_OPTIONS")),
            .select = value.text("select"),
            .study = {},
            .series = {},
            .members = {}};
    if (!is_id(job.id)) {
        job.id = short_digest(job.id.empty() ? line : job.id);
    }
    constexpr std::size_t longest_number = 9;
    if (job.number.empty() || job.number.size() > longest_number
        || job.number.find_first_not_of("0123456789") != std::string::npos) {
        throw Error{Fault::data, "job_number is no number"};
    }
    if (const auto study = value.text("study"); !study.empty()) {
        job.study.emplace(study);
    }
    if (const auto* const series = value.find("series"); series != nullptr && series->is_array()) {
        for (const auto& item : series->array()) {
            if (item.is_object()) {
                job.members.push_back({StudyUid{item.text("StudyInstanceUID")},
                                       SeriesUid{item.text("SeriesInstanceUID")},
                                       item.text("NameFromSelect")});
            } else {
                job.series.emplace_back(item.text());
            }
        }
    }
    if (const auto* const where = value.find("destination")) {
        job.destination = checked_destination(*where);
    }
    return job;
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
        const auto digest = short_digest(line.text);
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
