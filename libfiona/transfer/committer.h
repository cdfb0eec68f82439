// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/pacs/commitment_client.h"
#include "libfiona/transfer/journal.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fiona::transfer {

/// Asks the research PACS whether the objects that it has stored are safe there (RESEARCH_PACS.commitment). One
/// for a run: it remembers what the PACS does not do.
class Committer {
public:
    /// `config` is borrowed.
    Committer(const Config& config, pacs::Peer peer);

    struct Verdict {
        std::string word; ///< for Outcome::commitment
        /// Only then the rest counts: wait, and look again with the same journal.
        std::optional<std::string> postponed;
        std::map<std::string, std::string>
            lost; ///< SOP instance UIDs, and why the PACS has them not
    };
    /// Asks for those of `stored` that are not known to be safe, or looks for the answer to an earlier
    /// question of the journal. Never throws for the PACS if its word is not required.
    /// Throws Error{Fault::protocol} if it is and the PACS does not give it.
    [[nodiscard]] Verdict judge(Journal& journal, std::vector<pacs::ObjectReference> stored,
                                TimePoint now);

private:
    [[nodiscard]] Verdict ask(Journal& journal, std::vector<pacs::ObjectReference> objects,
                              TimePoint now);
    [[nodiscard]] Verdict answered(Journal& journal, const pacs::CommitmentReport& report,
                                   const std::vector<pacs::ObjectReference>& objects);
    [[nodiscard]] Verdict silent(const Journal& journal) const;
    [[nodiscard]] bool is_required() const;

    const Config& m_config;
    pacs::Peer m_peer;
    pacs::CommitmentInbox m_inbox;
    bool m_is_offered = true;
    bool m_reports_at_once = true;
};

} // namespace fiona::transfer
