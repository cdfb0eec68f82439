// SPDX-License-Identifier: MIT
#include "libfiona/status/why.h"

#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/status/disk_steps.h"
#include "libfiona/status/request_steps.h"

#include <algorithm>

namespace fiona::status {

namespace {

using State = Step::State;

/// A person first, then whoever works, then whoever waits; within one kind the earliest station.
const Step* decisive_step(const std::vector<Step>& steps)
{
    for (const auto state : {State::blocked, State::active, State::waiting, State::unknown}) {
        const auto found = std::ranges::find(steps, state, &Step::state);
        if (found != steps.end()) {
            return &*found;
        }
    }
    return nullptr;
}

/// A request that was given up or done once says nothing against a newer one of its instance.
void drop_overtaken(std::vector<Step>& requests)
{
    const auto is_pending = [](const Step& step) {
        return step.state == State::waiting || step.state == State::active;
    };
    std::vector<std::string> pending;
    for (const auto& step : requests) {
        if (is_pending(step)) {
            pending.push_back(step.name);
        }
    }
    std::erase_if(requests, [&](const Step& step) {
        return !is_pending(step) && std::ranges::find(pending, step.name) != pending.end();
    });
    // Of those that ended, the last one counts (times sort as text).
    std::ranges::stable_sort(requests, [](const Step& left, const Step& right) {
        return left.name != right.name ? left.name < right.name : left.since > right.since;
    });
    const auto tail =
        std::unique(requests.begin(), requests.end(),
                    [](const Step& left, const Step& right) { return left.name == right.name; });
    requests.erase(tail, requests.end());
}

void settle(Whereabouts& found)
{
    const auto* const step = decisive_step(found.steps);
    if (step == nullptr) {
        found.verdict = "all done: received, recorded, sent";
        return;
    }
    found.verdict =
        fmt::format("{} at \"{}\": {}", state_name(step->state), step->name, step->detail);
    found.next = step->next;
}

} // namespace

Whereabouts whereabouts(const Config& config, const StudyUid& study, const OpenIncoming& open,
                        TimePoint now)
{
    const auto& paths = config.paths;
    Whereabouts found{.study = study, .steps = {}, .verdict = "", .next = ""};
    found.steps = {received_step(paths, study), spool_step(paths, study), sorted_step(paths, study),
                   arrival_step(paths, config.timing, study, now)};
    auto recorded = redcap_steps(paths, study, open);
    found.redcap_reachable = recorded.is_reachable;
    std::ranges::move(recorded.steps, std::back_inserter(found.steps));
    auto requests = request_steps(paths, study, 0);
    drop_overtaken(requests);
    std::ranges::move(requests, std::back_inserter(found.steps));
    settle(found);
    return found;
}

json::Value as_json(const Whereabouts& found)
{
    json::Array steps;
    for (const auto& step : found.steps) {
        steps.emplace_back(json::Object{{"step", step.name},
                                        {"state", lower_case(state_name(step.state))},
                                        {"since", step.since},
                                        {"detail", step.detail},
                                        {"next", step.next}});
    }
    return json::Object{{"study", found.study.str()},
                        {"tag", log::uid_tag(found.study.str())},
                        {"redcap_reachable", found.redcap_reachable},
                        {"steps", std::move(steps)},
                        {"verdict", found.verdict},
                        {"next", found.next}};
}

std::vector<std::vector<std::string>> as_rows(const Whereabouts& found)
{
    std::vector<std::vector<std::string>> rows;
    for (const auto& step : found.steps) {
        rows.push_back({std::string{state_name(step.state)}, step.name,
                        step.since.empty() ? "-" : step.since, step.detail});
    }
    return rows;
}

} // namespace fiona::status
