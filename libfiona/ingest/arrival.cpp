// SPDX-License-Identifier: MIT
#include "libfiona/ingest/arrival.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/classify/series_fields.h"
#include "libfiona/ingest/arrival_actions.h"
#include "libfiona/ingest/arrival_progress.h"
#include "libfiona/ingest/signals.h"
#include "libfiona/ingest/streams.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/incoming_list.h"
#include "libfiona/store/spool.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

/// More entries than this are not opened to see whose they are: every study then waits.
constexpr std::size_t most_entries_read = 50'000;

/// Studies that have entries in the spool.
class Backlog {
public:
    explicit Backlog(const store::Spool& spool)
    {
        const auto names = spool.waiting(most_entries_read + 1);
        m_is_everything = names.size() > most_entries_read;
        for (const auto& name : names) {
            if (m_is_everything) {
                break;
            }
            try {
                m_studies.insert(spool.read(name).study);
            } catch (const Error& e) { // processed meanwhile, or damaged: the processor's concern
                log::debug("entry_skipped", {{"entry", name}, {"reason", e.what()}});
            }
        }
    }

    [[nodiscard]] bool holds(const StudyUid& study) const
    {
        return m_is_everything || m_studies.contains(study);
    }

private:
    bool m_is_everything = false;
    std::set<StudyUid> m_studies;
};

/// Differs when a file was changed or replaced; empty if it is not there.
std::string version_of(const fs::path& file)
{
    struct stat status {};
    return ::stat(file.c_str(), &status) == 0
               ? fmt::format("{} {} {} {}", status.st_ino, status.st_size, status.st_mtim.tv_sec,
                             status.st_mtim.tv_nsec)
               : "";
}

/// Works at the marks that are quiet, once each time it is asked.
class Detector {
public:
    Detector(const Config& config, const ArrivalOptions& options)
        : m_config{config}, m_options{options}, m_marks{config.paths.arrived()},
          m_tree{config.paths}, m_list{config.paths.incoming_list()}, m_spool{config.paths.spool()},
          m_progress{config.paths.arrived() / ".state"}, m_actions{config,
                                                                   m_marks,
                                                                   m_progress,
                                                                   {.programs = options.programs}}
    {
        if (options.mode == Mode::apply) {
            forget_handled();
        }
    }

    ArrivalActions& actions() { return m_actions; }
    void read_streams_again() { m_streams_version.reset(); }

    /// Handles what is to be handled now, and starts actions.
    void look(TimePoint now)
    {
        m_now = now;
        m_result.waiting = 0;
        read_streams();
        for (const auto& name :
             m_marks.claimed()) { // to be repeated, or a run before us was killed
            if (m_options.mode == Mode::dry_run) {
                ++m_result.waiting;
            } else if (!m_actions.holds(name)) {
                go_on(name, Claimed::before);
            }
        }
        look_for_new();
        if (m_options.mode == Mode::apply) {
            m_actions.advance(now);
        }
    }

    [[nodiscard]] Arrivals result() const
    {
        auto result = m_result;
        const auto& counts = m_actions.counts();
        result.actions = counts.actions;
        if (m_options.mode == Mode::apply) { // nothing runs: what is claimed is to be tried again
            result.postponed = m_marks.claimed().size();
        }
        result.failed += counts.failed;
        return result;
    }

private:
    enum class Claimed { before, now };

    /// States of marks that are nowhere any more.
    void forget_handled() const
    {
        std::set<std::string> names;
        for (const auto& found : {m_marks.claimed(), m_marks.failed()}) {
            names.insert(found.begin(), found.end());
        }
        for (const auto& found : m_marks.all()) {
            names.insert(found.name);
        }
        m_progress.keep_only(names);
    }

    void read_streams()
    {
        const auto version = version_of(m_config.streams);
        if (m_streams_version == version) {
            return;
        }
        m_streams.reset();
        m_streams_version = version;
        try {
            m_streams = std::make_shared<const Streams>(load_streams(m_config));
            log::debug("streams_read", {{"streams", m_streams->all.size()},
                                        {"disabled", m_streams->disabled.size()}});
        } catch (const Error& e) { // marks wait for it; the list of studies does not
            log::error("streams_unreadable", {{"reason", e.what()}});
        }
    }

    void look_for_new()
    {
        if (m_options.mode == Mode::apply) {
            m_result.failed += m_marks.set_strangers_aside(m_now - m_options.quiet);
        }
        auto found = m_marks.all();
        std::erase_if(found, [&](const auto& item) {
            correct_time(item);
            const bool must_wait =
                m_now - item.last_arrival <= m_options.quiet || m_actions.holds(item.name);
            m_result.waiting += must_wait ? 1U : 0U;
            return must_wait;
        });
        if (found.empty()) {
            return;
        }
        // Series first: a study's own actions may want them to be complete.
        std::stable_partition(found.begin(), found.end(),
                              [](const auto& item) { return item.mark.series.has_value(); });
        // Read after the marks: an entry that came later has touched its mark again.
        const Backlog backlog{m_spool};
        for (const auto& item : found) {
            if (is_settled(item, backlog)) {
                fire(item);
            } else {
                ++m_result.waiting;
            }
        }
    }

