// SPDX-License-Identifier: MIT
#include "libfiona/transfer/committer.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <algorithm>
#include <set>
#include <utility>

namespace fiona::transfer {

Committer::Committer(const Config& config, pacs::Peer peer)
    : m_config{config}, m_peer{std::move(peer)}, m_inbox{config.paths.commitments()}
{
}

bool Committer::is_required() const
{
    return m_config.research_pacs.commitment == ResearchPacsConfig::Commitment::required;
}

Committer::Verdict Committer::judge(Journal& journal, std::vector<pacs::ObjectReference> stored,
                                    TimePoint now)
{
    if (m_config.research_pacs.commitment == ResearchPacsConfig::Commitment::off) {
        return {"off", {}, {}};
    }
    std::erase_if(stored,
                  [&](const auto& object) { return journal.is_committed(object.sop_instance); });
    if (stored.empty()) {
        return {"committed", {}, {}};
    }
    if (const auto question = journal.question()) {
        if (const auto report = m_inbox.find(question->transaction)) {
            return answered(journal, *report, stored);
        }
        if (is_required()) {
            if (now < question->asked + m_config.research_pacs.commitment_timeout) {
                return silent(journal);
            }
            journal.note_failure();
            log::warn("commitment_not_reported", {{"transaction", question->transaction}});
        }
        m_inbox.forget(question->transaction);
        journal.note_committed({}); // nobody answers it any more
    }
    return ask(journal, std::move(stored), now);
}

Committer::Verdict Committer::ask(Journal& journal, std::vector<pacs::ObjectReference> objects,
                                  TimePoint now)
{
    using Kind = pacs::CommitmentAnswer::Kind;
    if (!m_is_offered) {
        return {"not offered", {}, {}};
    }
    const auto wait =
        m_reports_at_once ? m_config.research_pacs.commitment_wait : std::chrono::seconds::zero();
    const pacs::CommitmentQuestion question{pacs::new_transaction(), std::move(objects), wait,
                                            m_config.paths.temporary()};
    m_inbox.expect(question.transaction);
    journal.note_asked({question.transaction, now});
    pacs::CommitmentAnswer answer;
    try {
        answer = pacs::ask_commitment(m_peer, question);
    } catch (const Error& e) {
        log::warn("commitment_not_asked", {{"reason", e.what()}});
        if (is_required()) {
            throw;
        }
        m_is_offered = e.fault() != Fault::protocol; // or each study of this run is told the same
        m_inbox.forget(question.transaction);
        return {"not reported", {}, {}};
    }
    switch (answer.kind) {
    case Kind::reported: return answered(journal, *answer.report, question.objects);
    case Kind::accepted:
        m_reports_at_once = false; // the next study of this run need not wait in vain
        return silent(journal);
    case Kind::not_offered: m_is_offered = false; break;
    case Kind::refused: break;
    }
    m_inbox.forget(question.transaction);
    journal.note_committed({});
    if (is_required()) {
        throw Error{Fault::protocol,
                    "{} {}; let it do that, or set RESEARCH_PACS.commitment to auto or off",
                    m_peer.called_aet,
                    answer.kind == Kind::refused
                        ? fmt::format("refuses storage commitment ({:04X})", answer.status)
                        : "offers no storage commitment"};
    }
    return {answer.kind == Kind::refused ? "refused" : "not offered", {}, {}};
}

/// Accepted, and nothing heard yet.
Committer::Verdict Committer::silent(const Journal& journal) const
{
    if (is_required()) {
        return {"asked", "the research PACS has not yet reported its storage commitment", {}};
    }
    m_inbox.forget(journal.question()->transaction);
    return {"not reported", {}, {}};
}

Committer::Verdict Committer::answered(Journal& journal, const pacs::CommitmentReport& report,
                                       const std::vector<pacs::ObjectReference>& objects)
{
    std::set<std::string> safe;
    Verdict verdict{"committed", {}, {}};
    for (const auto& [sop_class, sop] : objects) {
        const auto failed = report.failed.find(sop);
        if (failed != report.failed.end()) {
            verdict.lost.emplace(sop, pacs::failure_words(failed->second));
        } else if (report.committed.contains(sop)) {
            safe.insert(sop);
        } else {
            verdict.lost.emplace(sop, "it says nothing of it");
        }
    }
    journal.note_committed(safe);
    m_inbox.forget(report.transaction);
    log::info("commitment_reported_to_us",
              {{"committed", safe.size()}, {"lost", verdict.lost.size()}});
    return verdict;
}

} // namespace fiona::transfer
