// SPDX-License-Identifier: MIT
#include "libfiona/export/export_list.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/store/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <tuple>
#include <utility>

namespace fiona::exports {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds lock_patience{30};
constexpr mode_t mode_of_a_new_file = 0660; // the Export page writes it as another user
constexpr std::size_t token_bytes = 16;

std::optional<json::Value> parsed(const std::string& line)
{
    try {
        auto value = json::parse(line, "export job");
        return value.is_object() ? std::optional{std::move(value)} : std::nullopt;
    } catch (const Error&) { // torn, or a stranger's: counted by read()
        return std::nullopt;
    }
}

bool is_taken(const json::Value& line)
{
    const auto state = line.text("state");
    if (state != "running" && state != "mailing") {
        return false;
    }
    const auto* const pid = line.find("pid");
    const auto* const ticks = line.find("pid_started");
    if (pid == nullptr || ticks == nullptr || !pid->is_integer() || !ticks->is_integer()) {
        return false;
    }
    const auto alive = start_ticks(static_cast<pid_t>(pid->integer()));
    return alive && std::cmp_equal(*alive, ticks->integer());
}

bool is_own(const json::Value& line)
{
    const auto* const pid = line.find("pid");
    return is_taken(line) && pid->integer() == ::getpid();
}

void mark_taken(json::Object& line)
{
    line["pid"] = ::getpid();
    line["pid_started"] = start_ticks(::getpid()).value_or(0);
}

void mark_free(json::Object& line)
{
    for (const auto* const key : {"state", "pid", "pid_started", "started"}) {
        line.erase(key);
    }
}

/// What a writer without our lock added to the file while we wrote its successor.
std::string added_meanwhile(int old_file, std::size_t known)
{
    struct stat now {};
    if (::fstat(old_file, &now) != 0 || std::cmp_less_equal(now.st_size, known)) {
        return {};
    }
    std::string tail(static_cast<std::size_t>(now.st_size) - known, '\0');
    const auto got = ::pread(old_file, tail.data(), tail.size(), static_cast<off_t>(known));
    tail.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return tail;
}

void append(const fs::path& file, const std::string& line)
{
    const UniqueFd fd{::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                             mode_of_a_new_file)};
    struct stat before {};
    if (!fd || ::fstat(fd.get(), &before) != 0) {
        throw os_error(errno, fmt::format("open {}", file.native()));
    }
    char last = '\n';
    const bool is_torn =
        before.st_size > 0 && ::pread(fd.get(), &last, 1, before.st_size - 1) == 1 && last != '\n';
    try {
        write_all(fd.get(), fmt::format("{}{}\n", is_torn ? "\n" : "", line), file.native());
        if (::fsync(fd.get()) != 0) {
            throw os_error(errno, fmt::format("sync {}", file.native()));
        }
    } catch (const Error&) { // no half line may stay, if the disk lets us
        static_cast<void>(::ftruncate(fd.get(), before.st_size) == 0);
        throw;
    }
    if (before.st_size == 0) {
        sync_directory(file.parent_path());
    }
}

} // namespace

ExportList::ExportList(fs::path list, fs::path failed)
    : m_list{std::move(list)}, m_failed{std::move(failed)}
{
}

