// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_archive.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcuid.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <vector>

namespace fiona::pacs {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t max_open_studies = 16;

UniqueFd open_directory(int parent, const char* name)
{
    return UniqueFd{::openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)};
}

void sync(int fd, std::string_view what)
{
    if (::fsync(fd) != 0) {
        throw os_error(errno, fmt::format("sync {}", what));
    }
}

/// pread(2) of exactly `count` bytes unless the file ends before.
std::size_t read_at(int fd, std::vector<char>& block, std::uint64_t offset)
{
    std::size_t filled = 0;
    while (filled < block.size()) {
        const auto got = ::pread(fd, block.data() + filled, block.size() - filled,
                                 static_cast<off_t>(offset + filled));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw os_error(errno, "read an archived object");
        }
        if (got == 0) {
            break;
        }
        filled += static_cast<std::size_t>(got);
    }
    return filled;
}

/// RENAME_NOREPLACE where the file system has it; the answer is errno, 0 for success.
int rename_new(const fs::path& from, int directory, const char* name)
{
    if (::renameat2(AT_FDCWD, from.c_str(), directory, name, RENAME_NOREPLACE) == 0) {
        return 0;
    }
    if (errno != EINVAL && errno != ENOSYS) {
        return errno;
    }
    if (::faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
        return EEXIST;
    }
    return ::renameat(AT_FDCWD, from.c_str(), directory, name) == 0 ? 0 : errno;
}

/// Waits for the shared lock. A file system without locks has no janitor either: he needs his own.
void share(int fd)
{
    while (::flock(fd, LOCK_SH) != 0 && errno == EINTR) {
    }
}

/// Whether `name` still leads to the directory `fd`.
bool is_named(int fd, int parent, const char* name)
{
    struct stat ours {};
    struct stat named {};
    return ::fstat(fd, &ours) == 0 && ::fstatat(parent, name, &named, AT_SYMLINK_NOFOLLOW) == 0
           && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

std::string server_made_name()
{
    static std::atomic<unsigned> counter{0};
    const auto now =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch());
    return fmt::format("{:019}.{}.{}.dcm", now.count(), ::getpid(), counter++);
}

} // namespace

std::string archive_name(std::string_view sop_class, const SopInstanceUid& sop)
{
    return fmt::format("{}.{}", dcmSOPClassUIDToModality(std::string{sop_class}.c_str(), "UNKNOWN"),
                       sop);
}

bool is_same_object(int fd, const dicom::Prescan& scan, int other_fd)
{
    try {
        const auto other = dicom::prescan(other_fd);
        const auto length = scan.file_bytes - scan.data_set_offset;
        if (other.transfer_syntax != scan.transfer_syntax
            || other.file_bytes - other.data_set_offset != length) {
            return false;
        }
        constexpr std::size_t block_bytes = 131072;
        std::vector<char> ours(block_bytes);
        std::vector<char> theirs(block_bytes);
        for (std::uint64_t at = 0; at < length; at += block_bytes) {
            const auto count = read_at(fd, ours, scan.data_set_offset + at);
            if (read_at(other_fd, theirs, other.data_set_offset + at) != count
                || std::memcmp(ours.data(), theirs.data(), count) != 0) {
                return false;
            }
        }
        return true;
    } catch (const Error& e) {
        if (e.fault() == Fault::data) {
            return false; // what lies there is no readable object: the new one is better
        }
        throw;
    }
}

Archive::Archive(const Config& config)
    : m_config{config}, m_spool{config.paths.spool()}, m_marks{config.paths.arrived()},
      m_archive{open_directory(AT_FDCWD, config.paths.archive().c_str())}
{
    if (!m_archive) {
        throw os_error(errno, fmt::format("open {}", config.paths.archive().native()));
    }
}

bool Archive::is_durable() const
{
    return m_config.receiver.durability != ReceiverConfig::Durability::none;
}

/// The directory of the study, made if it is missing. Its descriptor stays open: it is synced once
/// per object. The shared lock on it keeps the janitor off (cleanup/study_removal.h).
int Archive::study_directory(const StudyUid& study)
{
    if (const auto known = m_studies.find(study); known != m_studies.end()) {
        return known->second.get();
    }
    const auto name = "scp_" + study.str();
    for (;;) {
        if (::mkdirat(m_archive.get(), name.c_str(), 0750) == 0) {
            if (is_durable()) {
                sync(m_archive.get(), "the archive");
            }
        } else if (errno != EEXIST) {
            throw os_error(errno, "make the directory of a study");
        }
        auto fd = open_directory(m_archive.get(), name.c_str());
        if (!fd && errno == ENOENT) {
            continue; // removed in between
        }
        if (!fd) {
            throw os_error(errno, "open the directory of a study");
        }
        share(fd.get());
        if (!is_named(fd.get(), m_archive.get(), name.c_str())) {
            continue; // the janitor had it: what we opened is in the trash
        }
        if (m_studies.size() >= max_open_studies) {
            m_studies.clear();
        }
        return m_studies.emplace(study, std::move(fd)).first->second.get();
    }
}

