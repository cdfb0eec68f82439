// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/mode.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/projects.h"
#include "libfiona/routing/assign_audit.h"
#include "libfiona/store/study_tree.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace fiona::routing {

/// Opens the REDCap project of one research project.
using OpenProject = std::function<std::unique_ptr<redcap::Client>(const Private<std::string>&)>;

/// What a person asks for. `event` is a label or a unique name; "" for none.
struct Assignment {
    enum class Unknown { refuse, create }; ///< a participant that is not there yet
    enum class Again { keep, resend };     ///< a request that is there already
    enum class Second { refuse, force };   ///< another participant or event in the same project
    enum class Person { compare, same };   ///< same: two PatientIDs of one person

    StudyUid study;
    ProjectName project;
    ParticipantId participant;
    std::string event;
    Unknown unknown = Unknown::refuse;
    Again again = Again::keep;
    Second second = Second::refuse;
    Person person = Person::compare;
};

struct AssignOutcome {
    redcap::Transfer transfer; ///< as REDCap holds it; in a dry run as it would
    bool created = false;
    bool resent = false;
    bool participant_created = false;
};

/// Assignment by a person's hand: the checks, the audit line, the request in INCOMING. Doing the same
/// twice is doing it once. No message holds a participant id: it may be a patient's id typed by
/// mistake.
class Assigner {
public:
    /// `incoming` and `dtp` are borrowed and outlive this object.
    Assigner(const Paths& paths, redcap::Client& incoming, redcap::Client& dtp, OpenProject open);

    /// Throws Error{Fault::data} with the reason if the id cannot be a new participant: the pattern,
    /// a national id, or a record that is there already (compared without case).
    void check_new_id(const ProjectName& project, const ParticipantId& participant);
    /// Throws as check_new_id(), and if `event` is none of the project.
    void add_participant(const ProjectName& project, const ParticipantId& participant,
                         const std::string& event, Mode mode, TimePoint now);
    /// Throws Error: Fault::missing (no such study below raw/, no such project), Fault::data (project
    /// not active, participant unknown, unknown event, the id is the patient's, or has studies of
    /// another patient; another request of the study for this project), and what REDCap throws.
    AssignOutcome assign(const Assignment& wanted, Mode mode, TimePoint now);

    /// Takes a request back that was not sent yet: its file is held, its instance goes, then the file; where
    /// REDCap does not answer it stays held until the same is done again. In a project with automatic ids
    /// the request stays in transfers_fail/, as dropped: nobody asks for it by himself again. Meanwhile nobody
    /// files requests. Returns what was taken back. Throws Error: Fault::missing (no such request),
    /// Fault::data (it was sent, or some of its images were; several fit, and no participant is given),
    /// Fault::temporary (it is being sent now).
    redcap::Transfer cancel(const StudyUid& study, const ProjectName& project,
                            const std::optional<ParticipantId>& participant, Mode mode,
                            TimePoint now);

    /// The REDCap project of an active research project. Throws Error{Fault::data} if it is not
    /// active, Fault::config if it has no token.
    [[nodiscard]] std::unique_ptr<redcap::Client> open(const ProjectName& project);

private:
    struct Target;
    [[nodiscard]] Target target(const ProjectName& project);
    void check_patient(const Assignment& wanted);
    bool ensure_participant(Target& target, const Assignment& wanted, Mode mode, TimePoint now);

    void resend(AssignOutcome& outcome, const Assignment& wanted, Mode mode, TimePoint now);
    [[nodiscard]] redcap::Transfer cancellable(const StudyUid& study, const ProjectName& project,
                                               const std::optional<ParticipantId>& participant);

    [[nodiscard]] std::optional<redcap::Transfer>
    half_cancelled(const StudyUid& study, const ProjectName& project,
                   const std::optional<ParticipantId>& participant) const;
    [[nodiscard]] bool has_automatic_ids(const ProjectName& project);

    Paths m_paths;
    store::StudyTree m_tree;
    redcap::Client& m_client; ///< of INCOMING
    redcap::Incoming m_incoming;
    redcap::Client& m_dtp;
    OpenProject m_open;
    AuditLog m_audit;
};

} // namespace fiona::routing
