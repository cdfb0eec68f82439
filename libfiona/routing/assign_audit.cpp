// SPDX-License-Identifier: MIT
#include "libfiona/routing/assign_audit.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace fiona::routing {

namespace {

constexpr std::size_t participant_digits = 16;

/// Whoever typed it: behind sudo the process is `processing`, the person stands in SUDO_USER.
std::string unix_user()
{
    const auto* const entry = ::getpwuid(::getuid()); // NOLINT(concurrency-mt-unsafe) one thread
    auto user = entry == nullptr ? std::to_string(::getuid()) : std::string{entry->pw_name};
    const auto* const person = std::getenv("SUDO_USER"); // NOLINT(concurrency-mt-unsafe) one thread
    if (person != nullptr && *person != '\0') {
        user += fmt::format(" sudo_user={}", percent_encoded(person));
    }
    return user;
}

} // namespace

void AuditLog::append(const std::vector<AuditEntry>& entries, TimePoint now) const
{
    const auto user = unix_user();
    std::string lines;
    for (const auto& entry : entries) {
        lines += fmt::format("{} user={} command={} study={} project={} participant={}\n",
                             iso8601_utc(now), user, entry.command,
                             entry.study ? log::uid_tag(entry.study->str()) : "-",
                             percent_encoded(entry.project.str()),
                             sha256_hex(entry.participant.str()).substr(0, participant_digits));
    }
    make_directories(m_file.parent_path());
    const bool is_new = ::access(m_file.c_str(), F_OK) != 0;
    const UniqueFd fd{::open(m_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640)};
    if (!fd) {
        throw os_error(errno, "open the audit log " + m_file.native());
    }
    write_all(fd.get(), lines, "the audit log"); // one write: lines of two people do not mix
    if (::fsync(fd.get()) != 0) {
        throw os_error(errno, "sync the audit log");
    }
    if (is_new) {
        sync_directory(m_file.parent_path());
    }
}

} // namespace fiona::routing
