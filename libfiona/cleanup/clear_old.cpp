// SPDX-License-Identifier: MIT
#include "libfiona/cleanup/clear_old.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/cleanup/archive_guard.h"
#include "libfiona/cleanup/assignments.h"
#include "libfiona/cleanup/study_removal.h"
#include "libfiona/redcap/study_lock.h"
#include "libfiona/store/incoming_list.h"

#include <algorithm>
#include <map>
#include <set>

namespace fiona::cleanup {

namespace {

constexpr std::size_t batch_size = 100;        // studies for one call of REDCap
constexpr std::size_t most_when_hopeless = 20; // each costs a study and helps little
constexpr std::chrono::seconds lock_patience{10};

store::DiskSpace without(store::DiskSpace space, std::uint64_t bytes)
{
    const auto freed = std::min(bytes, space.used_bytes);
    space.used_bytes -= freed;
    space.free_bytes += freed;
    return space;
}

class Run {
public:
    Run(const Config& config, const ClearOldOrder& order, const ClearOldSources& sources)
        : m_config{config}, m_order{order}, m_sources{sources},
          m_protection{config}, m_removal{config.paths}
    {
    }

    ClearOldReport report()
    {
        check_archive(m_config.paths, m_order.mode, Emptiness::refused);
        m_space = m_sources.disk();
        finish_leftovers();
        m_report.used_before = m_space.used_percent();
        m_report.is_emergency = m_report.used_before > m_order.emergency_used;
        if (is_full()) {
            make_room();
        }
        clean_list();
        m_report.used_after = m_space.used_percent();
        m_report.is_goal_reached = !is_full();
        return std::move(m_report);
    }

private:
    [[nodiscard]] bool is_full() const { return m_space.used_percent() > m_order.max_used; }

    void finish_leftovers()
    {
        if (m_order.mode == Mode::dry_run) {
            return;
        }
        const auto finished = m_removal.finish_leftovers();
        m_report.leftovers = finished.studies.size();
        m_report.failed += finished.failed;
        m_report.trouble = finished.trouble;
        m_report.freed += finished.amount;
        for (const auto& study : finished.studies) {
            log::info("removal_finished", {{"study", study}});
        }
        if (!finished.studies.empty()) {
            m_space = m_sources.disk();
        }
    }

    void make_room()
    {
        auto list = list_archive(m_config.paths);
        m_report.studies = list.studies.size();
        m_report.strangers = list.strangers;
        m_protection.refresh();
        ask_redcap(list.studies);
        std::vector<OldStudy> candidates;
        std::uint64_t bytes = 0;
        for (auto& study : list.studies) {
            if (const auto why = hold(study)) {
                m_report.kept.push_back({study.study, *why, study.amount.bytes});
                continue;
            }
            bytes += study.amount.bytes;
            candidates.push_back(std::move(study));
        }
        m_report.is_hopeless = without(m_space, bytes).used_percent() > m_order.max_used;
        const auto usual = m_report.is_hopeless ? most_when_hopeless : candidates.size();
        m_allowance = m_order.max_delete.value_or(usual);
        if (m_report.is_hopeless) {
            m_allowance = std::min(m_allowance, usual);
        }
        try {
            remove(candidates);
        } catch (const Error& e) { // what went before is told all the same
            m_report.trouble = e;
        }
    }

    /// Without an answer every study might be wanted.
    void ask_redcap(const std::vector<OldStudy>& studies)
    {
        std::vector<StudyUid> uids;
        uids.reserve(studies.size());
        for (const auto& study : studies) {
            uids.push_back(study.study);
        }
        try {
            m_client = m_sources.incoming();
            m_assignments.emplace(*m_client, m_config, m_order.now, m_order.sent_age);
            m_assignments->load(uids);
        } catch (const Error& e) {
            throw e.in("nothing is removed: REDCap cannot say which studies are assigned");
        }
    }

    [[nodiscard]] std::optional<Hold> hold(const OldStudy& study) const
    {
        const auto min_age =
            m_report.is_emergency ? std::min(emergency_min_age, m_order.min_age) : m_order.min_age;
        const auto came =
            std::max(study.newest, m_protection.arrived(study.study).value_or(study.newest));
        if (m_order.now - came < min_age) {
            return Hold::young;
        }
        if (const auto why = m_protection.hold(study.study)) {
            return why;
        }
        if (m_protection.has_failed_arrival(study.study) && !m_report.is_emergency) {
            return Hold::arrival_failed;
        }
        const auto series = sorted_series(m_config.paths, study.study);
        return series ? m_assignments->hold(study.study, *series) : Hold::unsorted;
    }

    void remove(const std::vector<OldStudy>& candidates)
    {
        std::size_t next = 0;
        while (is_full() && next < candidates.size() && m_report.removed.size() < m_allowance) {
            std::vector<OldStudy> batch; // what should do
            std::uint64_t bytes = 0;
            while (next < candidates.size() && batch.size() < batch_size
                   && without(m_space, bytes).used_percent() > m_order.max_used) {
                bytes += candidates[next].amount.bytes;
                batch.push_back(candidates[next++]);
            }
            if (m_order.mode == Mode::dry_run) {
                say(batch);
            } else {
                remove_batch(batch);
            }
        }
    }

