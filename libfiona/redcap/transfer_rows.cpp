// SPDX-License-Identifier: MIT
#include "libfiona/redcap/transfer_rows.h"

#include "libfiona/base/error.h"
#include "libfiona/redcap/incoming_rows.h"

#include <algorithm>

namespace fiona::redcap {

bool same_key(const Transfer& a, const Transfer& b)
{
    return a.study == b.study && a.project == b.project && a.participant == b.participant
           && a.event == b.event;
}

Row transfer_row(const StudyUid& study, unsigned instance)
{
    return {study.str(), {}, std::string{transfers_form}, instance, {}};
}

const Transfer* find_conflict(const std::vector<Transfer>& present, const Transfer& wanted)
{
    const auto clash = std::ranges::find_if(present, [&](const Transfer& transfer) {
        return transfer.study == wanted.study && transfer.project == wanted.project
               && !transfer.participant.empty() && !same_key(transfer, wanted);
    });
    return clash == present.end() ? nullptr : &*clash;
}

Error conflict_error(const Transfer& present, const Transfer& wanted)
{
    return Error{Fault::data,
                 "study {} is already requested for {} with another {} (transfer {})",
                 wanted.study,
                 wanted.project,
                 present.participant == wanted.participant ? "event" : "participant",
                 present.instance};
}

const Transfer* find_instance(const std::vector<Transfer>& transfers, unsigned instance)
{
    const auto found = std::ranges::find(transfers, instance, &Transfer::instance);
    return found == transfers.end() ? nullptr : &*found;
}

std::string date_to_request_again(const Transfer& stored, TimePoint now)
{
    // A date ahead is of a clock that was set back since, and asks for nothing before it comes.
    const bool is_asked = stored.requested > stored.transferred
                          && (stored.requested <= local_minute(now + std::chrono::minutes{1})
                              || stored.transferred > local_minute(now));
    if (stored.transferred.empty() || is_asked) {
        return {};
    }
    auto requested = local_minute(now);
    if (requested > stored.transferred) {
        return requested;
    }
    const auto sent = parse_local_minute(stored.transferred);
    return local_minute(sent.value_or(now) + std::chrono::minutes{1});
}

} // namespace fiona::redcap
