// SPDX-License-Identifier: MIT
#include "libfiona/routing/assign.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/routing/assign_identity.h"
#include "libfiona/routing/participant_check.h"
#include "libfiona/routing/pseudonyms.h"
#include "libfiona/routing/request_again.h"
#include "libfiona/routing/series_record.h"
#include "libfiona/routing/transfer_requests.h"
#include "libfiona/store/requests.h"

#include <algorithm>

namespace fiona::routing {

namespace {

enum class Known { no, yes, other_spelling };

/// REDCap's record names collide when they differ in case only.
Known find_participant(redcap::Client& project, const ParticipantId& participant)
{
    const auto wanted = lower_case(participant.str());
    auto result = Known::no;
    for (const auto& known : redcap::participants(project)) {
        if (known == participant.str()) {
            return Known::yes;
        }
        if (lower_case(known) == wanted) {
            result = Known::other_spelling;
        }
    }
    return result;
}

redcap::Transfer new_transfer(const Assignment& wanted, const std::string& event)
{
    return {.study = wanted.study,
            .instance = 0, // INCOMING gives the number
            .project = wanted.project.str(),
            .participant = wanted.participant.str(),
            .event = event,
            .requested = "",
            .transferred = "",
            .mapped_uids = "",
            .error_message = ""};
}

} // namespace

struct Assigner::Target {
    redcap::ResearchProject project;
    std::unique_ptr<redcap::Client> client;

