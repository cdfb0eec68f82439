// SPDX-License-Identifier: MIT
#include "libfiona/transfer/journal.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace fiona::transfer {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::hours meaningful_age{24};
constexpr std::string_view failure_line = "failed";
constexpr std::string_view stored_start = "stored ";
constexpr std::string_view stored_end = " ok"; // without it the line was cut short by a crash

/// By what is asked for, not by how the file is called: old tools name requests in other ways.
fs::path file_of(const Paths& paths, const store::TransferRequest& request)
{
    return paths.state() / "transfers" / (request.file_name() + ".sent");
}

bool is_recent(const fs::path& file, TimePoint now)
{
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0
           && Clock::from_time_t(status.st_mtime) + meaningful_age > now;
}

std::string key_of(const std::string& series, const std::string& sop)
{
    return series + " " + sop;
}

} // namespace

Journal::Journal(const Paths& paths, const store::TransferRequest& request, TimePoint now)
    : m_file{file_of(paths, request)}, m_head{"request " + sha256_hex(json::write(request.content))}
{
    const auto text = is_recent(m_file, now) ? read_file_if_any(m_file).value_or("") : "";
    const auto lines = split(text, '\n');
    if (lines.front() != m_head || lines.size() < 2) {
        return;
    }
    m_started = true;
    m_is_torn = !lines.back().empty();
    for (const auto line : lines) {
        if (line == failure_line) {
            ++m_failures;
        } else if (line.starts_with(stored_start) && line.ends_with(stored_end)) {
            const auto length = line.size() - stored_start.size() - stored_end.size();
            m_stored.emplace(line.substr(stored_start.size(), length));
        }
    }
}

bool Journal::is_stored(const std::string& series, const std::string& sop) const
{
    return m_stored.contains(key_of(series, sop));
}

void Journal::note_stored(const std::string& series, const std::string& sop)
{
    append(fmt::format("{}{}{}", stored_start, key_of(series, sop), stored_end));
    m_stored.insert(key_of(series, sop));
}

void Journal::note_failure()
{
    append(std::string{failure_line});
    ++m_failures;
}

void Journal::append(const std::string& line)
{
    std::string text = (m_is_torn ? "\n" : "") + line + "\n";
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC;
    if (!m_started) { // nothing is there, or what is there means nothing
        make_directories(m_file.parent_path());
        text = m_head + "\n" + text;
        flags |= O_TRUNC;
    }
    const UniqueFd fd{::open(m_file.c_str(), flags, 0640)};
    if (!fd) {
        throw os_error(errno, "open the journal of a transfer");
    }
    // No sync: a lost line after a power loss only means that an object is sent twice.
    write_all(fd.get(), text, "the journal of a transfer");
    m_started = true;
    m_is_torn = false;
}

void Journal::remove(const Paths& paths, const store::TransferRequest& request)
{
    if (::unlink(file_of(paths, request).c_str()) != 0 && errno != ENOENT) {
        throw os_error(errno, "remove the journal of a transfer");
    }
}

} // namespace fiona::transfer
