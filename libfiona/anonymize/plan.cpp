// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/plan.h"

#include "libfiona/anonymize/facts.h"
#include "libfiona/base/dates.h"

#include <fmt/format.h>

namespace fiona::anonymize {

std::string Plan::method() const
{
    return fmt::format("FIONA deid {}; PS3.15 2026a; profile {}", FIONA_VERSION,
                       profile.digest().substr(0, 8));
}

std::string Plan::event_text() const
{
    return settings.event ? "EventName:" + settings.event->str() : std::string{};
}

Plan make_plan(const Facts& facts, const Settings& settings, const Profile& profile,
               const DateMover& dates, UidMap& uids)
{
    Plan plan{
        settings, profile, dates, uids, Identity{facts.identity, harmless_texts(settings, profile)},
        {},       {},      {}};
    for (const auto& day : facts.days) {
        plan.original_dates.insert(format_da(day));
        plan.shifted_dates.insert(format_da(dates.move(day)));
    }
    constexpr auto* unknown_date = "19700101";
    plan.shifted_dates.insert(unknown_date);
    for (const auto& [study, known] : facts.studies) {
        const auto day = known.newest_study_date ? known.newest_study_date : known.newest_other;
        plan.study_dates[study] = day ? format_da(dates.move(*day)) : unknown_date;
    }
    return plan;
}

std::vector<std::string> harmless_texts(const Settings& settings, const Profile& profile)
{
    std::vector<std::string> texts{settings.project.str(),
                                   settings.participant.str(),
                                   std::string{dummy_text},
                                   std::string{no_regex_match},
                                   "EventName:",
                                   "FIONA deid PS3.15 profile",
                                   std::string{"FIONA_"} + FIONA_VERSION,
                                   "ISO_IR 192 ISO_IR 100 GB18030 ISO 2022 IR 6",
                                   "Basic Application Confidentiality Profile",
                                   "Clean Pixel Data Option",
                                   "Clean Graphics Option",
                                   "Clean Structured Content Option",
                                   "Clean Descriptors Option",
                                   "Retain Longitudinal Temporal Information Full Dates Option",
                                   "Retain Longitudinal Temporal Information Modified Dates Option",
                                   "Retain Patient Characteristics Option",
                                   "Retain Device Identity Option",
                                   "Retain Safe Private Option",
                                   "YES MODIFIED UNMODIFIED UNVERIFIED DCM ANON"};
    if (settings.event) {
        texts.push_back(settings.event->str());
    }
    for (const auto& row : profile.rows()) {
        if (row.rule.action == Action::constant) {
            texts.push_back(row.rule.constant);
        }
    }
    return texts;
}

} // namespace fiona::anonymize