    [[nodiscard]] bool is_settled(const store::ArrivalMarks::Found& item,
                                  const Backlog& backlog) const
    {
        const bool is_queued = backlog.holds(item.mark.study);
        const bool is_open = m_marks.has_open_association(item.mark.study);
        if (!is_queued && !is_open) {
            return true;
        }
        if (m_now - item.last_arrival < m_options.max_wait) {
            return false;
        }
        log::warn("arrival_waited_too_long",
                  {{"study", item.mark.study},
                   {"why", is_open ? "an association is open" : "the spool holds images of it"}});
        return true;
    }

    /// A mark from the future was made before the clock was set back: it would wait until then.
    void correct_time(const store::ArrivalMarks::Found& item) const
    {
        if (item.last_arrival > m_now + m_options.quiet && m_options.mode == Mode::apply) {
            log::warn("arrival_mark_from_the_future", {{"study", item.mark.study}});
            m_marks.date(item.name, m_now);
        }
    }

    void fire(const store::ArrivalMarks::Found& item)
    {
        if (m_options.mode == Mode::apply) {
            if (m_marks.claim(item.name)) {
                // Touched since it was looked at: the claim took the news of an image with it.
                const auto arrived = m_marks.arrival_of(item.name);
                if (arrived && *arrived > item.last_arrival) {
                    m_marks.touch(item.mark);
                    m_marks.finish(item.name);
                    ++m_result.waiting;
                } else {
                    go_on(item.name, Claimed::now);
                }
            }
            return;
        }
        ++(item.mark.series ? m_result.series : m_result.studies);
        log::info("arrival_found", {{"study", item.mark.study}});
        for (const auto& stream : m_streams ? m_streams->all : std::vector<Stream>{}) {
            if (stream.matches(item.mark) && !stream.actions_for(item.mark).empty()) {
                log::info("stream_matched", {{"stream", stream.name},
                                             {"study", item.mark.study},
                                             {"actions", stream.actions_for(item.mark).size()}});
            }
        }
    }

    /// Takes a claimed mark as far as it goes without waiting.
    void go_on(const std::string& name, Claimed when)
    {
        const auto mark = store::ArrivalMark::parse(name);
        const auto arrived = m_marks.arrival_of(name);
        if (!mark || !arrived) {
            m_result.failed += mark ? 0U : 1U;
            m_marks.fail(name);
            return;
        }
        auto progress = m_progress.load(name, *arrived);
        if (when == Claimed::now) { // perhaps again, by --retry-failed
            forgive(progress);
        }
        if (!progress.retry.is_due(m_now)) {
            return;
        }
        try {
            handle(name, *mark, progress);
        } catch (const Error& e) {
            note_failure(name, *mark, progress, e);
        } catch (const fs::filesystem_error& e) {
            note_failure(name, *mark, progress, disk_error(e));
        }
    }

    static void forgive(ArrivalProgress& progress)
    {
        progress.retry = {};
        if (progress.streams) {
            for (auto& [name, stream] : *progress.streams) {
                stream.retry = {};
            }
        }
    }

    void handle(const std::string& name, const store::ArrivalMark& mark, ArrivalProgress& progress)
    {
        if (!progress.is_listed) {
            if (mark.series) {
                check_series(mark.study, *mark.series);
            } else {
                list_study(mark, progress.arrived);
            }
            progress.is_listed = true;
        }
        if (!progress.streams && m_streams) {
            progress.streams = streams_for(mark);
            if (progress.streams->empty()) {
                m_marks.finish(name);
                m_progress.remove(name);
                return;
            }
            m_progress.store(name, progress);
        }
        if (!progress.streams) {
            m_progress.store(name, progress);
        } else if (m_streams && ArrivalActions::is_due(progress, *m_streams, m_now)) {
            m_actions.add(name, mark, std::move(progress), m_streams);
        }
    }

    [[nodiscard]] std::map<std::string, StreamProgress>
    streams_for(const store::ArrivalMark& mark) const
    {
        std::map<std::string, StreamProgress> found;
        for (const auto& stream : m_streams->all) {
            if (stream.matches(mark) && !stream.actions_for(mark).empty()) {
                found[stream.name].version = stream.version;
            }
        }
        for (const auto& [name, may_match] : m_streams->disabled) {
            if (may_match(mark)) {
                found.try_emplace(name); // no version: whether it is for this mark, time will tell
            }
        }
        return found;
    }

