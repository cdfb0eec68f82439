// SPDX-License-Identifier: MIT
#include "libfiona/export/progress_file.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/log.h"
#include "libfiona/store/atomic_file.h"

#include <system_error>

namespace fiona::exports {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

namespace {

fs::path folder_of(const fs::path& packages)
{
    return packages / ".status";
}

} // namespace

ProgressFile::ProgressFile(const fs::path& packages, const std::string& job)
    : m_file{folder_of(packages) / (job + ".json")}, m_started{Clock::now()},
      m_begin{steady_clock::now()}
{
    make_directories(folder_of(packages));
}

void ProgressFile::set_state(std::string_view state, std::string_view error)
{
    m_state = state;
    m_error = error;
    write();
}

void ProgressFile::set_counts(std::size_t received, std::size_t expected)
{
    m_received = received;
    m_expected = expected;
    if (steady_clock::now() >= m_next) {
        write();
    }
}

void ProgressFile::set_bytes(std::uint64_t bytes)
{
    m_bytes = bytes;
}

std::chrono::seconds ProgressFile::elapsed() const
{
    return std::chrono::round<std::chrono::seconds>(steady_clock::now() - m_begin);
}

void ProgressFile::write()
{
    m_next = steady_clock::now() + std::chrono::seconds{1};
    const json::Object document{{"state", m_state},
                                {"received", m_received},
                                {"expected", m_expected},
                                {"bytes", m_bytes},
                                {"started", iso8601_utc(m_started)},
                                {"updated", iso8601_utc(Clock::now())},
                                {"error", m_error}};
    try {
        store::write_file(m_file, json::write(document) + "\n");
    } catch (const Error& e) { // it is for people to look at: no reason to fail
        log::warn("progress_not_written", {{"reason", e.what()}});
    }
}

void ProgressFile::sweep(const fs::path& packages, std::chrono::hours age)
{
    std::error_code problem;
    const auto limit = fs::file_time_type::clock::now() - age;
    for (const auto& entry : fs::directory_iterator{folder_of(packages), problem}) {
        const auto changed = entry.last_write_time(problem);
        if (!problem && changed < limit && entry.is_regular_file(problem)) {
            fs::remove(entry.path(), problem);
        }
    }
}

} // namespace fiona::exports
