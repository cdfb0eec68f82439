// SPDX-License-Identifier: MIT
#include "libfiona/store/shared_list.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/store/atomic_file.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <set>
#include <utility>
#include <vector>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::minutes torn_line_age{1};
constexpr std::chrono::hours writer_time_limit{1}; // nobody keeps the list open for writing so long
// Who has looked up the name just before it meant another file has opened it by then.
constexpr std::chrono::seconds opening_time{1};

struct stat status_of(const UniqueFd& file, const fs::path& name)
{
    struct stat status {};
    if (!file || ::fstat(file.get(), &status) != 0) {
        throw os_error(errno, fmt::format("look at {}", name.native()));
    }
    return status;
}

/// A read lease is granted only while nobody has the file open for writing. Some file systems know none,
/// and a file of somebody else may not have one of ours: nobody can tell.
bool may_have_writer(const UniqueFd& file)
{
    // Who opens it for writing in between breaks the lease, and SIGIO, the signal of that, would end us.
    // SIGURG is ignored by default.
    if (::fcntl(file.get(), F_SETSIG, SIGURG) != 0) {
        return true;
    }
    if (::fcntl(file.get(), F_SETLEASE, F_RDLCK) != 0) {
        return true;
    }
    ::fcntl(file.get(), F_SETLEASE, F_UNLCK);
    return false;
}

/// What an open file holds from `offset` on.
std::string content_of(const UniqueFd& file, std::size_t offset, const fs::path& name)
{
    const auto size = static_cast<std::size_t>(status_of(file, name).st_size);
    std::string text(size > offset ? size - offset : 0, '\0');
    std::size_t done = 0;
    while (done < text.size()) {
        const auto got = ::pread(file.get(), text.data() + done, text.size() - done,
                                 static_cast<off_t>(offset + done));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw os_error(errno, fmt::format("read {}", name.native()));
        }
        if (got == 0) {
            break;
        }
        done += static_cast<std::size_t>(got);
    }
    text.resize(done);
    return text;
}

TimePoint time_of(const timespec& time)
{
    return Clock::from_time_t(time.tv_sec);
}

/// Whether `line` is the last line of `text`, ended or not.
bool ends_in_line(std::string_view text, std::string_view line)
{
    text.remove_suffix(text.ends_with('\n') ? 1 : 0);
    return !line.empty() && text.ends_with(line)
           && (text.size() == line.size() || text[text.size() - line.size() - 1] == '\n');
}

/// Takes back what was written behind `offset`, unless somebody without our lock has appended as well.
void take_back(const UniqueFd& file, off_t offset, std::string_view written, const fs::path& name)
{
    if (written.starts_with(content_of(file, static_cast<std::size_t>(offset), name))) {
        static_cast<void>(::ftruncate(file.get(), offset) == 0);
    }
}

} // namespace

void append_lines(const fs::path& file, std::string_view lines, mode_t mode)
{
    const UniqueFd fd{
        ::open(file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, mode)};
    const auto before = status_of(fd, file).st_size;
    char last = '\n';
    if (before > 0 && ::pread(fd.get(), &last, 1, before - 1) != 1) {
        throw os_error(errno, fmt::format("read {}", file.native()));
    }
    const auto text = fmt::format("{}{}", last == '\n' ? "" : "\n", lines);
    try {
        write_all(fd.get(), text, file.native());
        if (::fsync(fd.get()) != 0) {
            throw os_error(errno, fmt::format("sync {}", file.native()));
        }
    } catch (const Error&) { // no half line may stay, if the disk lets us
        try {
            take_back(fd, before, text, file);
        } catch (const Error& e) {
            log::debug("half_line_left", {{"file", file.native()}, {"reason", e.what()}});
        }
        throw;
    }
    if (before == 0) {
        sync_directory(file.parent_path());
    }
}

SharedList::SharedList(fs::path file, mode_t mode) : m_file{std::move(file)}, m_mode{mode} {}

void SharedList::append(std::string_view lines) const
{
    append_lines(m_file, lines, m_mode);
}

std::string SharedList::name_prefix() const
{
    return fmt::format(".{}.", m_file.filename().native());
}

fs::path SharedList::old_file(std::size_t bytes, std::string_view inode) const
{
    return m_file.parent_path() / fmt::format("{}{}.{}.old", name_prefix(), bytes, inode);
}

