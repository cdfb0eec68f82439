// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/incoming_rows.h"
#include "libfiona/redcap/instances.h"
#include "libfiona/redcap/outbox.h"
#include "libfiona/redcap/study_lock.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <string_view>

namespace fiona::redcap {

namespace {

constexpr std::string_view requested_field = "transfer_requested_date";
constexpr std::string_view project_field = "transfer_project_name";
constexpr std::ptrdiff_t studies_per_block = 200;

bool same_key(const Transfer& a, const Transfer& b)
{
    return a.study == b.study && a.project == b.project && a.participant == b.participant
           && a.event == b.event;
}

Row transfer_row(const StudyUid& study, unsigned instance)
{
    return {study.str(), {}, std::string{transfers_form}, instance, {}};
}

/// One study must not stand under two pseudonyms of one project.
Instance instance_of(const Transfer& transfer, TimePoint now, Incoming::Second second)
{
    return {.record = transfer.study.str(),
            .event = {},
            .instrument = std::string{transfers_form},
            .key = {{std::string{project_field}, transfer.project},
                    {"transfer_name", transfer.participant},
                    {"transfer_event_name", transfer.event}},
            .values = {{std::string{requested_field}, local_minute(now)}},
            .exclusive = second == Incoming::Second::refuse ? std::string{project_field} : ""};
}

std::string refusal_of(const Transfer& wanted, const EnsuredInstance& result)
{
    if (!result.obstacle) {
        return fmt::format("study {}: {}", wanted.study, *result.refusal);
    }
    const auto other = transfer_of(*result.obstacle);
    return fmt::format("study {} is already requested for {} with another {} (transfer {})",
                       wanted.study, wanted.project,
                       other.participant == wanted.participant ? "event" : "participant",
                       other.instance);
}

const Transfer* find_instance(const std::vector<Transfer>& transfers, unsigned instance)
{
    const auto found = std::ranges::find(transfers, instance, &Transfer::instance);
    return found == transfers.end() ? nullptr : &*found;
}

/// A checkbox as REDCap takes it.
const char* checkbox(bool value)
{
    return value ? "1" : "0";
}

} // namespace

Outbox& Incoming::outbox()
{
    if (!m_outbox) {
        m_outbox = std::make_shared<Outbox>(m_locks.parent_path(), Role::incoming);
    }
    return *m_outbox;
}

Incoming::Ensured Incoming::ensure_transfer(const Transfer& wanted, TimePoint now, Second second)
{
    auto outcome = ensure_some({wanted}, now, second, Refusals::forget).front();
    if (!outcome.ensured) {
        throw Error{Fault::data, "{}", outcome.refusal};
    }
    return std::move(*outcome.ensured);
}

std::vector<Incoming::Outcome> Incoming::ensure_transfers(const std::vector<Transfer>& wanted,
                                                          TimePoint now, Second second)
{
    std::vector<Outcome> outcomes;
    for (auto at = wanted.begin(); at != wanted.end();) {
        const auto end = at + std::min(studies_per_block, wanted.end() - at);
        std::ranges::move(ensure_some({at, end}, now, second, Refusals::remember),
                          std::back_inserter(outcomes));
        at = end;
    }
    return outcomes;
}

std::vector<Incoming::Outcome> Incoming::ensure_some(const std::vector<Transfer>& wanted,
                                                     TimePoint now, Second second,
                                                     Refusals refusals)
{
    std::vector<StudyUid> studies;
    std::vector<Instance> instances;
    for (const auto& transfer : wanted) {
        studies.push_back(transfer.study);
        instances.push_back(instance_of(transfer, now, second));
    }
    const StudyLocks locks{m_locks, std::move(studies)};
    auto results = ensure_instances(m_client, instances, &outbox(), now, refusals);
    std::vector<Outcome> outcomes;
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (results[i].refusal) {
            outcomes.push_back({std::nullopt, refusal_of(wanted[i], results[i])});
        } else {
            outcomes.push_back({Ensured{transfer_of(results[i].row), results[i].created}, {}});
        }
    }
    return outcomes;
}

std::size_t Incoming::resume(TimePoint now)
{
    std::size_t there = 0;
    for (const auto& instance : outbox().planned()) {
        std::optional<StudyLocks> lock;
        try {
            lock.emplace(m_locks, std::vector{StudyUid{instance.record}},
                         std::chrono::milliseconds{0});
        } catch (const Error& e) {
            if (e.fault() != Fault::temporary) {
                throw;
            }
            continue; // somebody is at it
        }
        const auto result =
            ensure_instances(m_client, {instance}, &outbox(), now, Refusals::forget).front();
        there += result.refusal ? std::size_t{0} : std::size_t{1};
        log::info(result.refusal ? "planned_request_dropped" : "planned_request_completed",
                  {{"study", instance.record}, {"reason", result.refusal.value_or("")}});
    }
    return there;
}

void Incoming::request_again(const Transfer& transfer, TimePoint now)
{
    const StudyLocks lock{m_locks, {transfer.study}};
    const auto present = read_transfers(transfer.study);
    const auto* const stored = find_instance(present, transfer.instance);
    if (stored == nullptr || !same_key(*stored, transfer)) {
        throw Error{Fault::data, "study {}: transfer {} has been changed in REDCap", transfer.study,
                    transfer.instance};
    }
    if (stored->transferred.empty() || stored->requested > stored->transferred) {
        return; // it waits already
    }
    auto requested = local_minute(now);
    if (requested <= stored->transferred) {
        const auto sent = parse_local_minute(stored->transferred);
        requested = local_minute(sent.value_or(now) + std::chrono::minutes{1});
    }
    auto row = transfer_row(transfer.study, transfer.instance);
    row.values = {{std::string{requested_field}, requested}};
    m_client.import_records({row}, Overwrite::normal);
}

void Incoming::write_result(const TransferResult& result)
{
    const StudyLocks lock{m_locks, {result.study}};
    if (find_instance(read_transfers(result.study), result.instance) == nullptr) {
        throw Error{Fault::data, "study {}: transfer {} is no longer in REDCap", result.study,
                    result.instance};
    }
    const bool failed = result.deidentify_error || result.send_error;
    auto row = transfer_row(result.study, result.instance);
    row.values = {{"transfer_date", local_minute(result.started)},
                  {"transfer_error___1", checkbox(result.deidentify_error)},
                  {"transfer_error___2", checkbox(result.send_error)},
                  {"transfer_error___3", checkbox(result.pixels_masked)},
                  {"transfer_error_message", result.error_message},
                  {"transfer_active_proc_time", fmt::format("{:.1f}", result.seconds)},
                  {"transfers_complete", failed ? "1" : "2"}};
    if (!result.mapped_uids.empty()) {
        row.values.emplace("transfer_mapped_uid", result.mapped_uids);
    }
    m_client.import_records({row}, Overwrite::overwrite);
}

} // namespace fiona::redcap