void ExportList::edit(const std::function<bool(Lines&)>& change) const
{
    if (!fs::exists(m_list.parent_path())) {
        return; // nobody has asked for anything yet
    }
    const FileLock lock{m_list.native() + ".lock", lock_patience};
    const UniqueFd old_file{::open(m_list.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    if (!old_file && errno == ENOENT) {
        return;
    }
    struct stat status {};
    if (!old_file || ::fstat(old_file.get(), &status) != 0) {
        throw os_error(errno, fmt::format("open {}", m_list.native()));
    }
    const auto before = read_file(m_list);
    Lines lines;
    for (const auto part : split(before, '\n')) {
        lines.emplace_back(part);
    }
    if (!change(lines)) {
        return;
    }
    store::AtomicFile file{m_list};
    file.set_mode(status.st_mode & 07777U);
    file.set_owner_like(status);
    file.write(fmt::format("{}", fmt::join(lines, "\n")));
    file.commit();
    if (const auto tail = added_meanwhile(old_file.get(), before.size()); !tail.empty()) {
        const bool has_end = tail.back() == '\n';
        append(m_list, tail.substr(0, tail.size() - (has_end ? 1 : 0)));
    }
}

ExportList::Added ExportList::add(const ExportJob& job, TimePoint now) const
{
    make_directories(m_list.parent_path());
    const FileLock lock{m_list.native() + ".lock", lock_patience};
    const auto line = as_line(job, now);
    const auto id = id_of(line);
    const auto before = read_file_if_any(m_list).value_or("");
    for (const auto part : split(before, '\n')) {
        const auto other = parsed(std::string{part});
        if (other && id_of(*other) == id) {
            return Added::was_there;
        }
    }
    append(m_list, json::write(line));
    return Added::yes;
}

ExportList::Listing ExportList::read() const
{
    Listing listing;
    const auto text = read_file_if_any(m_list).value_or("");
    for (const auto part : split(text, '\n')) {
        if (trimmed(part).empty()) {
            continue;
        }
        const auto line = parsed(std::string{part});
        try {
            auto job = read_job(line.value_or(json::Value{}));
            if (job.state == ExportJob::State::running && !is_taken(*line)) {
                job.state = ExportJob::State::queued;
            }
            listing.jobs.push_back(std::move(job));
        } catch (const Error&) {
            ++listing.unreadable;
        }
    }
    const auto failed = read_file_if_any(m_failed).value_or("");
    const auto lines = split(failed, '\n');
    listing.failed = static_cast<std::size_t>(
        std::ranges::count_if(lines, [](std::string_view line) { return !trimmed(line).empty(); }));
    return listing;
}

std::optional<ExportJob> ExportList::claim(const Wish& wish) const
{
    std::optional<ExportJob> claimed;
    edit([&](Lines& lines) {
        std::set<std::string> taken;
        struct Candidate {
            std::size_t index;
            json::Value line;
            ExportJob job;
        };
        std::vector<Candidate> candidates;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            auto line = parsed(lines[i]);
            if (line && is_taken(*line)) {
                taken.insert(id_of(*line));
            } else if (line) {
                try {
                    auto job = read_job(*line);
                    candidates.push_back({i, std::move(*line), std::move(job)});
                } catch (const Error& e) {
                    log::warn("export_line_unreadable", {{"line", i + 1}, {"reason", e.what()}});
                }
            }
        }
        std::erase_if(candidates, [&](const Candidate& candidate) {
            const auto& job = candidate.job;
            return taken.contains(job.id) || wish.without.contains(job.id)
                   || (wish.id ? job.id != *wish.id
                               : is_awaited(job.not_before.value_or(TimePoint{}), wish.now,
                                            wish.longest_wait));
        });
        const auto rank = [&](const Candidate& candidate) {
            const auto last = wish.last.find(candidate.job.project);
            return std::tuple{candidate.job.attempts + candidate.job.interrupted,
                              last == wish.last.end() ? std::int64_t{0} : last->second,
                              candidate.index};
        };
        const auto best = std::ranges::min_element(
            candidates, [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
        if (best == candidates.end()) {
            return false;
        }
        auto& object = best->line.object();
        if (best->job.state == ExportJob::State::running) { // of a dead process
            object["interrupted"] = ++best->job.interrupted;
        }
        if (best->job.state != ExportJob::State::mailing) {
            object["state"] = "running";
        }
        object["started"] = iso8601_utc(wish.now);
        if (best->job.is_mailed() && best->job.token.empty()) {
            best->job.token = to_hex(random_bytes(token_bytes));
            object["token"] = best->job.token;
        }
        mark_taken(object);
        lines[best->index] = json::write(best->line);
        claimed = std::move(best->job);
        return true;
    });
    return claimed;
}

void ExportList::edit_own(
    const ExportJob& job,
    const std::function<std::optional<json::Object>(json::Object)>& change) const
{
    edit([&](Lines& lines) {
        for (auto& text : lines) {
            const auto line = parsed(text);
            if (!line || !is_own(*line) || id_of(*line) != job.id) {
                continue;
            }
            if (const auto changed = change(line->object())) {
                text = json::write(*changed);
            } else {
                lines.erase(lines.begin() + (&text - lines.data()));
            }
            return true;
        }
        return false;
    });
}

void ExportList::mark_mailing(const ExportJob& job) const
{
    edit_own(job, [](json::Object line) {
        line["state"] = "mailing";
        return std::optional{std::move(line)};
    });
}

void ExportList::finish(const ExportJob& job) const
{
    edit([&](Lines& lines) {
        return std::erase_if(lines,
                             [&](const std::string& text) {
                                 const auto line = parsed(text);
                                 return line && id_of(*line) == job.id
                                        && (is_own(*line) || !is_taken(*line));
                             })
               > 0;
    });
}

void ExportList::release(const ExportJob& job) const
{
    edit_own(job, [&](json::Object line) {
        mark_free(line);
        line["downloadAttempts"] = job.attempts;
        line["postponed"] = job.postponed;
        line["last_error"] = job.last_error;
        if (job.not_before) {
            line["not_before"] = epoch_seconds(*job.not_before);
        }
        return std::optional{std::move(line)};
    });
}

void ExportList::give_up(const ExportJob& job, TimePoint now) const
{
    edit_own(job, [&](json::Object line) -> std::optional<json::Object> {
        mark_free(line);
        line.erase("not_before");
        line["downloadAttempts"] = job.attempts;
        line["last_error"] = job.last_error;
        line["failed"] = iso8601_utc(now);
        const auto given_up = read_file_if_any(m_failed).value_or("");
        for (const auto part : split(given_up, '\n')) {
            const auto other = parsed(std::string{part});
            if (other && id_of(*other) == job.id
                && other->text("requested") == json::Value{line}.text("requested")) {
                return std::nullopt; // crashed in between
            }
        }
        append(m_failed, json::write(line));
        return std::nullopt;
    });
}

} // namespace fiona::exports
