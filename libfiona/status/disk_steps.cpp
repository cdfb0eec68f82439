// SPDX-License-Identifier: MIT
#include "libfiona/status/disk_steps.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/text.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/incoming_list.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace fiona::status {

namespace fs = std::filesystem;

namespace {

using State = Step::State;

struct Count {
    std::size_t files = 0;
    std::optional<TimePoint> first;
    std::optional<TimePoint> last;

    void add(TimePoint when)
    {
        ++files;
        first = std::min(first.value_or(when), when);
        last = std::max(last.value_or(when), when);
    }
};

/// Nothing if it went meanwhile. Who may not look must not believe that there is nothing.
std::optional<struct stat> look_at(const fs::path& path)
{
    struct stat status {};
    if (::stat(path.c_str(), &status) == 0) {
        return status;
    }
    if (errno != ENOENT) {
        throw os_error(errno, "look at the files of the study");
    }
    return std::nullopt;
}

Count count_archive(const Paths& paths, const StudyUid& study)
{
    Count count;
    const auto directory = paths.archive() / ("scp_" + study.str());
    for (const auto& name : visible_names(directory)) {
        const auto status = look_at(directory / name);
        if (status && S_ISREG(status->st_mode)) {
            count.add(Clock::from_time_t(status->st_mtim.tv_sec));
        }
    }
    return count;
}

struct SpoolCount {
    Count entries;
    std::string reason; ///< of the last one that was given up
};

/// Entries of `study` in one directory of the spool. The text is searched before it is parsed: a
/// long queue holds few entries of one study. Entries may vanish while we look.
SpoolCount count_spool(const fs::path& directory, const StudyUid& study)
{
    constexpr std::size_t most_bytes = 65'536; // an entry has about 700
    SpoolCount count;
    for (const auto& name : visible_names(directory)) {
        if (!name.ends_with(".json")) {
            continue;
        }
        try {
            const auto text = read_file_if_any(directory / name, most_bytes);
            if (!text || text->find(study.str()) == std::string::npos
                || json::parse(*text, "spool entry").text("study") != study.str()) {
                continue;
            }
        } catch (const Error& e) {
            if (e.fault() != Fault::data) {
                throw;
            }
            continue; // fiona-process-file sets it aside
        }
        if (const auto status = look_at(directory / name)) {
            count.entries.add(Clock::from_time_t(status->st_mtim.tv_sec));
            const auto reason = read_file_if_any((directory / name).native() + ".err", most_bytes);
            count.reason = trimmed(reason.value_or(count.reason));
        }
    }
    return count;
}

std::string minute(const std::optional<TimePoint>& when)
{
    return when ? local_minute(*when) : "";
}

struct Sorted {
    std::size_t series = 0;
    std::size_t unreadable = 0;
    std::size_t images = 0;
    std::optional<TimePoint> last;
};

Sorted count_sorted(const Paths& paths, const StudyUid& study)
{
    Sorted sorted;
    const store::StudyTree tree{paths};
    for (const auto& series : tree.series(study)) {
        ++sorted.series;
        sorted.unreadable += series.properties ? 0U : 1U;
        sorted.images += tree.count_instances(study, series.uid);
    }
    sorted.last = tree.newest_change(study);
    return sorted;
}

struct Marks {
    std::optional<TimePoint> last; ///< newest mark that nobody has claimed
    bool is_open = false;
    bool is_claimed = false;
    bool has_failed = false;
};

Marks read_marks(const Paths& paths, const StudyUid& study)
{
    Marks found;
    // ArrivalMarks makes its directories, and we change nothing: without them there are no marks.
    if (!fs::is_directory(paths.arrived() / ".open")) {
        return found;
    }
    const auto is_ours = [&](const std::string& name) {
        const auto mark = store::ArrivalMark::parse(name);
        return mark && mark->study == study;
    };
    const store::ArrivalMarks marks{paths.arrived()};
    found.is_open = marks.has_open_association(study);
    for (const auto& mark : marks.all()) {
        if (mark.mark.study == study) {
            found.last = std::max(found.last.value_or(mark.last_arrival), mark.last_arrival);
        }
    }
    found.is_claimed = std::ranges::any_of(marks.claimed(), is_ours);
    found.has_failed = std::ranges::any_of(visible_names(paths.arrived() / ".failed"), is_ours);
    return found;
}

} // namespace

