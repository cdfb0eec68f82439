// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/incoming_rows.h"
#include "libfiona/redcap/study_lock.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace fiona::redcap {

namespace {

constexpr std::string_view requested_field = "transfer_requested_date";

bool same_key(const Transfer& a, const Transfer& b)
{
    return a.study == b.study && a.project == b.project && a.participant == b.participant
           && a.event == b.event;
}

Row transfer_row(const StudyUid& study, unsigned instance)
{
    return {study.str(), {}, std::string{transfers_form}, instance, {}};
}

Row request_row(const Transfer& transfer)
{
    auto row = transfer_row(transfer.study, transfer.instance);
    row.values = {{std::string{requested_field}, transfer.requested},
                  {"transfer_project_name", transfer.project},
                  {"transfer_name", transfer.participant}};
    if (!transfer.event.empty()) {
        row.values.emplace("transfer_event_name", transfer.event);
    }
    return row;
}

/// One study must not stand under two pseudonyms of one project.
void refuse_conflict(const std::vector<Transfer>& present, const Transfer& wanted)
{
    const auto clash = std::ranges::find_if(present, [&](const Transfer& transfer) {
        return transfer.project == wanted.project && !transfer.participant.empty()
               && !same_key(transfer, wanted);
    });
    if (clash != present.end()) {
        throw Error{Fault::data,
                    "study {} is already requested for {} with another {} (transfer {})",
                    wanted.study,
                    wanted.project,
                    clash->participant == wanted.participant ? "event" : "participant",
                    clash->instance};
    }
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

Incoming::Ensured Incoming::ensure_transfer(const Transfer& wanted, TimePoint now)
{
    const StudyLocks lock{m_locks, {wanted.study}};
    constexpr unsigned max_rounds = 5;
    std::optional<Error> last_problem;
    for (unsigned round = 0;; ++round) {
        const auto present = read_transfers(wanted.study);
        const auto same = std::ranges::find_if(
            present, [&](const Transfer& transfer) { return same_key(transfer, wanted); });
        if (same != present.end()) {
            return {*same, round > 0};
        }
        refuse_conflict(present, wanted);
        if (round == max_rounds) {
            throw last_problem.value_or(Error{
                Fault::protocol, "REDCap does not keep the transfer of study {}", wanted.study});
        }
        auto request = wanted;
        request.instance = 1;
        for (const auto& transfer : present) {
            request.instance = std::max(request.instance, transfer.instance + 1);
        }
        request.requested = local_minute(now);
        last_problem.reset();
        try {
            m_client.import_once({request_row(request)}, Overwrite::normal);
        } catch (const Error& e) {
            // Perhaps only the answer was lost: the next round looks before it writes.
            if (e.fault() != Fault::unreachable && e.fault() != Fault::temporary) {
                throw e.in(fmt::format("study {}", wanted.study));
            }
            last_problem = e;
        }
    }
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
