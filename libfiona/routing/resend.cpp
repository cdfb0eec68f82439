// SPDX-License-Identifier: MIT
#include "libfiona/routing/resend.h"

#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/routing/request_again.h"
#include "libfiona/store/requests.h"

#include <algorithm>

namespace fiona::routing {

namespace {

/// A date that cannot be read asks for nothing.
bool is_due(const redcap::Transfer& transfer)
{
    const auto requested = parse_local_minute(trimmed(transfer.requested));
    const auto sent = parse_local_minute(trimmed(transfer.transferred));
    return requested && sent && *requested >= *sent;
}

} // namespace

ResendReport resend(redcap::Client& incoming, const Paths& paths, const ResendSelection& selection,
                    TimePoint now, Mode mode)
{
    ResendReport report;
    const store::Requests requests{paths};
    std::vector<redcap::Transfer> wanted;
    redcap::Incoming rows{incoming, paths.state() / "locks"};
    for (auto& transfer : rows.transfers(selection.studies)) {
        const bool is_named =
            selection.studies.empty()
            || std::ranges::find(selection.studies, transfer.study) != selection.studies.end();
        if (!is_named || transfer.project.empty() || transfer.participant.empty()
            || (selection.project && transfer.project != selection.project->str())) {
            continue;
        }
        ++report.transfers;
        if (transfer.transferred.empty() && !given_up_at(requests, transfer, now)) {
            ++report.waiting;
        } else if (selection.dates == ResendSelection::Dates::due && !is_due(transfer)) {
            ++report.not_due;
        } else {
            wanted.push_back(std::move(transfer));
        }
    }
    using Result = redcap::Incoming::Requested::Result;
    for (auto& item : request_again(incoming, paths, wanted, now, mode)) {
        switch (item.result) {
        case Result::created:
            log::info(mode == Mode::apply ? "resend_requested" : "resend_would_be_requested",
                      {{"study", item.transfer.study},
                       {"project", item.transfer.project},
                       {"transfer", item.transfer.instance}});
            report.requested.push_back(std::move(item.transfer));
            break;
        case Result::present: ++report.waiting; break;
        case Result::conflict:
        case Result::refused:
            log::warn("resend_refused", {{"study", item.transfer.study}, {"reason", item.reason}});
            report.problems.push_back({std::move(item.transfer), std::move(item.reason)});
            break;
        }
    }
    return report;
}

} // namespace fiona::routing
