// SPDX-License-Identifier: MIT
#include "libfiona/routing/router.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/routing/pseudonyms.h"

#include <algorithm>
#include <map>
#include <set>

namespace fiona::routing {

namespace {

constexpr std::string_view list_source = "coupling list";

} // namespace

void Router::look_at(const StudyOnDisk& study, const RoutingScope& scope)
{
    const auto& uid = study.record.study;
    std::vector<Wish> wishes;
    for (const auto* const row : m_coupling.find(uid.str(), Private{study.record.accession})) {
        wishes.push_back({row->project, row->participant, row->event, std::string{list_source}});
    }
    if (scope.rules == RoutingScope::Rules::apply) {
        try {
            for (const auto& match : m_rules.find(study)) {
                if (!scope.only_project || *scope.only_project == match.project) {
                    wishes.push_back({match.project, match.participant.reveal(), match.event,
                                      "routing rule " + match.rule});
                }
            }
        } catch (const Error& e) { // a pattern too costly for what this study holds
            report_conflict(uid, "", e.what());
        }
    }
    settle(study.record, wishes);
}

/// One wish for each project, unless they disagree.
void Router::settle(const redcap::StudyRecord& study, const std::vector<Wish>& wishes)
{
    std::map<std::string, std::vector<const Wish*>> by_project;
    for (const auto& wish : wishes) {
        by_project[wish.project].push_back(&wish);
    }
    for (const auto& [project, list] : by_project) {
        const auto& first = *list.front();
        const auto other = std::ranges::find_if(list, [&](const Wish* wish) {
            return wish->participant != first.participant || wish->event != first.event;
        });
        if (other != list.end()) {
            report_conflict(
                study.study, project,
                fmt::format("{} and {} disagree about the {}", first.source, (*other)->source,
                            (*other)->participant == first.participant ? "event" : "participant"));
            continue;
        }
        const auto& patient = study.hashed_patient_id;
        const bool is_compared = first.source == list_source && is_known_patient(patient);
        m_wanted.push_back({{.study = study.study,
                             .project = project,
                             .participant = first.participant,
                             .event = first.event},
                            first.source,
                            is_compared ? patient : std::string{}});
    }
}

void Router::report_conflict(const StudyUid& study, const std::string& project, std::string reason)
{
    log::warn("request_conflict", {{"study", study}, {"project", project}, {"reason", reason}});
    m_report.conflicts.push_back({study, project, std::move(reason)});
}

/// Leaves what may be requested.
void Router::check_wishes()
{
    if (m_wanted.empty()) {
        return;
    }
    if (!m_check) {
        m_check.emplace(m_dtp());
    }
    std::erase_if(m_wanted, [&](const Wanted& wanted) {
        try {
            m_check->check(wanted.transfer.project, wanted.transfer.participant);
            return false;
        } catch (const Error& e) {
            report_conflict(wanted.transfer.study, wanted.transfer.project,
                            fmt::format("{}: {}", wanted.source, e.what()));
            return true;
        }
    });
}

/// What is requested already stays so, and counts.
void Router::check_patients(redcap::Incoming& incoming)
{
    std::set<Pseudonym> compared;
    for (const auto& wanted : m_wanted) {
        if (!wanted.patient.empty()) {
            compared.insert(pseudonym_of(wanted.transfer));
        }
    }
    auto known = requested_patients(incoming, compared);
    for (const auto& wanted : m_wanted) {
        if (!wanted.patient.empty()) {
            known.patients[pseudonym_of(wanted.transfer)].insert(wanted.patient);
        }
    }
    std::erase_if(m_wanted, [&](const Wanted& wanted) {
        const auto name = pseudonym_of(wanted.transfer);
        const bool is_other = !wanted.patient.empty() && known.patients.at(name).size() > 1
                              && !known.studies.contains({wanted.transfer.study, name});
        if (is_other) {
            report_conflict(wanted.transfer.study, wanted.transfer.project,
                            fmt::format("{}: another patient (by PatientID) has this participant's "
                                        "id; if they are one person, assign the study by hand with "
                                        "--same-person",
                                        wanted.source));
        }
        return is_other;
    });
}

RoutingReport Router::flush(redcap::Incoming& incoming, TimePoint now, Mode mode)
{
    check_wishes();
    check_patients(incoming);
    std::vector<redcap::Transfer> transfers;
    transfers.reserve(m_wanted.size());
    for (const auto& wanted : m_wanted) {
        transfers.push_back(wanted.transfer);
    }
    const auto results = incoming.ensure_transfers(transfers, now, mode);
    using Result = redcap::Incoming::Requested::Result;
    for (std::size_t i = 0; i < results.size(); ++i) {
        const auto& study = results[i].transfer.study;
        const auto& project = results[i].transfer.project;
        if (results[i].result == Result::created) {
            log::info(mode == Mode::apply ? "study_requested" : "study_would_be_requested",
                      {{"study", study}, {"project", project}, {"source", m_wanted[i].source}});
            m_report.requested.push_back({study, project, m_wanted[i].source});
        } else if (results[i].result != Result::present) {
            report_conflict(study, project,
                            fmt::format("{}: {}", m_wanted[i].source, results[i].reason));
        }
    }
    m_wanted.clear();
    return std::exchange(m_report, {});
}

} // namespace fiona::routing
