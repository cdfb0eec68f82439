// SPDX-License-Identifier: MIT
#include "libfiona/routing/populate_incoming.h"

#include "libfiona/base/log.h"
#include "libfiona/routing/populate_cache.h"
#include "libfiona/routing/series_record.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>

#include <optional>

namespace fiona::routing {

namespace {

constexpr std::size_t studies_per_call = 200;
constexpr std::chrono::hours refused_rest{1};

/// What was read of one study and is not yet known to be in REDCap.
struct Candidate {
    StudyOnDisk study;
    std::int64_t changed_ns = 0;
};

/// mtime of raw/<Study>: every series JSON comes by rename, so it moves with each of them.
std::optional<std::int64_t> directory_change(const store::StudyTree& tree, const StudyUid& study)
{
    struct stat status {};
    if (::stat(tree.study_directory(study).c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
        return std::nullopt;
    }
    return std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
}

class Run {
public:
    Run(redcap::Client& client, const Config& config, TimePoint now, Mode mode)
        : m_tree{config.paths}, m_cache{config.paths.state() / "populate-incoming.json"},
          m_incoming{client, config.paths.state() / "locks"}, m_settle{config.timing.settle},
          m_now{now}, m_mode{mode}
    {
    }

    PopulateReport report()
    {
        if (m_mode == Mode::apply) {
            m_incoming.resume(m_now);
        }
        const auto studies = m_tree.studies();
        for (const auto& study : studies) {
            if (is_deidentified(study)) {
                ++m_report.deidentified;
                log::debug("study_skipped", {{"study", study}, {"reason", "de-identified"}});
                continue;
            }
            look_at(study);
            if (m_candidates.size() == studies_per_call) {
                record();
            }
        }
        record();
        m_cache.keep_only(studies);
        save();
        return std::move(m_report);
    }

private:
    void look_at(const StudyUid& study)
    {
        // Before the content is read: what arrives meanwhile moves it on and is seen next time.
        const auto changed = directory_change(m_tree, study);
        if (!changed) {
            return;
        }
        ++m_report.studies;
        const auto* const known = m_cache.find(study);
        if (known != nullptr && known->changed_ns == *changed && known->refused == 0) {
            ++m_report.unchanged;
            return;
        }
        auto on_disk = read_study(m_tree, study, m_now);
        m_report.unreadable_series += on_disk.unreadable;
        // Much younger than now: from a clock that was set back since. Nothing to wait for.
        if (on_disk.newest > m_now - m_settle && on_disk.newest < m_now + m_settle) {
            ++m_report.waiting;
            log::debug("study_waits", {{"study", study}});
            return;
        }
        if (on_disk.record.series.empty()) {
            return;
        }
        // A study with unreadable series is read, and complained about, in every run.
        const auto remembered = on_disk.unreadable == 0 ? *changed : 0;
        if (known != nullptr && known->digest == on_disk.digest()) {
            if (known->refused == 0) {
                ++m_report.unchanged;
                m_cache.put(study, {remembered, known->digest, 0});
                return;
            }
            if (epoch_seconds(m_now) - known->refused
                < std::chrono::seconds{refused_rest}.count()) {
                m_report.refused.push_back({study, "refused less than an hour ago"});
                return;
            }
        }
        m_candidates.push_back({std::move(on_disk), remembered});
    }

    void record()
    {
        std::vector<redcap::StudyRecord> records;
        records.reserve(m_candidates.size());
        for (const auto& candidate : m_candidates) {
            records.push_back(candidate.study.record);
        }
        auto recorded = m_incoming.record_all(records, m_mode);
        m_report.unchanged += recorded.unchanged.size();
        m_report.series_rows += recorded.series_rows;
        for (const auto& candidate : m_candidates) {
            m_cache.put(candidate.study.record.study,
                        {candidate.changed_ns, candidate.study.digest(), 0});
        }
        for (auto& study : recorded.written) {
            log::info(m_mode == Mode::apply ? "study_recorded" : "study_would_be_recorded",
                      {{"study", study}});
            m_report.written.push_back(std::move(study));
        }
        for (auto& refusal : recorded.refused) {
            log::warn("study_refused", {{"study", refusal.study}, {"reason", refusal.reason}});
            auto entry = *m_cache.find(refusal.study);
            entry.refused = epoch_seconds(m_now);
            m_cache.put(refusal.study, std::move(entry));
            m_report.refused.push_back(std::move(refusal));
        }
        const bool something = !m_candidates.empty();
        m_candidates.clear();
        if (something) {
            save(); // a later batch may fail; what is recorded need not be compared again
        }
    }

    void save()
    {
        if (m_mode == Mode::apply) {
            m_cache.save();
        }
    }

    store::StudyTree m_tree;
    PopulateCache m_cache;
    redcap::Incoming m_incoming;
    std::chrono::seconds m_settle;
    TimePoint m_now;
    Mode m_mode;
    std::vector<Candidate> m_candidates;
    PopulateReport m_report;
};

} // namespace

PopulateReport populate_incoming(redcap::Client& client, const Config& config, TimePoint now,
                                 Mode mode)
{
    return Run{client, config, now, mode}.report();
}

} // namespace fiona::routing
