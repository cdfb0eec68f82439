// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/json.h"
#include "libfiona/base/private.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/routing/studies_filter.h"
#include "libfiona/store/study_tree.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::routing {

/// What is to be done with a study, or with one of its requests.
enum class StudyState {
    unassigned, ///< "new": nobody asked for it
    requested,  ///< asked for, not yet transferred (or asked for again since)
    done,
    error, ///< the last transfer failed
    gone   ///< its files have left the site
};
[[nodiscard]] std::string_view state_name(StudyState state);
[[nodiscard]] StudyState state_of(const redcap::Transfer& transfer);

/// One study for an operator's eye. The patient's name and id are not in it.
struct Study {
    explicit Study(StudyUid study) : uid{std::move(study)} {}

    StudyUid uid;
    std::optional<TimePoint> arrived; ///< from incoming.txt, else the newest series
    std::string caller, called;       ///< AE titles
    std::vector<std::string> modalities;
    std::string description, accession, institution, station, manufacturer, model, date, time;
    std::size_t series = 0;
    std::size_t images = 0;
    StudyState state = StudyState::unassigned; ///< the state that asks most for attention
    std::vector<redcap::Transfer> requests;
};

struct StudyQuery {
    std::optional<TimePoint> arrived_since;
    std::optional<ProjectName> project; ///< only studies with a request for it
    enum class Deidentified { hide, show } deidentified = Deidentified::hide;
    std::vector<StudyFilter> filters;
};

/// The join of incoming.txt, raw/ and INCOMING, newest arrival first. Throws what Incoming throws: a
/// list without the states would invite a second assignment.
[[nodiscard]] std::vector<Study> find_studies(const Paths& paths, redcap::Incoming& incoming,
                                              const StudyQuery& query);

/// Studies below raw/ with that accession number, by UID.
[[nodiscard]] std::vector<StudyUid> studies_with_accession(const store::StudyTree& tree,
                                                           const Private<std::string>& accession);
/// The one study with that accession number. Throws Error{Fault::missing} if there is none,
/// Fault::data listing their UIDs if there are several.
[[nodiscard]] StudyUid study_with_accession(const store::StudyTree& tree,
                                            const Private<std::string>& accession);

[[nodiscard]] json::Value as_json(const Study& study);
[[nodiscard]] json::Value as_json(const redcap::Transfer& transfer);
/// "deidentify", "send": what went wrong with it; empty if nothing did.
[[nodiscard]] std::vector<std::string> errors_of(const redcap::Transfer& transfer);

} // namespace fiona::routing
