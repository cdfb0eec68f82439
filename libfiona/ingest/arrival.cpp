// SPDX-License-Identifier: MIT
#include "libfiona/ingest/arrival.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/classify/series_fields.h"
#include "libfiona/store/arrival_marks.h"
#include "libfiona/store/incoming_list.h"
#include "libfiona/store/spool.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

namespace fiona::ingest {

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

class Detector {
public:
    Detector(const Config& config, TimePoint now, const ArrivalOptions& options)
        : m_marks{config.paths.arrived()}, m_tree{config.paths},
          m_list{config.paths.incoming_list()}, m_spool{config.paths.spool()},
          m_work{config.paths.arrived() / ".work"}, m_now{now}, m_options{options}
    {
    }

    Arrivals run()
    {
        for (const auto& name : m_marks.claimed()) { // a run before us was killed
            if (const auto mark = store::ArrivalMark::parse(name)) {
                if (m_options.mode == Mode::apply) {
                    handle(name, *mark);
                } else {
                    ++m_result.waiting;
                }
            } else {
                log::warn("arrival_mark_unreadable", {{"bytes", name.size()}});
            }
        }
        auto found = m_marks.all();
        std::erase_if(found, [&](const auto& item) {
            correct_time(item);
            const bool is_fresh = m_now - item.last_arrival <= m_options.quiet;
            m_result.waiting += is_fresh ? 1U : 0U;
            return is_fresh;
        });
        if (found.empty()) {
            return m_result;
        }
        // Read after the marks: an entry that came later has touched its mark again.
        const Backlog backlog{m_spool};
        for (const auto& item : found) {
            if (is_settled(item, backlog)) {
                fire(item);
            } else {
                ++m_result.waiting;
            }
        }
        return m_result;
    }

private:
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
        if (m_options.mode == Mode::dry_run) {
            ++(item.mark.series ? m_result.series : m_result.studies);
            log::info("arrival_found", {{"study", item.mark.study}});
        } else if (m_marks.claim(item.name)) {
            // Touched since it was looked at: the claim took the news of an image with it.
            if (arrival_time(item.name) > item.last_arrival) {
                m_marks.touch(item.mark);
                m_marks.finish(item.name);
                ++m_result.waiting;
            } else {
                handle(item.name, item.mark);
            }
        }
    }

    void handle(const std::string& name, const store::ArrivalMark& mark)
    {
        try {
            if (mark.series) {
                check_series(mark.study, *mark.series);
            } else {
                list_study(name, mark);
            }
            m_marks.finish(name);
        } catch (const Error& e) {
            const bool is_permanent = e.fault() == Fault::data;
            log::error("arrival_failed", {{"study", mark.study}, {"reason", e.what()}});
            ++(is_permanent ? m_result.failed : m_result.postponed);
            if (is_permanent) {
                m_marks.fail(name);
            }
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

    void list_study(const std::string& name, const store::ArrivalMark& mark)
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
        m_list.put({epoch_seconds(arrival_time(name)), mark.caller, mark.called, mark.host,
                    mark.study, known, joined, ""});
        ++m_result.studies;
        log::info("study_arrived", {{"study", mark.study}, {"series", known}});
    }

    /// The rename kept the mark's mtime: when its last image came.
    [[nodiscard]] TimePoint arrival_time(const std::string& name) const
    {
        struct stat status {};
        return ::stat((m_work / name).c_str(), &status) == 0 ? store::modification_time(status)
                                                             : m_now;
    }

    store::ArrivalMarks m_marks;
    store::StudyTree m_tree;
    store::IncomingList m_list;
    store::Spool m_spool;
    std::filesystem::path m_work;
    TimePoint m_now;
    ArrivalOptions m_options;
    Arrivals m_result;
};

} // namespace

Arrivals detect_arrivals(const Config& config, TimePoint now, const ArrivalOptions& options)
{
    return Detector{config, now, options}.run();
}

} // namespace fiona::ingest
