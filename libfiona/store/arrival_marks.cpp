// SPDX-License-Identifier: MIT
#include "libfiona/store/arrival_marks.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <csignal>
#include <cstdio>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view study_prefix = "scp_";
constexpr std::size_t max_uid_bytes = 64;
constexpr std::size_t max_field_bytes = 41;
static_assert(3 * (max_field_bytes + 1) + max_uid_bytes + 1 + max_uid_bytes <= NAME_MAX,
              "three fields and two UIDs must fit into a file name");

/// The part of `text` after its last blank; `text` keeps what stands before it.
std::string_view take_last_field(std::string_view& text)
{
    const auto at = text.rfind(' ');
    const auto field = at == std::string_view::npos ? text : text.substr(at + 1);
    text = at == std::string_view::npos ? std::string_view{} : text.substr(0, at);
    return field;
}

std::vector<std::string> names_in(const fs::path& directory)
{
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator{directory}) {
        names.push_back(entry.path().filename().native());
    }
    return names;
}

/// What is gone meanwhile is nobody's fault.
void move(const fs::path& from, const fs::path& to, std::string_view doing)
{
    if (::rename(from.c_str(), to.c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, doing);
    }
}

bool is_alive(std::string_view association)
{
    pid_t pid = 0;
    std::from_chars(association.data(), association.data() + association.size(), pid);
    return pid > 0 && (::kill(pid, 0) == 0 || errno == EPERM);
}

} // namespace

TimePoint modification_time(const struct stat& status)
{
    return TimePoint{std::chrono::duration_cast<Clock::duration>(
        std::chrono::seconds{status.st_mtim.tv_sec}
        + std::chrono::nanoseconds{status.st_mtim.tv_nsec})};
}

std::string ArrivalMark::file_name() const
{
    const auto field = [](const std::string& text) {
        return percent_encoded(text, max_field_bytes);
    };
    const auto peer = fmt::format("{} {} {}", field(caller), field(called), field(host));
    return series ? fmt::format("{} {} {}", peer, study, *series)
                  : fmt::format("{} {}{}", peer, study_prefix, study);
}

std::optional<ArrivalMark> ArrivalMark::parse(std::string_view file_name)
{
    auto rest = file_name;
    auto last = take_last_field(rest);
    std::optional<SeriesUid> series;
    std::string_view study = last;
    if (last.starts_with(study_prefix)) {
        study.remove_prefix(study_prefix.size());
    } else {
        if (!is_uid(last)) {
            return std::nullopt;
        }
        series = SeriesUid{std::string{last}};
        study = take_last_field(rest);
        if (study.starts_with(study_prefix)) { // a few old writers kept the prefix here too
            study.remove_prefix(study_prefix.size());
        }
    }
    const auto host = take_last_field(rest);
    if (!is_uid(study) || host.empty() || rest.empty()) {
        return std::nullopt;
    }
    // Old names may hold blanks inside the two AE titles: nobody can tell where, so the first
    // blank separates.
    const auto blank = rest.find(' ');
    const auto caller = rest.substr(0, blank);
    const auto called =
        blank == std::string_view::npos ? std::string_view{} : rest.substr(blank + 1);
    return ArrivalMark{percent_decoded(caller), percent_decoded(called), percent_decoded(host),
                       StudyUid{std::string{study}}, std::move(series)};
}

ArrivalMarks::ArrivalMarks(fs::path directory) : m_directory{std::move(directory)}
{
    for (const auto* const name : {".work", ".failed", ".open", ".state"}) {
        make_directories(m_directory / name);
    }
}

void ArrivalMarks::touch(const ArrivalMark& mark) const
{
    const auto path = m_directory / mark.file_name();
    const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0640)};
    if (!fd || ::futimens(fd.get(), nullptr) != 0) {
        throw os_error(errno, "touch an arrival mark");
    }
}

std::vector<ArrivalMarks::Found> ArrivalMarks::all() const
{
    std::vector<Found> found;
    for (const auto& entry : fs::directory_iterator{m_directory}) {
        const auto name = entry.path().filename().native();
        struct stat status {};
        if (name.front() == '.' || ::lstat(entry.path().c_str(), &status) != 0
            || !S_ISREG(status.st_mode)) {
            continue;
        }
        if (auto mark = ArrivalMark::parse(name)) {
            found.push_back({name, std::move(*mark), modification_time(status)});
        }
    }
    return found;
}