void SharedList::replace(std::string_view before, std::string_view after, TimePoint now,
                         Time time) const
{
    UniqueFd old{::open(m_file.c_str(), O_RDONLY | O_CLOEXEC)};
    const bool is_new = !old && errno == ENOENT;
    if (is_new) { // there must be one to keep: somebody else may make it in the same moment
        old = UniqueFd{::open(m_file.c_str(), O_RDONLY | O_CREAT | O_CLOEXEC, m_mode)};
    }
    const bool is_closed = !may_have_writer(old); // asked before its end is looked for
    const auto status = status_of(old, m_file);
    const bool has_grown = static_cast<std::size_t>(status.st_size) > before.size();
    // A last line without an end may be half written. It stays where its writer has it, and is brought over.
    if (const auto half = before.substr(before.rfind('\n') + 1);
        (has_grown || !is_closed) && ends_in_line(after, half)) {
        after = after.substr(0, after.rfind(half));
        before.remove_suffix(half.size());
    }
    const auto keep = old_file(before.size(), std::to_string(status.st_ino));
    const bool is_kept =
        ::linkat(AT_FDCWD, m_file.c_str(), AT_FDCWD, keep.c_str(), AT_SYMLINK_FOLLOW) == 0
        || errno == EEXIST;
    // That of somebody else, which we may not write, may have no link of ours; nor every file system.
    if (!is_kept && errno != EPERM && errno != EXDEV && errno != EOPNOTSUPP) {
        throw os_error(errno, fmt::format("keep the old {}", m_file.native()));
    }
    AtomicFile file{m_file, m_mode};
    file.set_mode(is_new ? m_mode : status.st_mode & 07777U);
    file.set_owner_like(status);
    file.write(after);
    if (time == Time::kept && !is_new) {
        file.set_time_like(status);
    }
    file.commit();
    try {
        if (!is_kept) {
            append_unknown(content_of(old, before.size(), m_file));
        }
        bring_over(now);
    } catch (const Error& e) { // the change is made; the next one looks again
        log::warn("old_list_left", {{"file", m_file.native()}, {"reason", e.what()}});
    }
}

void SharedList::bring_over(TimePoint now) const
{
    const auto prefix = name_prefix();
    std::vector<fs::path> olds;
    try {
        for (const auto& entry : fs::directory_iterator{m_file.parent_path()}) {
            const auto name = entry.path().filename().native();
            if (name.starts_with(prefix) && name.ends_with(".old")) {
                olds.push_back(entry.path());
            }
        }
        std::ranges::sort(olds);
        for (const auto& old : olds) {
            bring_over(old, now);
        }
    } catch (const fs::filesystem_error& e) {
        throw os_error(e.code().value(),
                       fmt::format("look after the lists before {}", m_file.native()));
    }
}

void SharedList::bring_over(const fs::path& old, TimePoint now) const
{
    const auto name = old.filename().native();
    const auto numbers = split(std::string_view{name}.substr(name_prefix().size()), '.');
    const auto bytes = read_number<std::size_t>(numbers.front());
    if (!bytes || numbers.size() != 3) {
        return; // not ours
    }
    auto known = *bytes;
    const UniqueFd file{::open(old.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
    const auto kept = status_of(file, old);
    struct stat list {};
    if (::stat(m_file.c_str(), &list) == 0 && list.st_ino == kept.st_ino
        && list.st_dev == kept.st_dev) { // killed before there was a new list
        fs::remove(old);
        return;
    }
    const bool is_closed = !may_have_writer(file); // asked before its end is looked for
    const auto tail = content_of(file, known, old);
    const bool has_rest = is_closed || now - time_of(kept.st_mtim) > torn_line_age;
    const auto taken = has_rest ? tail.size() : tail.rfind('\n') + 1; // a line may be half written
    if (taken > 0) {
        append_unknown(std::string_view{tail}.substr(0, taken));
        known += taken;
        fs::rename(old, old_file(known, numbers[1]));
    } else if (tail.empty()
               && now - time_of(kept.st_ctim)
                      > (is_closed ? std::chrono::seconds{opening_time} : writer_time_limit)) {
        fs::remove(old);
    }
}

/// A run that was killed may have appended some of them.
void SharedList::append_unknown(std::string_view tail) const
{
    const auto text = read_file_if_any(m_file).value_or("");
    const auto lines = split(text, '\n');
    const std::set<std::string_view> known{lines.begin(), lines.end()};
    std::string unknown;
    for (const auto line : split(tail, '\n')) {
        if (!line.empty() && !known.contains(line)) {
            unknown += fmt::format("{}\n", line);
        }
    }
    if (!unknown.empty()) {
        append(unknown);
    }
}

} // namespace fiona::store
