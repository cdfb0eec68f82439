// SPDX-License-Identifier: MIT
#include "libfiona/status/why.h"

#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/status/disk_steps.h"
#include "libfiona/status/request_steps.h"
#include "libfiona/status/unseen.h"

#include <algorithm>
#include <iterator>

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

/// A study whose files were cleared away after all that was asked for had been sent lacks nothing.
void note_clearing(std::vector<Step>& steps)
{
    const auto is_of_a_transfer = [](const Step& step) {
        return step.name.starts_with("transfer ") || step.name.starts_with("request ");
    };
    bool is_sent = false;
    for (const auto& step : steps) {
        if (is_of_a_transfer(step) && step.state != State::done) {
            return;
        }
        is_sent = is_sent || step.name.starts_with("transfer ");
    }
    for (auto& step : steps) {
        const bool is_gone = (step.name == "received" && step.state == State::blocked)
                             || (step.name == "sorted" && step.state == State::unknown);
        if (is_sent && is_gone) {
            step.state = State::done;
            step.detail += ": cleared away after it was sent";
            step.next.clear();
        }
    }
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
    bool is_all_seen = true;
    const auto look = [&](std::string_view name, const auto& steps_of) {
        try {
            std::ranges::move(steps_of(), std::back_inserter(found.steps));
        } catch (const std::exception& e) {
            is_all_seen = false;
            found.steps.push_back({std::string{name}, State::unknown, "",
                                   "cannot be looked at: " + reason_of(e),
                                   "run it as the user of the site, or see to the disk"});
        }
    };
    const auto one = [](Step step) { return std::vector<Step>{std::move(step)}; };
    look("received", [&] { return one(received_step(paths, study)); });
    look("spooled", [&] { return one(spool_step(paths, study)); });
    look("sorted", [&] { return one(sorted_step(paths, study)); });
    look("complete", [&] { return one(arrival_step(paths, config.timing, study, now)); });
    look("recorded", [&] {
        auto recorded = redcap_steps(paths, study, open);
        found.redcap_reachable = recorded.is_reachable;
        return recorded.steps;
    });
    look("request", [&] {
        auto requests = request_steps(paths, study, 0);
        drop_overtaken(requests);
        return requests;
    });
    if (is_all_seen) {
        note_clearing(found.steps);
    }
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
