// SPDX-License-Identifier: MIT
#include "libfiona/store/atomic_file.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

namespace fiona::store {

namespace fs = std::filesystem;

namespace {

fs::path temporary_beside(const fs::path& target)
{
    static std::atomic<unsigned> counter{0};
    return target.parent_path()
           / fmt::format(".{}.{}.{}.part", target.filename().native(), ::getpid(), counter++);
}

} // namespace

AtomicFile::AtomicFile(fs::path target, mode_t mode) : m_target{std::move(target)}
{
    // Another machine, or a container, may have our pid: a name that is there is never ours.
    do {
        m_temporary = temporary_beside(m_target);
        m_fd = UniqueFd{::open(m_temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)};
    } while (!m_fd && errno == EEXIST);
    if (!m_fd) {
        const int reason = errno;
        const auto name = std::exchange(m_temporary, {});
        throw os_error(reason, fmt::format("create {}", name.native()));
    }
}

AtomicFile::~AtomicFile()
{
    if (!m_temporary.empty()) {
        ::unlink(m_temporary.c_str());
    }
}

void AtomicFile::set_mode(mode_t mode)
{
    if (::fchmod(m_fd.get(), mode) != 0) {
        throw os_error(errno, fmt::format("set the mode of {}", m_temporary.native()));
    }
}

void AtomicFile::set_owner_like(const struct stat& other)
{
    // Both at once is refused to anybody but root even if only the group is to change.
    static_cast<void>(::fchown(m_fd.get(), other.st_uid, static_cast<gid_t>(-1)) == 0);
    static_cast<void>(::fchown(m_fd.get(), static_cast<uid_t>(-1), other.st_gid) == 0);
}

void AtomicFile::set_time_like(const struct stat& other)
{
    const std::array<timespec, 2> times{timespec{0, UTIME_OMIT}, other.st_mtim};
    if (::futimens(m_fd.get(), times.data()) != 0) {
        throw os_error(errno, fmt::format("set the time of {}", m_temporary.native()));
    }
}

void AtomicFile::write(std::string_view bytes)
{
    write_all(m_fd.get(), bytes, m_temporary.native());
}

void AtomicFile::write_over(std::uint64_t offset, std::string_view bytes)
{
    while (!bytes.empty()) {
        const auto written =
            ::pwrite(m_fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (written < 0 && errno != EINTR) {
            throw os_error(errno, fmt::format("write {}", m_temporary.native()));
        }
        if (written > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
            offset += static_cast<std::uint64_t>(written);
        }
    }
}

void AtomicFile::start_writing_back()
{
    // Only a hint: what fails here fails again when it is synced.
    static_cast<void>(::sync_file_range(m_fd.get(), 0, 0, SYNC_FILE_RANGE_WRITE));
}

void AtomicFile::sync() const
{
    if (::fsync(m_fd.get()) != 0) {
        throw os_error(errno, fmt::format("sync {}", m_temporary.native()));
    }
}

void AtomicFile::sync_parent() const
{
    sync_directory(m_target.has_parent_path() ? m_target.parent_path() : fs::path{"."});
}

void AtomicFile::rename_to_target()
{
    if (::rename(m_temporary.c_str(), m_target.c_str()) != 0) {
        throw os_error(errno, fmt::format("rename to {}", m_target.native()));
    }
    m_temporary.clear(); // nothing left to remove
}

void AtomicFile::commit()
{
    sync();
    rename_to_target();
    sync_parent();
}

void AtomicFile::publish()
{
    rename_to_target();
}

void AtomicFile::commit_new()
{
    sync();
    if (::link(m_temporary.c_str(), m_target.c_str()) != 0) {
        if (errno == EEXIST) {
            throw Error{Fault::temporary, "{} is already there", m_target.native()};
        }
        throw os_error(errno, fmt::format("link {}", m_target.native()));
    }
    ::unlink(m_temporary.c_str());
    m_temporary.clear();
    sync_parent();
}

void write_file(const fs::path& target, std::string_view bytes, mode_t mode)
{
    AtomicFile file{target, mode};
    file.write(bytes);
    file.commit();
}

} // namespace fiona::store
