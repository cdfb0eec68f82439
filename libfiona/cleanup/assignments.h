// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/cleanup/protection.h"
#include "libfiona/redcap/client.h"
#include "libfiona/redcap/incoming.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace fiona::cleanup {

/// What REDCap's project INCOMING says of the studies: which of them nobody wants. Throws what the
/// client throws: a list without the assignments would give everything away.
class Assignments {
public:
    /// `sent_age`: a study all of whose transfers are done, for so long, may go too; nothing: never.
    Assignments(redcap::Client& incoming, const Config& config, TimePoint now,
                std::optional<std::chrono::hours> sent_age);

    /// From the copy, for all of them.
    void load(const std::vector<StudyUid>& studies);
    /// From REDCap itself, for these only: to be asked with the locks of these studies held
    /// (redcap/study_lock.h), before anything is removed.
    void confirm(const std::vector<StudyUid>& studies);

    /// Nothing if INCOMING has all of `series` and nobody has asked for the study.
    [[nodiscard]] std::optional<Hold> hold(const StudyUid& study,
                                           const std::set<SeriesUid>& series) const;

private:
    void read_planned();
    [[nodiscard]] bool is_long_sent(const redcap::Transfer& transfer) const;

    redcap::Incoming m_incoming;
    const Config& m_config;
    TimePoint m_now;
    std::optional<std::chrono::hours> m_sent_age;
    std::multimap<StudyUid, redcap::Transfer> m_transfers;
    std::map<StudyUid, std::set<SeriesUid>> m_series;
    std::set<std::string> m_planned; ///< record ids in the journal
};

} // namespace fiona::cleanup
