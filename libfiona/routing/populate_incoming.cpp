// SPDX-License-Identifier: MIT
#include "libfiona/routing/populate_incoming.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/routing/coupling.h"
#include "libfiona/routing/populate_cache.h"
#include "libfiona/routing/series_record.h"
#include "libfiona/store/study_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <iterator>
#include <optional>
#include <set>

namespace fiona::routing {

namespace {

constexpr std::size_t studies_per_call = 200;
constexpr std::chrono::hours rest{1}; // of what REDCap refused, and of conflicts
constexpr std::chrono::hours compare_every{24};

/// What was read of one study and is not yet known to be in REDCap, or not yet routed.
struct Candidate {
    StudyOnDisk study;
    std::int64_t changed_ns = 0;
    bool is_recorded = false; ///< only rules or list are to be asked
    RoutingScope scope;
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

/// Coupling list and rules as they are now.
class Sources {
public:
    explicit Sources(const PopulateProjects& projects)
    {
        try {
            if (projects.coupling != nullptr) {
                coupling = CouplingIndex{read_coupling(*projects.coupling)};
            }
            if (projects.routing != nullptr) {
                rules = RoutingRules{*projects.routing};
            }
        } catch (const Error& e) {
            log::error("routing_unavailable", {{"reason", e.what()}});
            problem = e;
        }
    }

    CouplingIndex coupling;
    RoutingRules rules;
    std::optional<Error> problem; ///< then nothing may be taken as routed
};

class Run {
public:
    Run(const PopulateProjects& projects, const Config& config, TimePoint now, Mode mode,
        std::optional<std::string> rules_again_for)
        : m_tree{config.paths}, m_cache{config.paths.state() / "populate-incoming.json"},
          m_incoming{projects.incoming, config.paths.state() / "locks"}, m_sources{projects},
          m_router{m_sources.coupling, m_sources.rules, projects.dtp},
          m_has_made{projects.has_made}, m_rules_again_for{std::move(rules_again_for)},
          m_is_new_list{!m_sources.problem && m_cache.coupling() != m_sources.coupling.digest()},
          m_settle{config.timing.settle}, m_now{now}, m_mode{mode}
    {
    }

    PopulateReport report()
    {
        if (m_mode == Mode::apply) {
            m_incoming.resume(m_now);
        }
        m_report.disabled_rules = m_sources.rules.disabled();
        compare();
        const auto studies = m_tree.studies();
        for (const auto& study : studies) {
            // What a scanner made below 2.25. is recorded as any other.
            if (is_deidentified(study)) {
                ++m_report.deidentified;
                log::debug("study_skipped", {{"study", study}, {"reason", "de-identified"}});
                continue;
            }
            look_at(study);
            if (m_candidates.size() == studies_per_call) {
                handle_candidates();
            }
        }
        handle_candidates();
        m_cache.keep_only(studies);
        if (m_is_new_list) {
            m_cache.set_coupling(m_sources.coupling.digest());
        }
        save();
        return std::move(m_report);
    }

    [[nodiscard]] const std::optional<Error>& problem() const { return m_sources.problem; }

private:
    /// A REDCap that was put back to an earlier state lacks what we think it has: once a day we ask.
    void compare()
    {
        if (is_younger(m_cache.compared(), m_now, compare_every)) {
            return;
        }
        try {
            const auto lost = m_cache.compare(
                m_cache.is_empty() ? std::set<StudyUid>{} : m_incoming.recorded_studies(), m_now);
            if (lost > 0) {
                log::warn("incoming_lost_studies", {{"studies", lost}});
            }
        } catch (const Error& e) { // what is new is recorded all the same
            log::warn("incoming_not_compared", {{"reason", e.what()}});
        }
    }

    /// A copy that came back stays ours when its transfer is withdrawn and forgotten.
    [[nodiscard]] bool is_deidentified(const StudyUid& study)
    {
        if (has_original_root(study)) {
            return true;
        }
        if (!study.str().starts_with("2.25.") || !m_has_made) {
            return false;
        }
        const auto* const known = m_cache.find(study);
        if (known != nullptr && known->is_ours) {
            return true;
        }
        if (!m_has_made(study)) {
            return false;
        }
        m_cache.put(study, {.is_ours = true});
        return true;
    }

