// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/explain.h"

#include "libfiona/anonymize/attributes.h"
#include "libfiona/anonymize/rules.h"
#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <fmt/format.h>

#include <map>

namespace fiona::anonymize {

namespace {

std::string action_text(const Rule& rule)
{
    auto text = std::string{name_of(rule.action)};
    if (rule.action == Action::constant) {
        text += " " + rule.constant;
    }
    return rule.create ? text + " (create)" : text;
}

json::Object row_object(const ProfileRow& row)
{
    return {{"tag", row.tag},
            {"keyword", row.keyword},
            {"ps315_basic", row.basic},
            {"options", row.options},
            {"action", action_text(row.rule)}};
}

std::string_view verdict_text(Verdict verdict, Mode mode)
{
    switch (verdict) {
    case Verdict::written: return mode == Mode::dry_run ? "would be written" : "written";
    case Verdict::refused: return "refused";
    case Verdict::leaked: break;
    }
    return "leaked";
}

} // namespace

std::string_view meaning(Action action)
{
    switch (action) {
    case Action::remove: return "removed";
    case Action::empty: return "emptied";
    case Action::keep: return "kept; identifiers of the study are cut out of text";
    case Action::dummy: return "replaced by a dummy of its representation";
    case Action::uid: return "mapped to a new UID; those of the standard stay";
    case Action::shift: return "date shifted; what is no date is emptied";
    case Action::clean: return "identifiers and patterns are cut out of the text";
    case Action::clean_sequence: return "kept, every text inside is cleaned";
    case Action::structured: return "content tree: identifying items removed, text cleaned";
    case Action::graphics: return "geometry kept, text cleaned";
    case Action::recurse: return "kept, the rules apply inside";
    case Action::subject: return "the participant";
    case Action::project: return "the project";
    case Action::event: return "the event";
    case Action::event_or_clean: return "the event if there is one, else cleaned";
    case Action::hash: return "a pseudonym of 16 characters";
    case Action::study_hash: return "a pseudonym of 16 characters made from the study UID";
    case Action::codes: return "codes of what was done (PS3.16 CID 7050)";
    case Action::method: return "the method: version and profile";
    case Action::constant: return "a constant";
    case Action::csa: return "Siemens header: scrubbed inside, removed if it cannot be read";
    case Action::burned_in: return "kept; NO is never claimed without pixel cleaning";
    case Action::body_part: return "kept if it is on the list of body parts, else BODYPART";
    case Action::ctp: return "removed as any private element";
    case Action::by_private_list: break;
    }
    return "removed unless creator and element are on the allow-list";
}

Shown shown_profile(const Profile& profile)
{
    Shown shown;
    shown.rows.push_back({"tag", "keyword", "vr", "ps315", "options", "action"});
    json::Array rows;
    for (const auto& row : profile.rows()) {
        rows.emplace_back(row_object(row));
        shown.rows.push_back({row.tag, row.keyword, std::string{row.vr.text()}, row.basic,
                              row.options, action_text(row.rule)});
    }
    shown.document = json::Object{{"profile_sha256", profile.digest()},
                                  {"private_elements", profile.private_count()},
                                  {"rows", std::move(rows)}};
    return shown;
}

Shown shown_difference(const Profile& before, const Profile& after)
{
    struct Pair {
        std::string keyword, before, after;
    };
    std::map<std::string, Pair> by_tag;
    const auto collect = [&](const Profile& profile, std::string Pair::*side) {
        for (const auto& row : profile.rows()) {
            by_tag[row.tag].keyword = row.keyword;
            by_tag[row.tag].*side = action_text(row.rule);
        }
        for (const auto& [key, rule] : profile.private_rows()) {
            auto& pair = by_tag[fmt::format("private:{}:{:04X}:{:02X}", key.creator, key.group,
                                            key.element)];
            pair.*side = action_text(rule);
        }
    };
    collect(before, &Pair::before);
    collect(after, &Pair::after);
    Shown shown;
    shown.rows.push_back({"tag", "keyword", "before", "after"});
    json::Array rows;
    for (const auto& [tag, pair] : by_tag) {
        if (pair.before == pair.after) {
            continue;
        }
        rows.emplace_back(json::Object{{"tag", tag},
                                       {"keyword", pair.keyword},
                                       {"before", pair.before},
                                       {"after", pair.after}});
        shown.rows.push_back({tag, pair.keyword, pair.before.empty() ? "-" : pair.before,
                              pair.after.empty() ? "-" : pair.after});
    }
    shown.document = json::Object{{"before_sha256", before.digest()},
                                  {"after_sha256", after.digest()},
                                  {"rows", std::move(rows)}};
    return shown;
}

Shown shown_rule(const Profile& profile, std::string_view tag)
{
    const auto parsed = parse_tag(tag);
    if (!parsed) {
        throw Error{Fault::usage, "{} is neither gggg,eeee nor a keyword", tag};
    }
    Element element;
    element.tag = *parsed;
    const auto* const known = Attributes::standard().find(*parsed);
    element.vr = known == nullptr ? Vr{} : known->vr;
    element.is_sequence = element.vr == Vr{"SQ"};
    const auto decision = decide(profile, PrivateBlocks{Item{}}, element, Scope{});
    const auto* const row = is_private(*parsed) ? nullptr : profile.find(*parsed);
    json::Object object{{"tag", to_string(*parsed)},
                        {"keyword", known == nullptr ? "" : known->keyword},
                        {"vr", element.vr.text()},
                        {"ps315_basic", row == nullptr ? "" : row->basic},
                        {"options", row == nullptr ? "" : row->options},
                        {"action", action_text(decision.rule)},
                        {"meaning", meaning(decision.rule.action)},
                        {"reason", decision.reason}};
    Shown shown;
    for (const auto& [key, value] : object) {
        shown.rows.push_back({key, value.text()});
    }
    shown.document = std::move(object);
    return shown;
}

Shown shown_report(const Report& report, Mode mode, Paths paths)
{
    Shown shown;
    json::Array files;
    for (const auto& file : report.files) {
        files.emplace_back(json::Object{
            {"number", file.number},
            {"input",
             paths == Paths::hidden || file.verdict == Verdict::written ? "" : file.input.native()},
            {"output", file.output.native()},
            {"verdict", verdict_text(file.verdict, mode)},
            {"reason", file.reason},
            {"study", file.new_study},
            {"series", file.new_series},
            {"sop_instance", file.new_sop},
            {"bytes", file.bytes}});
    }
    json::Array studies;
    for (const auto& study : report.new_studies) {
        studies.emplace_back(study);
    }
    json::Object document{
        {"summary", report.summary}, {"studies", std::move(studies)}, {"files", std::move(files)}};
    if (mode == Mode::dry_run) {
        json::Array plan;
        shown.rows.push_back({"tag", "vr", "values", "bytes", "occurs", "action", "reason"});
        for (const auto& change : report.plan) {
            plan.emplace_back(json::Object{{"tag", change.path},
                                           {"vr", change.vr},
                                           {"max_values", change.max_values},
                                           {"max_bytes", change.max_bytes},
                                           {"occurrences", change.files},
                                           {"action", change.action},
                                           {"reason", change.reason}});
            shown.rows.push_back({change.path, change.vr, std::to_string(change.max_values),
                                  std::to_string(change.max_bytes), std::to_string(change.files),
                                  change.action, change.reason});
        }
        document["plan"] = std::move(plan);
    } else {
        for (const auto* const key : {"written", "refused", "leaked"}) {
            shown.rows.push_back({key, report.summary.text(key)});
        }
        for (const auto& study : report.new_studies) {
            shown.rows.push_back({"study", study});
        }
    }
    shown.document = std::move(document);
    return shown;
}

void log_set_aside(const Report& report)
{
    for (const auto& file : report.files) {
        if (file.verdict != Verdict::written) {
            log::warn(
                file.verdict == Verdict::leaked ? "file_leaked" : "file_refused",
                {{"file", fmt::format("input file {}", file.number)}, {"reason", file.reason}});
        }
    }
}

} // namespace fiona::anonymize
