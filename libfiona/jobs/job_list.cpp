// SPDX-License-Identifier: MIT
#include "libfiona/jobs/job_list.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace fiona::jobs {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds lock_patience{10};
constexpr mode_t mode_of_a_new_file = 0660; // the Workflows page writes it as another user

bool has_job(std::string_view list, std::string_view id)
{
    const auto lines = split(list, '\n');
    return std::ranges::any_of(lines, [&](std::string_view line) {
        if (line.find(id) == std::string_view::npos) { // the common case, without reading JSON
            return false;
        }
        try {
            return json::parse(line, "job line").text("job_id") == id;
        } catch (const Error&) { // torn, or a stranger's: its reader reports it
            return false;
        }
    });
}

} // namespace

JobList::JobList(fs::path file) : m_file{std::move(file)} {}

std::string as_line(const Job& job)
{
    json::Array series;
    for (const auto& uid : job.series) {
        series.emplace_back(uid.str());
    }
    json::Object line{{"type", "ror"},
                      {"project", job.project},
                      {"stream", job.stream},
                      {"image", job.image},
                      {"user", job.user},
                      {"date", iso8601_utc(job.date)},
                      {"job_number", job.number},
                      {"ror_folder", job.ror_folder},
                      {"destination", job.destination},
                      {"ROR_CONT_OPTIONS", job.options},
                      {"job_id", job.id},
                      {"study", job.study.str()},
                      {"series", std::move(series)}};
    if (!job.select.empty()) {
        line["select"] = job.select;
    }
    return json::write(line);
}

JobList::Appended JobList::append(const Job& job) const
{
    make_directories(m_file.parent_path());
    const FileLock lock{m_file.native() + ".lock", lock_patience};
    const UniqueFd fd{::open(m_file.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
                             mode_of_a_new_file)};
    if (!fd) {
        throw os_error(errno, fmt::format("open {}", m_file.native()));
    }
    const auto before = read_file(m_file);
    if (has_job(before, job.id)) {
        return Appended::was_there;
    }
    const bool is_torn = !before.empty() && before.back() != '\n';
    try {
        write_all(fd.get(), fmt::format("{}{}\n", is_torn ? "\n" : "", as_line(job)),
                  m_file.native());
        if (::fsync(fd.get()) != 0) {
            throw os_error(errno, fmt::format("sync {}", m_file.native()));
        }
    } catch (const Error&) { // no half line may stay, if the disk lets us
        static_cast<void>(::ftruncate(fd.get(), static_cast<off_t>(before.size())) == 0);
        throw;
    }
    if (before.empty()) {
        sync_directory(m_file.parent_path());
    }
    return Appended::yes;
}

} // namespace fiona::jobs
