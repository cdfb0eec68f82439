// SPDX-License-Identifier: MIT
#include "libfiona/pixel/clean.h"

#include "libfiona/base/error.h"
#include "libfiona/pixel/limited_child.h"
#include "libfiona/pixel/one_image.h"
#include "libfiona/pixel/reader.h"

#include <poll.h>

#include <algorithm>
#include <list>
#include <memory>
#include <system_error>

namespace fiona::pixel {

namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

/// Generous for honest files: a second of processor time for some hundred kilobytes, which is what
/// JPEG 2000 and Tesseract together need on a slow machine.
ChildLimits limits_for(const fs::path& input, std::chrono::seconds patience)
{
    std::error_code ignored;
    const auto size = fs::file_size(input, ignored);
    const auto bytes = ignored ? 0 : size;
    ChildLimits limits;
    limits.cpu = patience + std::chrono::seconds{static_cast<std::int64_t>(bytes / 200'000)};
    limits.wall = 10 * limits.cpu;
    limits.memory_bytes = std::uint64_t{2} << 30U;
    // A lossy file is written without loss: rarely more than thirty times as long.
    limits.file_bytes = (std::uint64_t{1} << 30U) + 60 * bytes;
    return limits;
}

std::unique_ptr<Reader> reader_for(const CleanOptions& options)
{
    return options.search == Search::detect ? nullptr : std::make_unique<Reader>(options.languages);
}

/// What a killed child left of its output: `.NAME.pid.counter.part`.
void remove_parts(const fs::path& output, pid_t child)
{
    const auto start = "." + output.filename().native() + "." + std::to_string(child) + ".";
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator{output.parent_path(), ignored}) {
        if (entry.path().filename().native().starts_with(start)) {
            fs::remove(entry.path(), ignored);
        }
    }
}

struct Running {
    std::size_t index;
    std::unique_ptr<LimitedChild> child;
};

std::unique_ptr<LimitedChild> start(const CleanJob& job, const CleanOptions& options,
                                    Reader* reader)
{
    return std::make_unique<LimitedChild>(
        limits_for(job.input, options.patience), [&job, &options, reader] {
            return json::write(clean_one_image(job.input, job.output, options, reader).to_json());
        });
}

/// The child's answer. What concerns the file makes a refused report, the rest is thrown.
CleanReport report_of(LimitedChild& child, const CleanJob& job)
{
    const auto pid = child.pid();
    try {
        return CleanReport::from_json(json::parse(child.finish(), "a report"));
    } catch (const Error& error) {
        remove_parts(job.output, pid);
        if (error.fault() != Fault::data) {
            throw;
        }
        CleanReport report;
        report.verdict = Verdict::refused;
        report.reason = error.what();
        return report;
    }
}

/// Waits until a child has said all, or its time is over.
std::list<Running>::iterator next_done(std::list<Running>& running)
{
    while (true) {
        std::vector<pollfd> events;
        for (const auto& one : running) {
            events.push_back({one.child->fd(), POLLIN, 0});
        }
        constexpr int look_at_clock = 1000;
        ::poll(events.data(), events.size(), look_at_clock);
        std::size_t i = 0;
        for (auto one = running.begin(); one != running.end(); ++one, ++i) {
            const bool is_late = steady_clock::now() >= one->child->deadline();
            if (is_late || (events[i].revents != 0 && one->child->take())) {
                return one;
            }
        }
    }
}

} // namespace

CleanReport clean_pixels(const fs::path& input, const fs::path& output, const CleanOptions& options)
{
    CleanReport report;
    clean_files({{input, output}}, options, 1,
                [&](std::size_t /*index*/, const CleanReport& made) { report = made; });
    return report;
}

void clean_files(const std::vector<CleanJob>& jobs, const CleanOptions& options, unsigned at_once,
                 const std::function<void(std::size_t, const CleanReport&)>& done)
{
    const auto reader = reader_for(options);
    std::list<Running> running;
    std::size_t next = 0;
    while (next < jobs.size() || !running.empty()) {
        while (next < jobs.size() && running.size() < std::max(1U, at_once)) {
            running.push_back({next, start(jobs[next], options, reader.get())});
            ++next;
        }
        const auto ended = next_done(running);
        const auto index = ended->index;
        const auto report = report_of(*ended->child, jobs[index]);
        running.erase(ended);
        if (report.was_read) {
            reader->load(); // where one asks, others will: from now on they share it
        }
        done(index, report);
    }
}

} // namespace fiona::pixel
