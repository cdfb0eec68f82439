// SPDX-License-Identifier: MIT
#include "libfiona/transfer/audit.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

namespace fiona::transfer {

AuditLog::AuditLog(const Paths& paths) : m_file{paths.logs() / "transfers-audit.jsonl"} {}

void AuditLog::append(const json::Value& record) const
{
    make_directories(m_file.parent_path());
    const UniqueFd fd{::open(m_file.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0640)};
    if (!fd) {
        throw os_error(errno, "open the audit of transfers");
    }
    // A line that a crash or a full disk cut short must not swallow this one.
    char last = '\n';
    const auto end = ::lseek(fd.get(), 0, SEEK_END);
    if (end > 0) {
        static_cast<void>(::pread(fd.get(), &last, 1, end - 1));
    }
    write_all(fd.get(), (last == '\n' ? "" : "\n") + json::write(record) + "\n",
              "the audit of transfers");
    if (::fdatasync(fd.get()) != 0) {
        throw os_error(errno, "sync the audit of transfers");
    }
}

bool AuditLog::has(const std::string& id) const
{
    std::ifstream lines{m_file};
    const auto quoted = R"("id":")" + id + "\"";
    for (std::string line; std::getline(lines, line);) {
        if (line.find(quoted) != std::string::npos && line.ends_with('}')) {
            return true;
        }
    }
    return false;
}

} // namespace fiona::transfer