    /// Throws Error{Fault::data} unless the id may become a new record.
    void check_new(const ParticipantId& participant) const
    {
        check_participant(participant, project.participant_pattern);
        if (find_participant(*client, participant) != Known::no) {
            throw Error{Fault::data, "project {}: this participant exists already", project.name};
        }
    }
};

Assigner::Assigner(const Paths& paths, redcap::Client& incoming, redcap::Client& dtp,
                   OpenProject open)
    : m_paths{paths}, m_tree{paths}, m_client{incoming}, m_incoming{incoming,
                                                                    paths.state() / "locks"},
      m_dtp{dtp}, m_open{std::move(open)}, m_audit{paths.logs() / "assign-audit.log"}
{
}

Assigner::Target Assigner::target(const ProjectName& project)
{
    auto found = redcap::research_project(m_dtp, project);
    if (!found.active) {
        throw Error{Fault::data,
                    "project {} is not active (project_active in DataTransferProjects)", project};
    }
    if (!found.token) {
        throw Error{Fault::config,
                    "project {} has no token: set project_token in DataTransferProjects", project};
    }
    auto client = m_open(*found.token);
    return {std::move(found), std::move(client)};
}

std::unique_ptr<redcap::Client> Assigner::open(const ProjectName& project)
{
    return target(project).client;
}

void Assigner::check_new_id(const ProjectName& project, const ParticipantId& participant)
{
    target(project).check_new(participant);
}

void Assigner::add_participant(const ProjectName& project, const ParticipantId& participant,
                               const std::string& event, Mode mode, TimePoint now)
{
    const auto found = target(project);
    found.check_new(participant);
    const auto label = redcap::event_label(*found.client, event);
    if (mode == Mode::dry_run) {
        return;
    }
    m_audit.append({"add-participant", std::nullopt, project, participant}, now);
    redcap::add_participant(*found.client, participant, label);
}

/// A slip of the hand, or of the list's line, gives one participant two persons' images.
void Assigner::check_patient(const Assignment& wanted)
{
    const auto patient_of = [&](const StudyUid& study) {
        return read_study(m_tree, study, Clock::now()).record.hashed_patient_id;
    };
    const auto patient = patient_of(wanted.study);
    if (!is_known_patient(patient)) {
        return;
    }
    const Pseudonym pseudonym{wanted.project.str(), wanted.participant.str()};
    // The request of a moment ago counts as well, and a study that is not recorded yet.
    auto requested =
        requested_patients(m_incoming, {pseudonym}, redcap::ExportSpec::Source::server);
    auto& patients = requested.patients[pseudonym];
    for (const auto& [study, name] : requested.unrecorded) {
        const auto other = m_tree.has_study(study) ? patient_of(study) : std::string{};
        if (is_known_patient(other)) {
            patients.insert(other);
        }
    }
    if (!patients.empty() && !patients.contains(patient)) {
        throw Error{Fault::data,
                    "project {}: this participant has studies of another patient (by PatientID); "
                    "--same-person if they are one person",
                    wanted.project};
    }
}

/// True if the participant was created, or would be in a dry run.
bool Assigner::ensure_participant(Target& target, const Assignment& wanted, Mode mode,
                                  TimePoint now)
{
    switch (find_participant(*target.client, wanted.participant)) {
    case Known::yes: return false;
    case Known::other_spelling:
        throw Error{
            Fault::data,
            "project {}: this participant exists with other upper and lower case; list them "
            "with fiona-assign participants",
            wanted.project};
    case Known::no: break;
    }
    if (wanted.unknown == Assignment::Unknown::refuse) {
        throw Error{
            Fault::data,
            "project {} has no such participant; add --create-participant, or list them with "
            "fiona-assign participants",
            wanted.project};
    }
    target.check_new(wanted.participant);
    if (mode == Mode::apply) {
        m_audit.append({"add-participant", wanted.study, wanted.project, wanted.participant}, now);
        redcap::add_participant(*target.client, wanted.participant, "");
    }
    return true;
}

AssignOutcome Assigner::assign(const Assignment& wanted, Mode mode, TimePoint now)
{
    if (!m_tree.has_study(wanted.study)) {
        throw Error{Fault::missing, "study {} is not on this site (raw/ has no such directory)",
                    wanted.study};
    }
    StudyIdentity{m_tree, wanted.study}.refuse_if_equal(wanted.participant);
    auto found = target(wanted.project);
    const auto event = redcap::event_label(*found.client, wanted.event);

    const auto requests = m_incoming.transfers({wanted.study});
    const auto of_project = [&](const redcap::Transfer& request) {
        return request.project == wanted.project.str();
    };
    const auto same = std::ranges::find_if(requests, [&](const redcap::Transfer& request) {
        return of_project(request) && request.participant == wanted.participant.str()
               && request.event == event;
    });
    const bool is_new = same == requests.end();
    // Checked before a participant is created for a request that cannot be.
    if (is_new && wanted.second == Assignment::Second::refuse
        && std::ranges::any_of(requests, of_project)) {
        throw Error{
            Fault::data,
            "study {} is already requested for project {} with another participant or event; "
            "--force-second puts it under two pseudonyms of one project",
            wanted.study, wanted.project};
    }

    if (is_new && wanted.person == Assignment::Person::compare) {
        check_patient(wanted);
    }

    auto transfer = is_new ? new_transfer(wanted, event) : *same;
    if (is_new) {
        transfer.requested = date_of_new_request(store::Requests{m_paths}, transfer, now, mode);
    }
    AssignOutcome outcome{.transfer = std::move(transfer),
                          .created = is_new,
                          .resent = false,
                          .participant_created = ensure_participant(found, wanted, mode, now)};
    if (!is_new && wanted.again == Assignment::Again::resend) {
        resend(outcome, wanted, mode, now);
    } else if (is_new && mode == Mode::apply) {
        m_audit.append({"assign", wanted.study, wanted.project, wanted.participant}, now);
        auto ensured = m_incoming.ensure_transfer(outcome.transfer, now,
                                                  wanted.second == Assignment::Second::force
                                                      ? redcap::Incoming::Second::allow
                                                      : redcap::Incoming::Second::refuse);
        outcome.transfer = std::move(ensured.transfer);
        outcome.created = ensured.created;
    }
    return outcome;
}

/// One that waits already stays as it is.
void Assigner::resend(AssignOutcome& outcome, const Assignment& wanted, Mode mode, TimePoint now)
{
    if (mode == Mode::apply) {
        m_audit.append({"resend", wanted.study, wanted.project, wanted.participant}, now);
    }
    using Result = redcap::Incoming::Requested::Result;
    auto item = request_again(m_client, m_paths, {outcome.transfer}, now, mode).front();
    if (item.result == Result::conflict || item.result == Result::refused) {
        throw Error{Fault::data, "{}", item.reason};
    }
    outcome.resent = item.result == Result::created;
    outcome.transfer = std::move(item.transfer);
}

/// One that was being taken back when somebody pulled the plug: INCOMING has it no more.
std::optional<redcap::Transfer>
Assigner::half_cancelled(const StudyUid& study, const ProjectName& project,
                         const std::optional<ParticipantId>& participant) const
{
    for (const auto& name : store::Requests{m_paths}.held()) {
        const auto text = read_file_if_any(m_paths.held() / name);
        if (!text || !name.starts_with(study.str() + "_")) {
            continue;
        }
        const auto held = store::TransferRequest::parse(*text, name);
        if (held.study == study && held.project == project
            && (!participant || held.participant == *participant)) {
            return redcap::Transfer{.study = study,
                                    .instance = held.instance,
                                    .project = project.str(),
                                    .participant = held.participant.str(),
                                    .event = held.event ? held.event->str() : "",
                                    .requested = held.requested};
        }
    }
    return std::nullopt;
}

redcap::Transfer Assigner::cancellable(const StudyUid& study, const ProjectName& project,
                                       const std::optional<ParticipantId>& participant)
{
    auto requests = m_incoming.transfers({study});
    std::erase_if(requests, [&](const redcap::Transfer& request) {
        return request.study != study || request.project != project.str()
               || (participant && request.participant != participant->str());
    });
    if (requests.empty()) {
        if (auto half = half_cancelled(study, project, participant)) {
            return *std::move(half);
        }
        throw Error{Fault::missing, "study {} has no such request for project {}", study, project};
    }
    std::erase_if(requests,
                  [](const redcap::Transfer& request) { return !request.transferred.empty(); });
    if (requests.empty()) {
        throw Error{Fault::data, "study {} has been sent to project {} already", study, project};
    }
    if (requests.size() > 1) {
        throw Error{Fault::data,
                    "study {} has {} requests for project {}: name one by --participant", study,
                    requests.size(), project};
    }
    return requests.front();
}

redcap::Transfer Assigner::cancel(const StudyUid& study, const ProjectName& project,
                                  const std::optional<ParticipantId>& participant, Mode mode,
                                  TimePoint now)
{
    constexpr std::chrono::seconds patience{60};
    std::optional<FileLock> no_filing;
    if (mode == Mode::apply) {
        // Else fiona-create-transfer-requests, which may have read the instance a moment ago, would file
        // it again behind our back.
        make_directories(m_paths.pids());
        no_filing.emplace(m_paths.pids() / "fiona-create-transfer-requests.lock", patience);
    }
    auto request = cancellable(study, project, participant);
    const store::Requests files{m_paths};
    const auto file = request_of(request);
    const auto name = file.file_name();
    using Sent = store::Requests::Sent;
    if (mode == Mode::dry_run) {
        if (files.is_pending(name)) {
            files.hold(name, mode, Sent::refuse);
        }
        return request;
    }
    const bool is_automatic = has_automatic_ids(project);
    m_audit.append({"cancel", study, project, ParticipantId{request.participant}}, now);
    // Held first: if REDCap cannot be told, nobody sends what is filed, and nobody files it again.
    const bool is_filed = files.is_pending(name);
    if (is_filed) {
        files.hold(name, mode, Sent::refuse);
    }
    if (is_automatic) {
        files.note_dropped(file, "taken back by fiona-assign cancel", now);
    }
    try {
        m_incoming.withdraw(request);
    } catch (const Error& e) {
        throw e.in(is_filed
                       ? "the request is held, and INCOMING still has it; cancel it again"
                       : "INCOMING still has the request, and it will be sent; cancel it again");
    }
    static_cast<void>(files.withdraw(name));
    return request;
}

/// Of such a project a study that nobody has requested is requested by itself.
bool Assigner::has_automatic_ids(const ProjectName& project)
{
    const auto projects = redcap::research_projects(m_dtp, redcap::Tokens::without);
    const auto found = std::ranges::find(projects, project, &redcap::ResearchProject::name);
    return found != projects.end() && !found->autoid_aetitle.empty();
}

} // namespace fiona::routing
