// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/run_summary.h"

#include "libfiona/store/atomic_file.h"

#include <set>

namespace fiona::anonymize {

namespace {

json::Value table(const std::map<std::string, std::string>& pairs)
{
    json::Object object;
    for (const auto& [before, after] : pairs) {
        object[before] = after;
    }
    return object;
}

} // namespace

std::string_view name_of(UidScheme scheme)
{
    switch (scheme) {
    case UidScheme::hmac: return "hmac";
    case UidScheme::compat_dec: return "compat-dec";
    case UidScheme::compat_hex: break;
    }
    return "compat-hex";
}

void write_mapping(const std::filesystem::path& file, const UidMap& uids, const Report& report)
{
    std::set<std::string> new_series;
    std::set<std::string> new_instances;
    for (const auto& one : report.files) {
        new_series.insert(one.new_series);
        new_instances.insert(one.new_sop);
    }
    json::Object series;
    json::Object instances;
    json::Object others; // frames of reference, and what the files refer to
    for (const auto& [before, after] : uids.pairs(UidForm::instance)) {
        if (new_series.contains(after)) {
            series[before] = after;
        } else if (new_instances.contains(after)) {
            instances[before] = after;
        } else {
            others[before] = after;
        }
    }
    for (const auto& [before, after] : uids.pairs(UidForm::plain)) {
        others[before] = after;
    }
    const json::Object document{{"StudyInstanceUID", table(uids.pairs(UidForm::study))},
                                {"SeriesInstanceUID", std::move(series)},
                                {"SOPInstanceUID", std::move(instances)},
                                {"OtherUID", std::move(others)}};
    store::write_file(file, json::write(document, json::Style::pretty) + "\n", 0600);
}

void summarise(Report& report, const std::array<std::uint64_t, action_count>& counts,
               const Settings& settings, const Profile& profile)
{
    std::set<std::string> studies;
    for (const auto& file : report.files) {
        if (file.verdict == Verdict::written) {
            studies.insert(file.new_study);
        }
    }
    report.new_studies.assign(studies.begin(), studies.end());
    json::Object actions;
    for (std::size_t i = 0; i < action_count; ++i) {
        if (counts.at(i) != 0) {
            actions[std::string{name_of(static_cast<Action>(i))}] = counts.at(i);
        }
    }
    report.summary = json::Object{{"files", report.files.size()},
                                  {"written", report.count(Verdict::written)},
                                  {"refused", report.count(Verdict::refused)},
                                  {"leaked", report.count(Verdict::leaked)},
                                  {"actions", std::move(actions)},
                                  {"profile_sha256", profile.digest()},
                                  {"uid_scheme", name_of(settings.scheme)},
                                  {"verified", settings.verify},
                                  {"tool_version", FIONA_VERSION}};
}

} // namespace fiona::anonymize
