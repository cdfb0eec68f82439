// SPDX-License-Identifier: MIT
#include "libfiona/routing/studies.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/store/incoming_list.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

namespace fiona::routing {

namespace {

using Requests = std::map<StudyUid, std::vector<redcap::Transfer>>;

Requests requests_by_study(redcap::Incoming& incoming)
{
    Requests requests;
    for (auto& transfer : incoming.transfers()) {
        requests[transfer.study].push_back(std::move(transfer));
    }
    return requests;
}

/// UIDs of what we have sent out: such a study coming back is no clinical study.
std::set<std::string, std::less<>> mapped_uids(const Requests& requests)
{
    std::set<std::string, std::less<>> uids;
    for (const auto& [study, transfers] : requests) {
        for (const auto& transfer : transfers) {
            for (const auto part : split(transfer.mapped_uids, ',')) {
                uids.emplace(trimmed(part));
            }
        }
    }
    return uids;
}

/// The original's test: behind FIONA's root no further dot.
bool has_fiona_root(const StudyUid& study)
{
    constexpr std::string_view root = "1.3.6.1.4.1.45037.";
    const std::string_view text = study.str();
    return text.starts_with(root) && text.find('.', root.size()) == std::string_view::npos;
}

/// A header's text on a terminal: control characters could redraw the screen.
std::string printable(std::string text)
{
    std::ranges::replace_if(
        text, [](char c) { return static_cast<unsigned char>(c) < 0x20U || c == 0x7f; }, '?');
    return text;
}

void add_modalities(const json::Value& properties, std::vector<std::string>& modalities)
{
    const auto add = [&](const std::string& modality) {
        if (!modality.empty() && std::ranges::find(modalities, modality) == modalities.end()) {
            modalities.push_back(modality);
        }
    };
    const auto* const found = properties.find("Modality");
    if (found != nullptr && found->is_array()) {
        for (const auto& item : found->array()) {
            add(printable(item.text()));
        }
    } else {
        add(printable(properties.text("Modality")));
    }
}

/// The first series that says something speaks for the study.
void add_series(const json::Value& properties, Study& study)
{
    const auto take = [&](std::string& field, std::string_view key) {
        if (field.empty()) {
            field = printable(properties.text(key));
        }
    };
    add_modalities(properties, study.modalities);
    take(study.description, "StudyDescription");
    take(study.accession, "AccessionNumber");
    take(study.institution, "InstitutionName");
    take(study.station, "StationName");
    take(study.manufacturer, "Manufacturer");
    take(study.model, "ManufacturerModelName");
    take(study.date, "StudyDate");
    take(study.time, "StudyTime");
    if (const auto* const connection = properties.find("IncomingConnection")) {
        if (study.caller.empty()) {
            study.caller = printable(connection->text("AETitleCaller"));
            study.called = printable(connection->text("AETitleCalled"));
        }
    }
}

Study read_study(const store::StudyTree& tree, const StudyUid& uid)
{
    Study study{uid};
    for (const auto& series : tree.series(uid)) {
        ++study.series;
        study.images += tree.count_instances(uid, series.uid);
        if (series.properties) {
            add_series(*series.properties, study);
        }
    }
    std::ranges::sort(study.modalities);
    return study;
}

StudyState worst_state(const Study& study)
{
    if (study.series == 0) {
        return StudyState::gone;
    }
    auto worst = StudyState::unassigned;
    for (const auto& request : study.requests) {
        const auto state = state_of(request);
        const bool is_worse = worst == StudyState::unassigned || state == StudyState::error
                              || (worst == StudyState::done && state == StudyState::requested);
        worst = is_worse ? state : worst;
    }
    return worst;
}

bool passes(const Study& study, const StudyQuery& query)
{
    if (query.arrived_since && (!study.arrived || *study.arrived < *query.arrived_since)) {
        return false;
    }
    if (query.project && std::ranges::none_of(study.requests, [&](const redcap::Transfer& request) {
            return request.project == query.project->str();
        })) {
        return false;
    }
    if (query.filters.empty()) {
        return true;
    }
    const auto document = as_json(study);
    return std::ranges::all_of(query.filters, [&](const StudyFilter& filter) {
        const auto value = filter.key() == "modalities"
                               ? fmt::format("{}", fmt::join(study.modalities, ","))
                               : document.text(filter.key());
        return filter.matches(value);
    });
}

} // namespace

std::string_view state_name(StudyState state)
{
    switch (state) {
    case StudyState::unassigned: return "new";
    case StudyState::requested: return "requested";
    case StudyState::done: return "done";
    case StudyState::error: return "error";
    case StudyState::gone: break;
    }
    return "gone";
}

StudyState state_of(const redcap::Transfer& transfer)
{
    // Both are `YYYY-MM-DD HH:MM`, so the text order is the time order.
    if (transfer.transferred.empty() || transfer.requested > transfer.transferred) {
        return StudyState::requested;
    }
    return transfer.deidentify_error || transfer.send_error ? StudyState::error : StudyState::done;
}

std::vector<Study> find_studies(const Paths& paths, redcap::Incoming& incoming,
                                const StudyQuery& query)
{
    const store::StudyTree tree{paths};
    auto requests = requests_by_study(incoming);
    const auto sent_out = mapped_uids(requests);
    std::map<StudyUid, store::IncomingLine> arrivals;
    for (auto& line : store::IncomingList{paths.incoming_list()}.lines()) {
        arrivals.insert_or_assign(line.study, line);
    }
    std::set<StudyUid> uids;
    for (const auto& uid : tree.studies()) {
        uids.insert(uid);
    }
    for (const auto& [uid, line] : arrivals) {
        uids.insert(uid);
    }

    std::vector<Study> found;
    for (const auto& uid : uids) {
        if (query.deidentified == StudyQuery::Deidentified::hide
            && (has_fiona_root(uid) || sent_out.contains(uid.str()))) {
            continue;
        }
        auto study = read_study(tree, uid);
        study.arrived = tree.newest_change(uid);
        if (const auto line = arrivals.find(uid); line != arrivals.end()) {
            study.arrived = TimePoint{std::chrono::seconds{line->second.arrived}};
            study.caller = printable(line->second.caller);
            study.called = printable(line->second.called);
        }
        study.requests = std::move(requests[uid]);
        study.state = worst_state(study);
        if (passes(study, query)) {
            found.push_back(std::move(study));
        }
    }
    std::ranges::stable_sort(
        found, [](const Study& left, const Study& right) { return left.arrived > right.arrived; });
    return found;
}

std::vector<StudyUid> studies_with_accession(const store::StudyTree& tree,
                                             const Private<std::string>& accession)
{
    std::vector<StudyUid> found;
    for (const auto& uid : tree.studies()) {
        const auto all = tree.series(uid);
        if (std::ranges::any_of(all, [&](const store::StudyTree::Series& series) {
                return series.properties
                       && series.properties->text("AccessionNumber") == accession.reveal();
            })) {
            found.push_back(uid);
        }
    }
    return found;
}

StudyUid study_with_accession(const store::StudyTree& tree, const Private<std::string>& accession)
{
    const auto found = accession.reveal().empty() ? std::vector<StudyUid>{}
                                                  : studies_with_accession(tree, accession);
    if (found.empty()) {
        throw Error{Fault::missing, "no study here has this accession number"};
    }
    if (found.size() > 1) {
        throw Error{Fault::data, "{} studies have this accession number, name one by its UID: {}",
                    found.size(), fmt::join(found, " ")};
    }
    return found.front();
}

std::vector<std::string> errors_of(const redcap::Transfer& transfer)
{
    std::vector<std::string> errors;
    if (transfer.deidentify_error) {
        errors.emplace_back("deidentify");
    }
    if (transfer.send_error) {
        errors.emplace_back("send");
    }
    return errors;
}

/// The message as the sender wrote it; the text itself if somebody wrote another one.
json::Value message_of(const redcap::Transfer& transfer)
{
    try {
        return transfer.error_message.empty()
                   ? json::Value{}
                   : json::parse(transfer.error_message, "transfer_error_message");
    } catch (const Error&) {
        return transfer.error_message;
    }
}

json::Value as_json(const redcap::Transfer& transfer)
{
    const auto errors = errors_of(transfer);
    return json::Object{{"study", transfer.study.str()},
                        {"instance", transfer.instance},
                        {"project", transfer.project},
                        {"participant", transfer.participant},
                        {"event", transfer.event},
                        {"requested", transfer.requested},
                        {"transferred", transfer.transferred},
                        {"state", state_name(state_of(transfer))},
                        {"error", json::Array(errors.begin(), errors.end())},
                        {"pixels_masked", transfer.pixels_masked},
                        {"mapped_uids", transfer.mapped_uids},
                        {"message", message_of(transfer)}};
}

json::Value as_json(const Study& study)
{
    json::Array requests;
    for (const auto& request : study.requests) {
        requests.push_back(as_json(request));
    }
    return json::Object{
        {"study", study.uid.str()},
        {"arrived", study.arrived ? json::Value{local_minute(*study.arrived)} : json::Value{}},
        {"caller", study.caller},
        {"called", study.called},
        {"modalities", json::Array(study.modalities.begin(), study.modalities.end())},
        {"description", study.description},
        {"accession", study.accession},
        {"institution", study.institution},
        {"station", study.station},
        {"manufacturer", study.manufacturer},
        {"model", study.model},
        {"date", study.date},
        {"time", study.time},
        {"series", study.series},
        {"images", study.images},
        {"state", state_name(study.state)},
        {"requests", std::move(requests)}};
}

} // namespace fiona::routing