Stored Archive::publish(PartFile& part, const ArchivedObject& object, const std::string& name)
{
    int directory = study_directory(object.study);
    int problem = rename_new(part.path(), directory, name.c_str());
    if (problem == ENOENT) { // a janitor removed the empty directory that we hold open
        m_studies.erase(object.study);
        directory = study_directory(object.study);
        problem = rename_new(part.path(), directory, name.c_str());
    }
    auto stored = Stored::created;
    if (problem == EEXIST) {
        const UniqueFd old{
            ::openat(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
        if (old && is_same_object(part.fd(), object.scan, old.get())) {
            stored = Stored::duplicate; // the part is removed with its owner
        } else {
            stored = Stored::replaced;
            problem =
                ::renameat(AT_FDCWD, part.path().c_str(), directory, name.c_str()) == 0 ? 0 : errno;
        }
    }
    if (problem != 0 && stored != Stored::duplicate) {
        throw os_error(problem, "move an object into the archive");
    }
    if (stored != Stored::duplicate) {
        part.moved_away();
    }
    // For a duplicate too: whoever stored the first one may have died before this very line.
    if (is_durable()) {
        sync(directory, "the directory of a study");
    }
    return stored;
}

void Archive::announce(const ArchivedObject& object, const std::string& name,
                       const ReceiverPeer& peer)
{
    // First the note that the study is still arriving, so that nobody finds it quiet in between.
    if (m_noted.insert(object.study).second) {
        m_marks.open_association(peer.association, object.study);
    }
    m_spool.add({Clock::now(), peer.caller, peer.called, peer.host, peer.address,
                 m_config.paths.archive() / ("scp_" + object.study.str()), name, object.study,
                 object.series, object.sop, object.scan.sop_class, object.scan.transfer_syntax,
                 object.scan.file_bytes, peer.association},
                m_config.receiver.durability == ReceiverConfig::Durability::full
                    ? store::Spool::Sync::yes
                    : store::Spool::Sync::no);
    m_marks.touch({peer.caller, peer.called, peer.host, object.study, std::nullopt});
    ring_doorbell();
}

/// One line end into the processor's FIFO. Nobody there, or a full pipe, is no error: the
/// processor also looks by itself every few seconds.
void Archive::ring_doorbell()
{
    if (!m_doorbell) {
        m_doorbell = UniqueFd{::open((m_spool.directory() / "doorbell").c_str(),
                                     O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC)};
        struct stat status {};
        if (m_doorbell && (::fstat(m_doorbell.get(), &status) != 0 || !S_ISFIFO(status.st_mode))) {
            m_doorbell = UniqueFd{};
        }
    }
    if (m_doorbell && ::write(m_doorbell.get(), "\n", 1) < 0 && errno != EAGAIN) {
        m_doorbell = UniqueFd{}; // the reader is gone; perhaps another one comes
    }
}

Stored Archive::store(PartFile& part, const ArchivedObject& object, const ReceiverPeer& peer)
{
    if (is_durable()) {
        part.sync();
    } else {
        part.flush();
    }
    if (part.error_number() != 0) {
        throw os_error(part.error_number(), "write an object");
    }
    const auto name = archive_name(object.scan.sop_class, object.sop);
    const auto stored = publish(part, object, name);
    announce(object, name, peer);
    return stored;
}

bool Archive::set_aside(PartFile& part, std::string_view reason, std::string_view detail,
                        const ReceiverPeer& peer) const noexcept
{
    try {
        const auto directory = m_config.paths.rejected() / reason;
        make_directories(directory);
        const auto target = directory / server_made_name();
        part.flush();
        if (part.error_number() != 0 || ::rename(part.path().c_str(), target.c_str()) != 0) {
            return false;
        }
        part.moved_away();
        const UniqueFd fd{::open((target.native() + ".reason").c_str(),
                                 O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640)};
        if (fd) {
            write_all(fd.get(),
                      json::write(json::Object{{"v", 1},
                                               {"received", iso8601_utc(Clock::now())},
                                               {"reason", reason},
                                               {"detail", detail},
                                               {"caller", peer.caller},
                                               {"called", peer.called},
                                               {"host", peer.host},
                                               {"address", peer.address},
                                               {"assoc", peer.association}})
                          + "\n",
                      "the reason of a refusal");
        }
        return true;
    } catch (const std::exception& e) {
        log::warn("object_not_kept", {{"reason", e.what()}});
        return false;
    }
}

void Archive::end_association(const std::string& association) const
{
    m_marks.close_association(association);
}

} // namespace fiona::pacs