    void note_failure(const std::string& name, const store::ArrivalMark& mark,
                      ArrivalProgress& progress, const Error& error)
    {
        log::error("arrival_failed", {{"study", mark.study}, {"reason", error.what()}});
        if (error.fault() != Fault::data) { // the disk, a lock: nothing is wrong with the mark
            return;
        }
        progress.retry.note_failure(m_now, log::without_uids(error.what()));
        m_progress.store(name, progress);
        if (progress.retry.is_over()) {
            ++m_result.failed;
            m_marks.fail(name);
        }
    }

    void check_series(const StudyUid& study, const SeriesUid& series)
    {
        ++m_result.series;
        if (!m_tree.has_study(study)) {
            return;
        }
        store::SeriesJsonUpdate update{m_tree, study, series};
        if (!update.stored().is_object()) {
            return;
        }
        auto fields = update.stored().object();
        const auto files = m_tree.count_instances(study, series);
        classify::set_counts(fields, files);
        if (files > 0 && update.replace(fields)) {
            ++m_result.repaired;
            log::warn("image_count_repaired",
                      {{"study", study}, {"series", series}, {"files", files}});
        }
    }

    void list_study(const store::ArrivalMark& mark, TimePoint arrived)
    {
        std::set<std::string> modalities;
        unsigned known = 0;
        unsigned anonymous = 0;
        for (const auto& series : m_tree.series(mark.study)) {
            if (!series.properties) {
                continue;
            }
            ++known;
            anonymous += series.properties->text("PatientIdentityRemoved") == "YES" ? 1U : 0U;
            if (const auto* const list = series.properties->find("Modality");
                list != nullptr && list->is_array()) {
                for (const auto& modality : list->array()) {
                    modalities.insert(modality.text());
                }
            }
        }
        if (known == 0) {
            log::warn("study_has_no_series", {{"study", mark.study}});
            return;
        }
        if (anonymous == known) {
            ++m_result.skipped;
            log::debug("study_already_deidentified", {{"study", mark.study}});
            return;
        }
        modalities.erase("");
        std::string joined;
        for (const auto& modality : modalities) {
            joined += (joined.empty() ? "" : ",") + modality;
        }
        m_list.put({epoch_seconds(arrived), mark.caller, mark.called, mark.host, mark.study, known,
                    joined, ""});
        ++m_result.studies;
        log::info("study_arrived", {{"study", mark.study}, {"series", known}});
    }

    const Config& m_config;
    ArrivalOptions m_options;
    store::ArrivalMarks m_marks;
    store::StudyTree m_tree;
    store::IncomingList m_list;
    store::Spool m_spool;
    ProgressFiles m_progress;
    ArrivalActions m_actions;
    std::optional<std::string> m_streams_version; ///< of the file that was read last
    std::shared_ptr<const Streams> m_streams;     ///< nothing while the file is unreadable
    TimePoint m_now;
    Arrivals m_result;
};

} // namespace

Arrivals detect_arrivals(const Config& config, TimePoint now, const ArrivalOptions& options)
{
    using std::chrono::steady_clock;
    Detector detector{config, options};
    const auto begin = steady_clock::now();
    detector.look(now);
    for (auto next_look = begin + options.between_looks; !detector.actions().is_empty();) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(next_look - steady_clock::now());
        detector.actions().wait(std::max(left, std::chrono::milliseconds{0}));
        const auto passed =
            std::chrono::duration_cast<Clock::duration>(steady_clock::now() - begin);
        detector.actions().advance(now + passed);
        if (steady_clock::now() >= next_look) {
            detector.look(now + passed);
            next_look = steady_clock::now() + options.between_looks;
        }
    }
    return detector.result();
}

void watch_arrivals(const Config& config, const ArrivalOptions& options)
{
    using std::chrono::steady_clock;
    Signals signals;
    Detector detector{config, options};
    log::info("started", {{"project", config.project}});
    auto next_look = steady_clock::now();
    while (!signals.stop_requested()) {
        if (signals.take_reload()) {
            detector.read_streams_again();
            next_look = steady_clock::now();
        }
        try {
            if (steady_clock::now() >= next_look) {
                next_look = steady_clock::now() + options.between_looks;
                detector.look(Clock::now());
            } else {
                detector.actions().advance(Clock::now());
            }
        } catch (const Error& e) { // a disk that fails for a moment must not end the watch
            log::error("look_failed", {{"reason", e.what()}});
        } catch (const fs::filesystem_error& e) {
            log::error("look_failed", {{"reason", e.code().message()}});
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(next_look - steady_clock::now());
        detector.actions().wait(std::max(left, std::chrono::milliseconds{10}), signals.fd());
    }
    detector.actions().stop();
    log::info("stopped");
}

std::size_t retry_failed_arrivals(const Config& config, Mode mode)
{
    const store::ArrivalMarks marks{config.paths.arrived()};
    std::size_t moved = 0;
    for (const auto& name : marks.failed()) {
        if (!store::ArrivalMark::parse(name)) {
            continue; // nothing of ours: for a person
        }
        ++moved;
        if (mode == Mode::apply) {
            marks.retry(name);
        }
    }
    return moved;
}

} // namespace fiona::ingest