    /// Lines of studies that have left the site, also by a run that was killed before it came to this.
    /// Last: on a full disk there is no room for a new list before.
    void clean_list()
    {
        if (m_order.mode == Mode::dry_run) {
            return;
        }
        try {
            const store::IncomingList list{m_config.paths.incoming_list()};
            const store::Folder archive{m_config.paths.archive(), "the archive"};
            const store::Folder raw{m_config.paths.raw(), "the sorted studies"};
            std::set<StudyUid> gone;
            for (const auto& line : list.lines()) {
                if (!archive.look("scp_" + line.study.str()) && !raw.look(line.study.str())) {
                    gone.insert(line.study);
                }
            }
            if (list.remove(gone) > 0) {
                log::info("list_cleaned", {{"studies", gone.size()}});
            }
        } catch (const Error& e) {
            log::error("list_not_cleaned", {{"reason", e.what()}});
            m_report.trouble = m_report.trouble.value_or(e);
        }
    }

    void say(const std::vector<OldStudy>& batch)
    {
        for (const auto& study : batch) {
            if (!is_full() || m_report.removed.size() >= m_allowance) {
                return;
            }
            note(study, m_removal.links().count(study.study));
            m_space = without(m_space, study.amount.bytes);
        }
    }

    void note(const OldStudy& study, std::size_t links)
    {
        m_report.freed += study.amount;
        m_report.removed.push_back({study, links, m_space.used_percent()});
    }

    /// The locks of the batch, as far as nobody has them; then REDCap; then one after the other.
    void remove_batch(const std::vector<OldStudy>& batch)
    {
        std::vector<redcap::StudyLocks> locks;
        std::vector<OldStudy> free;
        std::vector<StudyUid> uids;
        for (const auto& study : batch) {
            try {
                locks.emplace_back(m_config.paths.state() / "locks", std::vector{study.study},
                                   std::chrono::milliseconds{0});
            } catch (const Error& e) {
                if (e.fault() != Fault::temporary) {
                    throw;
                }
                m_report.kept.push_back({study.study, Hold::busy, study.amount.bytes});
                continue;
            }
            free.push_back(study);
            uids.push_back(study.study);
        }
        m_assignments->confirm(uids);
        for (const auto& study : free) {
            m_space = m_sources.disk();
            if (!is_full() || m_report.removed.size() >= m_allowance) {
                return;
            }
            if (remove_one(study)) {
                m_sources.progress();
            }
        }
        m_space = m_sources.disk();
    }

    /// False if it stays.
    bool remove_one(const OldStudy& study)
    {
        std::optional<Hold> why = Hold::busy;
        const auto last_look = [&](const store::Folder& folder) {
            m_protection.refresh();
            why = look_at(study.study, folder) == study ? hold(study) : Hold::busy;
            return !why;
        };
        try {
            if (take(study.study, last_look) != StudyRemoval::Taken::yes) {
                m_report.kept.push_back(
                    {study.study, why.value_or(Hold::busy), study.amount.bytes});
                return false;
            }
            const auto links = m_removal.finish(study.study);
            const auto age = std::chrono::floor<std::chrono::hours>(m_order.now - study.newest);
            log::info("study_removed", {{"study", study.study},
                                        {"files", study.amount.files},
                                        {"bytes", study.amount.bytes},
                                        {"age_hours", age.count()},
                                        {"links", links},
                                        {"used_percent", m_space.used_percent()}});
            note(study, links);
            return true;
        } catch (const Error& e) { // what is in the trash by now, the next run finishes
            ++m_report.failed;
            log::error("study_not_removed", {{"study", study.study}, {"reason", e.what()}});
            if (e.fault() != Fault::data && e.fault() != Fault::temporary) {
                throw;
            }
            m_report.trouble = e;
            return false;
        }
    }

    /// Nobody files, withdraws or gives back a request meanwhile (store/requests.h).
    [[nodiscard]] StudyRemoval::Taken
    take(const StudyUid& study, const std::function<bool(const store::Folder&)>& last_look) const
    {
        make_directories(m_config.paths.work());
        const FileLock filing{m_config.paths.requests() / ".lock", lock_patience};
        const FileLock moving{m_config.paths.work() / ".lock", lock_patience};
        return m_removal.take(study, last_look);
    }

    const Config& m_config;
    const ClearOldOrder& m_order;
    const ClearOldSources& m_sources;
    Protection m_protection;
    StudyRemoval m_removal;
    std::unique_ptr<redcap::Client> m_client;
    std::optional<Assignments> m_assignments;
    store::DiskSpace m_space;
    std::size_t m_allowance = 0;
    ClearOldReport m_report;
};

} // namespace

ClearOldReport clear_old(const Config& config, const ClearOldOrder& order,
                         const ClearOldSources& sources)
{
    return Run{config, order, sources}.report();
}

} // namespace fiona::cleanup
