// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcap/incoming.h"
#include "libfiona/redcap/retry.h"
#include "libfiona/redcap/study_lock.h"
#include "libfiona/redcap/transfer_rows.h"

#include <algorithm>
#include <optional>
#include <string_view>

namespace fiona::redcap {

namespace {

/// A checkbox as REDCap takes it.
const char* checkbox(bool value)
{
    return value ? "1" : "0";
}

} // namespace

Incoming::Ensured Incoming::ensure_transfer(const Transfer& wanted, TimePoint now, Second second)
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
        if (const auto* const clash = find_conflict(present, wanted);
            clash != nullptr && second == Second::refuse) {
            throw conflict_error(*clash, wanted);
        }
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
            if (!may_have_happened(e)) {
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
    const auto requested = date_to_request_again(*stored, now);
    if (requested.empty()) {
        return; // it waits already
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
