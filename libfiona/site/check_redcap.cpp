// SPDX-License-Identifier: MIT
#include "libfiona/base/text.h"
#include "libfiona/site/check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <set>

namespace fiona::site {

namespace {

struct NeededFields {
    redcap::Role role;
    bool is_required; ///< the road of a study stops without it
    std::vector<std::string_view> fields;
};

/// What the tools read and write. A project may have more.
const std::vector<NeededFields>& needed_fields()
{
    static const std::vector<NeededFields> needed{
        {redcap::Role::incoming,
         true,
         {"study_instance_uid",
          "study_institution_name",
          "study_aetitle_sender",
          "study_aetitle_addressed",
          "study_patient_name",
          "study_patient_id",
          "study_description",
          "study_date",
          "study_time",
          "study_accession_number",
          "study_arrival_date",
          "series_instance_uid",
          "series_description",
          "series_date",
          "series_time",
          "series_num_files",
          "series_sequence_name",
          "series_classify_types",
          "transfer_requested_date",
          "transfer_project_name",
          "transfer_name",
          "transfer_event_name",
          "transfer_date",
          "transfer_error",
          "transfer_mapped_uid",
          "transfer_error_message",
          "transfer_active_proc_time"}},
        {redcap::Role::routing, false, {"record_id"}},
        {redcap::Role::coupling, false, {"record_id"}},
        {redcap::Role::dtp,
         true,
         {"record_id", "project_name", "project_patient_naming", "project_token", "project_active",
          "project_features"}},
        {redcap::Role::autoid,
         false,
         {"record_id", "autoid_project_name", "autoid_hash", "autoid_value"}},
        {redcap::Role::ids7, false, {"record_id", "ids7_patient_id"}}};
    return needed;
}

Finding failure(Finding::Grade grade, const std::string& what, const Error& error)
{
    const bool is_token = error.fault() == Fault::permission || error.fault() == Fault::config;
    return {grade, what + ": " + error.what(),
            is_token ? "correct the token in REDCAP.tokens_file"
                     : "see that REDCap runs and REDCAP.url is right",
            error.fault()};
}

Finding check_fields(redcap::Client& client, const NeededFields& needed)
{
    std::set<std::string, std::less<>> present;
    for (const auto& field : client.metadata()) {
        present.insert(field.name);
    }
    std::vector<std::string_view> missing;
    std::ranges::copy_if(needed.fields, std::back_inserter(missing),
                         [&](std::string_view name) { return !present.contains(name); });
    const auto role = redcap::role_name(needed.role);
    if (!missing.empty()) {
        return {Finding::Grade::fail,
                fmt::format("REDCap project {}: no field {}", role, fmt::join(missing, ", ")),
                "add the fields to the project's data dictionary", Fault::config};
    }
    if (needed.role == redcap::Role::incoming) {
        const auto forms = client.repeating_forms();
        for (const auto* const form : {"series", "transfers"}) {
            if (std::ranges::find(forms, form) == forms.end()) {
                return {Finding::Grade::fail,
                        fmt::format("REDCap project {}: instrument {} does not repeat", role, form),
                        "make it a repeating instrument in the project's setup", Fault::config};
            }
        }
    }
    return {Finding::Grade::ok,
            fmt::format("REDCap project {}: all {} fields", role, needed.fields.size()),
            "",
            {}};
}

} // namespace

std::vector<Finding> check_redcap(const RedcapConfig& config, const Probes& probes)
{
    if (config.url.empty()) {
        return {{Finding::Grade::fail, "REDCap: no address", "set REDCAP.url in the configuration",
                 Fault::config}};
    }
    std::vector<Finding> findings;
    for (const auto& needed : needed_fields()) {
        const auto what = fmt::format("REDCap project {}", redcap::role_name(needed.role));
        const auto grade = needed.is_required ? Finding::Grade::fail : Finding::Grade::warn;
        try {
            const auto client = probes.connect(config, needed.role);
            if (needed.role == redcap::Role::incoming) {
                findings.push_back(
                    {Finding::Grade::ok, "REDCap answers, version " + client->version(), "", {}});
            }
            findings.push_back(check_fields(*client, needed));
        } catch (const Error& e) {
            findings.push_back(failure(grade, what, e));
            if (e.fault() == Fault::unreachable || e.fault() == Fault::temporary) {
                break; // one server for all roles: the others would wait as long for nothing
            }
        }
    }
    return findings;
}

} // namespace fiona::site
