// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace fiona::cleanup {

/// Why a study must stay.
enum class Hold {
    young,          ///< something of it came lately
    arriving,       ///< an association is open, or its arrival is not handled yet
    spooled,        ///< waits for the file processor
    unsorted,       ///< objects in the archive without a link: nobody has seen them yet
    arrival_failed, ///< an action at its arrival was given up: a person has to look
    requested,      ///< a request file waits
    in_work,        ///< is being de-identified and sent
    in_job,         ///< a job of the list names it
    assigned,       ///< INCOMING has a transfer of it
    being_assigned, ///< a transfer is being written to INCOMING
    not_recorded,   ///< INCOMING does not know it, or not all its series
    busy            ///< somebody has it in his hands, or it changed since we looked
};
[[nodiscard]] std::string_view hold_name(Hold hold);

/// What the disk says of all studies: queues, marks, requests, jobs. Each list that cannot be read
/// throws, because what it protects would not be protected.
class Protection {
public:
    explicit Protection(const Config& config);

    /// Reads everything anew; of the spool only what is new in it. In the order in which an object
    /// moves on, so that what moves meanwhile is seen in one place or the other.
    void refresh();

    /// Nothing if nothing here holds the study.
    [[nodiscard]] std::optional<Hold> hold(const StudyUid& study) const;
    /// An action at the study's arrival was given up.
    [[nodiscard]] bool has_failed_arrival(const StudyUid& study) const;
    /// When something of the study came last, by the list of arrived studies.
    [[nodiscard]] std::optional<TimePoint> arrived(const StudyUid& study) const;

private:
    [[nodiscard]] bool has_open_association(const StudyUid& study) const;
    void read_spool();
    void read_marks();
    void read_requests();

    const Config& m_config;
    std::map<std::string, StudyUid> m_spooled; ///< by entry
    std::set<StudyUid> m_spooled_studies;
    std::set<StudyUid> m_arriving;
    std::set<StudyUid> m_failed_arrivals;
    std::set<StudyUid> m_requested;
    std::set<StudyUid> m_in_work;
    std::map<StudyUid, TimePoint> m_arrived;
    std::string m_jobs;
};

} // namespace fiona::cleanup