void ArrivalMarks::date(const std::string& name, TimePoint last_arrival) const
{
    const auto seconds = std::chrono::floor<std::chrono::seconds>(last_arrival);
    const std::array<timespec, 2> times{
        timespec{0, UTIME_OMIT},
        timespec{seconds.time_since_epoch().count(),
                 std::chrono::nanoseconds{last_arrival - seconds}.count()}};
    if (::utimensat(AT_FDCWD, (m_directory / name).c_str(), times.data(), AT_SYMLINK_NOFOLLOW) != 0
        && errno != ENOENT) {
        throw os_error(errno, "set the time of an arrival mark");
    }
}

std::size_t ArrivalMarks::set_strangers_aside(TimePoint limit) const
{
    std::size_t moved = 0;
    for (const auto& name : names_in(m_directory)) {
        struct stat status {};
        if (name.front() == '.' || ArrivalMark::parse(name)
            || ::lstat((m_directory / name).c_str(), &status) != 0 || !S_ISREG(status.st_mode)
            || modification_time(status) >= limit) {
            continue;
        }
        move(m_directory / name, m_directory / ".failed" / name, "set aside a file in .arrived");
        log::warn("arrival_mark_unreadable", {{"bytes", name.size()}}); // the name may be anything
        ++moved;
    }
    return moved;
}

bool ArrivalMarks::claim(const std::string& name) const
{
    if (::rename((m_directory / name).c_str(), (m_directory / ".work" / name).c_str()) == 0) {
        return true;
    }
    if (errno == ENOENT) {
        return false;
    }
    throw os_error(errno, "claim an arrival mark");
}

std::vector<std::string> ArrivalMarks::claimed() const
{
    return names_in(m_directory / ".work");
}

std::vector<std::string> ArrivalMarks::failed() const
{
    return names_in(m_directory / ".failed");
}

std::optional<TimePoint> ArrivalMarks::arrival_of(const std::string& name) const
{
    struct stat status {};
    return ::stat((m_directory / ".work" / name).c_str(), &status) == 0
               ? std::optional{modification_time(status)}
               : std::nullopt;
}

void ArrivalMarks::finish(const std::string& name) const
{
    for (const auto* const state : {".failed", ".work"}) { // .work last: until then it is repeated
        if (::unlink((m_directory / state / name).c_str()) != 0 && errno != ENOENT) {
            throw os_error(errno, "finish an arrival mark");
        }
    }
}

void ArrivalMarks::fail(const std::string& name) const
{
    move(m_directory / ".work" / name, m_directory / ".failed" / name, "set aside an arrival mark");
}

void ArrivalMarks::retry(const std::string& name) const
{
    const auto failed = m_directory / ".failed" / name;
    if (::renameat2(AT_FDCWD, failed.c_str(), AT_FDCWD, (m_directory / name).c_str(),
                    RENAME_NOREPLACE)
            == 0
        || errno == ENOENT) {
        return;
    }
    if (errno != EEXIST || ::unlink(failed.c_str()) != 0) {
        throw os_error(errno, "retry an arrival mark");
    }
}

void ArrivalMarks::open_association(const std::string& association, const StudyUid& study) const
{
    const auto path = m_directory / ".open" / association;
    const UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
    if (!fd) {
        throw os_error(errno, "note an open association");
    }
    write_all(fd.get(), study.str() + "\n", "the note of an open association");
}

void ArrivalMarks::close_association(const std::string& association) const
{
    ::unlink((m_directory / ".open" / association).c_str());
}

bool ArrivalMarks::has_open_association(const StudyUid& study) const
{
    for (const auto& entry : fs::directory_iterator{m_directory / ".open"}) {
        if (!is_alive(entry.path().filename().native())) {
            std::error_code ignored; // the next look removes it
            fs::remove(entry.path(), ignored);
            continue;
        }
        const auto text = read_file_if_any(entry.path()).value_or("");
        for (const auto line : split(text, '\n')) {
            if (line == study.str()) {
                return true;
            }
        }
    }
    return false;
}

} // namespace fiona::store
