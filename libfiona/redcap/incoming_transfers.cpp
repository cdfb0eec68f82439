// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/incoming_rows.h"
#include "libfiona/redcap/instances.h"
#include "libfiona/redcap/outbox.h"
#include "libfiona/redcap/study_lock.h"
#include "libfiona/redcap/transfer_rows.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace fiona::redcap {

namespace {

using Requested = Incoming::Requested;

constexpr std::string_view project_field = "transfer_project_name";

/// One study must not stand under two pseudonyms of one project.
Instance instance_of(const Transfer& transfer, TimePoint now, Incoming::Second second)
{
    return {.record = transfer.study.str(),
            .event = {},
            .instrument = std::string{transfers_form},
            .key = {{std::string{project_field}, transfer.project},
                    {"transfer_name", transfer.participant},
                    {"transfer_event_name", transfer.event}},
            .values = {{std::string{requested_field},
                        transfer.requested.empty() ? local_minute(now) : transfer.requested}},
            .exclusive = second == Incoming::Second::refuse ? std::string{project_field} : ""};
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
    auto requested = ensure_some({&wanted, 1}, now, second, Refusals::forget).front();
    if (requested.result == Requested::Result::conflict
        || requested.result == Requested::Result::refused) {
        throw Error{Fault::data, "{}", requested.reason};
    }
    return {std::move(requested.transfer), requested.result == Requested::Result::created};
}

std::vector<Requested> Incoming::ensure_some(std::span<const Transfer> wanted, TimePoint now,
                                             Second second, Refusals refusals)
{
    std::vector<StudyUid> studies;
    std::vector<Instance> instances;
    for (const auto& transfer : wanted) {
        studies.push_back(transfer.study);
        instances.push_back(instance_of(transfer, now, second));
    }
    const StudyLocks locks{m_locks, std::move(studies)};
    const auto results = ensure_instances(m_client, instances, &outbox(), now, refusals);
    std::vector<Requested> requested;
    for (std::size_t i = 0; i < results.size(); ++i) {
        const auto& result = results[i];
        if (result.obstacle) {
            requested.push_back({wanted[i], Requested::Result::conflict,
                                 conflict_error(transfer_of(*result.obstacle), wanted[i]).what()});
        } else if (result.refusal) {
            requested.push_back({wanted[i], Requested::Result::refused,
                                 fmt::format("study {}: {}", wanted[i].study, *result.refusal)});
        } else {
            requested.push_back({transfer_of(result.row), result.created
                                                              ? Requested::Result::created
                                                              : Requested::Result::present});
        }
    }
    return requested;
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
    const auto requested = date_to_request_again(*stored, now);
    if (requested.empty()) {
        return; // it waits already
    }
    auto row = transfer_row(transfer.study, transfer.instance);
    row.values = {{std::string{requested_field}, requested}};
    m_client.import_records({row}, Overwrite::normal);
}

void Incoming::withdraw(const Transfer& transfer)
{
    const StudyLocks lock{m_locks, {transfer.study}};
    const auto before = read_transfers(transfer.study);
    const auto* const stored = find_instance(before, transfer.instance);
    const auto planned = instance_of(transfer, TimePoint{}, Second::refuse);
    if (stored == nullptr || stored->project.empty()) {
        outbox().settle({}, {planned});
        return;
    }
    if (!same_key(*stored, transfer)) {
        // Taken back before, and the number is another request's by now.
        if (std::ranges::none_of(before,
                                 [&](const Transfer& t) { return same_key(t, transfer); })) {
            outbox().settle({}, {planned});
            return;
        }
        throw Error{Fault::data, "study {}: transfer {} has been changed in REDCap", transfer.study,
                    transfer.instance};
    }
    if (!stored->transferred.empty()) {
        throw Error{Fault::data, "study {}: transfer {} has been sent already", transfer.study,
                    transfer.instance};
    }
    // A run that was killed after its import left it in the journal: resume() would make it again.
    outbox().settle({}, {planned});
    const auto row = transfer_row(transfer.study, transfer.instance);
    try {
        m_client.delete_instance(row.record, row.instrument, row.instance);
    } catch (const Error& e) {
        if (e.fault() != Fault::data && e.fault() != Fault::protocol
            && e.fault() != Fault::permission) {
            throw;
        }
        // A server, or a token, without the right to delete one instance: an empty one asks for nothing.
        log::debug("instance_emptied", {{"study", transfer.study}, {"reason", e.what()}});
        auto empty = row;
        empty.values = {
            {"transfer_project_name", ""}, {"transfer_name", ""}, {"transfer_event_name", ""}};
        m_client.import_records({empty}, Overwrite::overwrite);
    }
    const auto after = read_transfers(transfer.study);
    if (const auto* const left = find_instance(after, transfer.instance);
        left != nullptr && same_key(*left, transfer)) {
        throw Error{Fault::protocol, "REDCap keeps transfer {} of study {}", transfer.instance,
                    transfer.study};
    }
}

void Incoming::write_result(const TransferResult& result)
{
    const StudyLocks lock{m_locks, {result.study}};
    const auto present = read_transfers(result.study);
    const auto* const stored = find_instance(present, result.instance);
    if (stored == nullptr) {
        throw Error{Fault::data, "study {}: transfer {} is no longer in REDCap", result.study,
                    result.instance};
    }
    if ((!result.project.empty() && stored->project != result.project)
        || (!result.participant.empty() && stored->participant != result.participant)) {
        throw Error{Fault::data, "study {}: transfer {} is another request in REDCap", result.study,
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
