// SPDX-License-Identifier: MIT
#include "libfiona/store/spool.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/unique_fd.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <memory>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

std::string new_name()
{
    static std::atomic<unsigned> counter{0};
    const auto now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch());
    return fmt::format("{:019}.{}.{}.json", now.count(), ::getpid(), counter++);
}

std::string as_line(const SpoolEntry& entry)
{
    return json::write(
               json::Object{{"v", 1},
                            {"received", iso8601_utc(entry.received)},
                            {"received_ns", std::chrono::duration_cast<std::chrono::nanoseconds>(
                                                entry.received.time_since_epoch())
                                                .count()},
                            {"caller", entry.caller},
                            {"called", entry.called},
                            {"host", entry.host},
                            {"address", entry.address},
                            {"dir", entry.directory.native()},
                            {"file", entry.file},
                            {"study", entry.study.str()},
                            {"series", entry.series.str()},
                            {"sop", entry.sop.str()},
                            {"sopclass", entry.sop_class},
                            {"xfer", entry.transfer_syntax},
                            {"bytes", entry.bytes},
                            {"assoc", entry.association}})
           + "\n";
}

/// Calls `visit(name)` for each visible entry until it returns false. Order as the disk gives it.
void each_name(const fs::path& directory, const auto& visit)
{
    const std::unique_ptr<DIR, int (*)(DIR*)> dir{::opendir(directory.c_str()), ::closedir};
    if (!dir) {
        throw os_error(errno, fmt::format("read {}", directory.native()));
    }
    for (;;) {
        errno = 0; // the only way to tell a failing disk from the end of the directory
        const auto* const item = ::readdir(dir.get()); // NOLINT(concurrency-mt-unsafe) own DIR
        if (item == nullptr && errno != 0) {
            throw os_error(errno, fmt::format("read {}", directory.native()));
        }
        if (item == nullptr) {
            return;
        }
        const std::string_view name{static_cast<const char*>(item->d_name)};
        if (name.front() != '.' && !visit(name)) {
            return;
        }
    }
}

std::size_t count_names(const fs::path& directory, std::size_t limit)
{
    std::size_t count = 0;
    each_name(directory, [&](std::string_view) { return ++count < limit; });
    return count;
}

} // namespace

Spool::Spool(fs::path directory) : m_directory{std::move(directory)}
{
    for (const auto* const name : {"tmp", "new", "failed"}) {
        make_directories(m_directory / name);
    }
}

void Spool::add(const SpoolEntry& entry, Sync sync) const
{
    const auto name = new_name();
    const auto temporary = m_directory / "tmp" / name;
    {
        const UniqueFd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)};
        if (!fd) {
            throw os_error(errno, "create a spool entry");
        }
        try {
            write_all(fd.get(), as_line(entry), "a spool entry");
            if (sync == Sync::yes && ::fsync(fd.get()) != 0) {
                throw os_error(errno, "sync a spool entry");
            }
        } catch (const Error&) {
            ::unlink(temporary.c_str());
            throw;
        }
    }
    if (::rename(temporary.c_str(), (m_directory / "new" / name).c_str()) != 0) {
        const int reason = errno;
        ::unlink(temporary.c_str());
        throw os_error(reason, "publish a spool entry");
    }
    if (sync == Sync::yes) {
        sync_directory(m_directory / "new");
    }
}

std::vector<std::string> Spool::waiting(std::size_t limit) const
{
    std::vector<std::string> names;
    each_name(m_directory / "new", [&](std::string_view name) {
        names.emplace_back(name);
        return true;
    });
    std::ranges::sort(names);
    names.resize(std::min(limit, names.size()));
    return names;
}

std::size_t Spool::count_waiting(std::size_t limit) const
{
    return count_names(m_directory / "new", limit);
}

std::optional<TimePoint> Spool::oldest() const
{
    std::string first;
    each_name(m_directory / "new", [&](std::string_view name) {
        if (first.empty() || name < first) {
            first = name;
        }
        return true;
    });
    std::int64_t nanoseconds = 0;
    std::from_chars(first.data(), first.data() + first.size(), nanoseconds);
    if (nanoseconds <= 0) {
        return std::nullopt;
    }
    return TimePoint{
        std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds{nanoseconds})};
}

std::size_t Spool::count_failed() const
{
    std::size_t count = 0;
    each_name(m_directory / "failed", [&](std::string_view name) {
        count += name.ends_with(".json") ? 1U : 0U;
        return true;
    });
    return count;
}

SpoolEntry Spool::read(const std::string& name) const
{
    constexpr std::size_t max_entry_bytes = 65536;
    const auto value =
        json::parse(read_file(m_directory / "new" / name, max_entry_bytes), "spool entry " + name);
    const auto* const nanoseconds = value.find("received_ns");
    const auto* const bytes = value.find("bytes");
    const auto size = bytes == nullptr ? 0 : bytes->integer();
    if (size < 0) {
        throw Error{Fault::data, "spool entry {}: a negative size", name};
    }
    const TimePoint received{std::chrono::duration_cast<Clock::duration>(
        std::chrono::nanoseconds{nanoseconds == nullptr ? 0 : nanoseconds->integer()})};
    return {received,
            value.text("caller"),
            value.text("called"),
            value.text("host"),
            value.text("address"),
            value.text("dir"),
            value.text("file"),
            StudyUid{value.text("study")},
            SeriesUid{value.text("series")},
            SopInstanceUid{value.text("sop")},
            value.text("sopclass"),
            value.text("xfer"),
            static_cast<std::uint64_t>(size),
            value.text("assoc")};
}

void Spool::remove(const std::string& name) const
{
    if (::unlink((m_directory / "new" / name).c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, fmt::format("remove spool entry {}", name));
    }
}

void Spool::give_up(const std::string& name, std::string_view reason) const
{
    const auto target = m_directory / "failed" / name;
    if (::rename((m_directory / "new" / name).c_str(), target.c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, fmt::format("set aside spool entry {}", name));
    }
    const UniqueFd fd{
        ::open((target.native() + ".err").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640)};
    if (!fd) {
        throw os_error(errno, fmt::format("write the reason of spool entry {}", name));
    }
    write_all(fd.get(), json::write(json::Object{{"reason", reason}}) + "\n", name);
}

std::size_t Spool::sweep(TimePoint now, std::chrono::seconds age) const
{
    std::size_t removed = 0;
    each_name(m_directory / "tmp", [&](std::string_view name) {
        std::int64_t nanoseconds = 0;
        std::from_chars(name.data(), name.data() + name.size(), nanoseconds);
        const TimePoint made{
            std::chrono::duration_cast<Clock::duration>(std::chrono::nanoseconds{nanoseconds})};
        if (now - made > age && ::unlink((m_directory / "tmp" / name).c_str()) == 0) {
            ++removed;
        }
        return true;
    });
    return removed;
}

} // namespace fiona::store