Step received_step(const Paths& paths, const StudyUid& study)
{
    const auto count = count_archive(paths, study);
    if (count.files == 0) {
        return {"received", State::blocked, "", "no files in the archive",
                "never received here, or cleaned up: send it again"};
    }
    return {
        "received", State::done, minute(count.first),
        fmt::format("{} objects in the archive, the newest of {}", count.files, minute(count.last)),
        ""};
}

Step spool_step(const Paths& paths, const StudyUid& study)
{
    const auto waiting = count_spool(paths.spool() / "new", study);
    const auto failed = count_spool(paths.spool() / "failed", study);
    if (failed.entries.files > 0) {
        return {"spooled", State::blocked, minute(failed.entries.first),
                fmt::format("{} objects given up ({}), {} waiting", failed.entries.files,
                            failed.reason.empty() ? "no reason noted" : failed.reason,
                            waiting.entries.files),
                "see the reason, then: fiona-process-file reconcile"};
    }
    if (waiting.entries.files > 0) {
        return {"spooled", State::waiting, minute(waiting.entries.first),
                fmt::format("{} objects wait for the file processor", waiting.entries.files),
                "fiona-process-file sorts them; see that it runs: fiona-process-file status"};
    }
    return {"spooled", State::done, "", "nothing waits, nothing failed", ""};
}

Step sorted_step(const Paths& paths, const StudyUid& study)
{
    const auto sorted = count_sorted(paths, study);
    const auto archived = count_archive(paths, study).files;
    const auto text = fmt::format("{} series, {} images", sorted.series, sorted.images);
    if (sorted.series == 0) {
        return {"sorted", archived == 0 ? State::unknown : State::waiting, "", "no series in raw/",
                "fiona-process-file sorts it, see the step above"};
    }
    if (sorted.unreadable > 0) {
        return {"sorted", State::blocked, minute(sorted.last),
                fmt::format("{}; {} without readable JSON", text, sorted.unreadable),
                "fiona-process-file reconcile"};
    }
    if (sorted.images < archived) {
        return {"sorted", State::waiting, minute(sorted.last),
                fmt::format("{} of {} in the archive", text, archived),
                "if nothing is spooled any more: fiona-process-file reconcile"};
    }
    return {"sorted", State::done, minute(sorted.last), text, ""};
}

Step arrival_step(const Paths& paths, const TimingConfig& timing, const StudyUid& study,
                  TimePoint now)
{
    const auto marks = read_marks(paths, study);
    const auto since = minute(marks.last);
    if (marks.is_open) {
        return {"complete", State::active, since, "the sender is still connected",
                "nothing to do: it arrives"};
    }
    if (marks.last && now - *marks.last < timing.quiet) {
        return {"complete", State::active, since,
                fmt::format("objects came within the last {} s", timing.quiet.count()),
                "nothing to do: it arrives"};
    }
    if (marks.last || marks.is_claimed) {
        return {"complete", State::waiting, since, "quiet, not yet noticed",
                "fiona-detect-arrival notices it in its next run"};
    }
    if (marks.has_failed) {
        return {"complete", State::waiting, "", "an action at its arrival failed",
                "fiona-detect-arrival tries again; see its log"};
    }
    const auto lines = store::IncomingList{paths.incoming_list()}.lines();
    const auto line = std::ranges::find(lines, study, &store::IncomingLine::study);
    if (line != lines.end()) {
        return {"complete", State::done,
                local_minute(TimePoint{std::chrono::seconds{line->arrived}}),
                fmt::format("in the list of arrived studies with {} series", line->series), ""};
    }
    return {"complete", State::done, "",
            "no longer in the list of arrived studies (kept for a week)", ""};
}

} // namespace fiona::status