    void look_at(const StudyUid& study)
    {
        // Before the content is read: what arrives meanwhile moves it on and is seen next time.
        const auto changed = directory_change(m_tree, study);
        if (!changed) {
            return;
        }
        ++m_report.studies;
        const auto* const known = m_cache.find(study);
        const bool is_same = known != nullptr && known->changed_ns == *changed
                             && known->refused == 0 && !known->is_lost;
        const auto scope = scope_of(known, is_same);
        if (is_same && !scope) {
            ++m_report.unchanged;
            return;
        }
        auto on_disk = read_study(m_tree, study, m_now);
        m_report.unreadable_series += on_disk.unreadable;
        if (is_younger(on_disk.newest, m_now, m_settle)) {
            ++m_report.waiting;
            log::debug("study_waits", {{"study", study}});
            if (scope && known != nullptr) {
                // The list is new in this run only: what settles as it was must be asked all the same.
                m_cache.put(study, {});
            }
            return;
        }
        if (on_disk.record.series.empty()) {
            return;
        }
        // A study with unreadable series is read, and complained about, in every run.
        const auto remembered = on_disk.unreadable == 0 ? *changed : 0;
        const bool is_known = known != nullptr && known->digest == on_disk.digest();
        const bool is_recorded = is_known && known->refused == 0 && !known->is_lost;
        if (is_recorded && !scope) {
            ++m_report.unchanged;
            auto entry = *known;
            entry.changed_ns = remembered;
            m_cache.put(study, std::move(entry));
            return;
        }
        if (is_known && is_recent(known->refused)) {
            m_report.refused.push_back({study, "refused less than an hour ago"});
            return;
        }
        RoutingScope asked; // what is new is asked for by all
        if (is_recorded) {
            asked = *scope;
        } else if (is_known && known->is_lost) {
            // A rule was asked before, and perhaps a person has taken back what came of it.
            asked = scope.value_or(
                RoutingScope{.rules = RoutingScope::Rules::skip, .only_project = {}});
        }
        m_candidates.push_back({.study = std::move(on_disk),
                                .changed_ns = remembered,
                                .is_recorded = is_recorded,
                                .scope = std::move(asked)});
    }

    [[nodiscard]] bool is_recent(std::int64_t when) const
    {
        return when != 0 && is_younger(TimePoint{std::chrono::seconds{when}}, m_now, rest);
    }

    /// What is to be asked for a study although nothing of it is new; nothing for most.
    std::optional<RoutingScope> scope_of(const PopulateCache::Entry* known, bool is_same)
    {
        if (m_rules_again_for) {
            return RoutingScope{.rules = RoutingScope::Rules::apply,
                                .only_project = m_rules_again_for};
        }
        if (known != nullptr && known->conflict != 0) {
            if (!is_recent(known->conflict) || m_is_new_list) {
                return RoutingScope{};
            }
            m_report.old_conflicts += is_same ? 1U : 0U;
        }
        if (m_is_new_list) {
            return RoutingScope{.rules = RoutingScope::Rules::skip, .only_project = {}};
        }
        return std::nullopt;
    }

    void handle_candidates()
    {
        if (m_candidates.empty()) {
            return;
        }
        record();
        route();
        m_candidates.clear();
        save(); // a later batch may fail; what is recorded need not be compared again
    }

    void record()
    {
        std::vector<redcap::StudyRecord> records;
        records.reserve(m_candidates.size());
        for (const auto& candidate : m_candidates) {
            if (!candidate.is_recorded) {
                records.push_back(candidate.study.record);
            }
        }
        auto recorded = m_incoming.record_all(records, m_mode);
        m_report.unchanged += recorded.unchanged.size();
        m_report.unchanged += m_candidates.size() - records.size();
        m_report.series_rows += recorded.series_rows;
        for (auto& study : recorded.written) {
            log::info(m_mode == Mode::apply ? "study_recorded" : "study_would_be_recorded",
                      {{"study", study}});
            m_report.written.push_back(std::move(study));
        }
        for (auto& refusal : recorded.refused) {
            log::warn("study_refused", {{"study", refusal.study}, {"reason", refusal.reason}});
            const auto refused = std::ranges::find_if(m_candidates, [&](const Candidate& one) {
                return one.study.record.study == refusal.study;
            });
            m_cache.put(refusal.study, {.changed_ns = refused->changed_ns,
                                        .digest = refused->study.digest(),
                                        .refused = epoch_seconds(m_now)});
            m_candidates.erase(refused); // not in INCOMING, so it cannot be requested
            m_report.refused.push_back(std::move(refusal));
        }
    }

    /// Remembers a study only after its requests are in INCOMING.
    void route()
    {
        for (const auto& candidate : m_candidates) {
            m_router.look_at(candidate.study, candidate.scope);
        }
        auto routed = m_router.flush(m_incoming, m_now, m_mode);
        std::set<StudyUid> in_conflict;
        for (const auto& conflict : routed.conflicts) {
            in_conflict.insert(conflict.study);
        }
        std::ranges::move(routed.requested, std::back_inserter(m_report.requested));
        std::ranges::move(routed.conflicts, std::back_inserter(m_report.conflicts));
        for (const auto& candidate : m_candidates) {
            const auto& study = candidate.study.record.study;
            m_cache.put(study,
                        {.changed_ns = m_sources.problem ? 0 : candidate.changed_ns,
                         .digest = m_sources.problem ? "" : candidate.study.digest(),
                         .conflict = in_conflict.contains(study) ? epoch_seconds(m_now) : 0});
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
    Sources m_sources;
    Router m_router;
    std::function<bool(const StudyUid&)> m_has_made;
    std::optional<std::string> m_rules_again_for;
    bool m_is_new_list;
    std::chrono::seconds m_settle;
    TimePoint m_now;
    Mode m_mode;
    std::vector<Candidate> m_candidates;
    PopulateReport m_report;
};

} // namespace

PopulateReport populate_incoming(const PopulateProjects& projects, const Config& config,
                                 TimePoint now, Mode mode,
                                 const std::optional<std::string>& rules_again_for)
{
    Run run{projects, config, now, mode, rules_again_for};
    auto report = run.report();
    if (run.problem()) {
        throw Error{*run.problem()}.in("the studies are recorded, but not routed");
    }
    return report;
}

} // namespace fiona::routing
