// SPDX-License-Identifier: MIT
#include "libfiona/export/export_list.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
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

} // namespace

ExportList::ExportList(fs::path list, fs::path failed)
    : m_list{std::move(list), mode_of_a_new_file}, m_failed{std::move(failed)}
{
}

fs::path ExportList::lock_file() const
{
    return file().native() + ".lock";
}

void ExportList::edit(const std::function<bool(Lines&)>& change) const
{
    std::error_code unknown; // then taking the lock says it
    if (!fs::exists(file().parent_path(), unknown) && !unknown) {
        return; // nobody has asked for anything yet
    }
    if (fs::is_symlink(file(),
                       unknown)) { // made by whoever may write the folder: it could lead anywhere
        throw os_error(ELOOP, fmt::format("open {}", file().native()));
    }
    const FileLock lock{lock_file(), lock_patience};
    const auto now = Clock::now(); // it is held against the times of files
    m_list.bring_over(now);
    const auto before = read_file_if_any(file());
    if (!before) {
        return;
    }
    Lines lines;
    for (const auto part : split(*before, '\n')) {
        lines.emplace_back(part);
    }
    if (change(lines)) {
        m_list.replace(*before, fmt::format("{}", fmt::join(lines, "\n")), now);
    }
}

ExportList::Added ExportList::add(const ExportJob& job, TimePoint now) const
{
    make_directories(file().parent_path());
    const FileLock lock{lock_file(), lock_patience};
    const auto line = as_line(job, now);
    const auto id = id_of(line);
    const auto before = read_file_if_any(file()).value_or("");
    for (const auto part : split(before, '\n')) {
        const auto other = parsed(std::string{part});
        if (other && id_of(*other) == id) {
            return Added::was_there;
        }
    }
    m_list.append(json::write(line) + "\n");
    return Added::yes;
}

ExportList::Listing ExportList::read() const
{
    Listing listing;
    const auto text = read_file_if_any(file()).value_or("");
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
    for (const auto part : split(failed, '\n')) {
        if (trimmed(part).empty()) {
            continue;
        }
        ++listing.failed;
        try {
            const auto line = json::parse(part, "export job");
            listing.given_up.push_back({read_job(line), line.text("failed")});
        } catch (const Error&) { // it counts
            continue;
        }
    }
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
        store::append_lines(m_failed, json::write(line) + "\n", mode_of_a_new_file);
        return std::nullopt;
    });
}

} // namespace fiona::exports
