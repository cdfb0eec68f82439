// SPDX-License-Identifier: MIT
#include "libfiona/status/redcap_steps.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/routing/studies.h"
#include "libfiona/store/study_tree.h"

#include <fmt/ranges.h>

namespace fiona::status {

namespace {

using State = Step::State;

std::string arrival_date(redcap::Client& incoming, const StudyUid& study)
{
    redcap::ExportSpec spec;
    spec.records = {study.str()};
    spec.fields = {"study_arrival_date"};
    for (const auto& row : incoming.export_records(spec)) {
        if (auto date = row.value("study_arrival_date"); !date.empty()) {
            return date;
        }
    }
    return "";
}

Step recorded_step(const Paths& paths, const StudyUid& study, std::size_t recorded,
                   const std::string& since)
{
    const auto here = store::StudyTree{paths}.series(study).size();
    const auto detail = fmt::format("{} series in INCOMING, {} in raw/", recorded, here);
    if (recorded < here) {
        return {"recorded", State::waiting, since, detail,
                "fiona-populate-incoming writes them when the study has settled"};
    }
    return {"recorded", recorded == 0 ? State::waiting : State::done, since, detail,
            recorded == 0 ? "comes after the steps above" : ""};
}

/// Series that were not sent, from the JSON of transfer_error_message.
std::string held_series(const std::string& message)
{
    try {
        const auto document = json::parse(message, "transfer_error_message");
        const auto* const held = document.find("held");
        if (held == nullptr || !held->is_array()) {
            return "";
        }
        std::vector<std::string> parts;
        for (const auto& item : held->array()) {
            const auto uid = item.is_object() ? item.text("series") : item.text();
            const auto reason = item.text("reason");
            parts.push_back(reason.empty() ? uid : fmt::format("{} ({})", uid, reason));
        }
        return fmt::format("{}", fmt::join(parts, ", "));
    } catch (const Error&) {
        return ""; // written by hand, or by an older version
    }
}

Step transfer_step(const redcap::Transfer& transfer)
{
    Step step{fmt::format("transfer {}", transfer.instance), State::done, transfer.requested,
              fmt::format("{} as {}{}", transfer.project, transfer.participant,
                          transfer.event.empty() ? "" : ", event " + transfer.event),
              ""};
    switch (routing::state_of(transfer)) {
    case routing::StudyState::error:
        step.state = State::blocked;
        step.since = transfer.transferred;
        step.detail += fmt::format("; failed: {}", fmt::join(routing::errors_of(transfer), ", "));
        step.next = "see the request below, mend the cause, then: fiona-assign assign ... --resend";
        break;
    case routing::StudyState::done:
        step.since = transfer.transferred;
        step.detail += transfer.pixels_masked ? "; sent, pixels masked" : "; sent";
        break;
    default:
        step.state = State::waiting;
        step.detail += "; requested";
        step.next = "fiona-create-transfer-requests and fiona-anonymize-send take it on";
    }
    if (const auto held = held_series(transfer.error_message); !held.empty()) {
        step.state = State::blocked;
        step.detail += "; held back: " + held;
        step.next = "look at the series named; they are sent when the reason is gone";
    }
    return step;
}

} // namespace

Recorded redcap_steps(const Paths& paths, const StudyUid& study, const OpenIncoming& open)
{
    Recorded result;
    try {
        const auto client = open();
        redcap::Incoming incoming{*client, paths.state() / "locks"};
        const auto series = incoming.recorded_series({study});
        const auto found = series.find(study);
        result.steps.push_back(recorded_step(paths, study,
                                             found == series.end() ? 0 : found->second.size(),
                                             arrival_date(*client, study)));
        result.transfers = incoming.transfers({study});
        if (result.transfers.empty()) {
            result.steps.push_back({"assigned", State::blocked, "", "nobody has asked for it",
                                    "fiona-assign assign, or a routing rule or coupling list"});
        }
        for (const auto& transfer : result.transfers) {
            result.steps.push_back(transfer_step(transfer));
        }
    } catch (const Error& e) {
        result.is_reachable = false;
        result.steps = {{"recorded", State::unknown, "",
                         fmt::format("REDCap could not be asked: {}", e.what()),
                         "see that REDCap runs: fiona-config check"}};
    }
    return result;
}

} // namespace fiona::status
