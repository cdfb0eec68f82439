// SPDX-License-Identifier: MIT
#include "libfiona/redcap/mirror_fields.h"

#include <array>

namespace fiona::redcap {

namespace {

// share/redcap/*.csv, in the order of the dictionaries; the record id comes by itself.
constexpr std::array<std::string_view, 14> incoming{
    "study_aetitle_addressed", "study_date",
    "study_arrival_date",      "series_instance_uid",
    "series_num_files",        "transfer_requested_date",
    "transfer_project_name",   "transfer_name",
    "transfer_event_name",     "transfer_date",
    "transfer_error",          "transfer_mapped_uid",
    "transfer_error_message",  "transfer_active_proc_time"};
constexpr std::array<std::string_view, 7> routing{
    "routing_active",          "routing_dest_project",      "routing_incoming_aetitle",
    "routing_sending_aetitle", "routing_allowed_patientid", "routing_allowed_patientname",
    "routing_event_name"};
constexpr std::array<std::string_view, 6> coupling{"cl_accessionnumber", "cl_studyinstanceuid",
                                                   "cl_projectname",     "cl_subjectid",
                                                   "cl_eventname",       "cl_date"};
constexpr std::array<std::string_view, 15> dtp{"project_name",
                                               "project_type",
                                               "project_patient_naming",
                                               "project_rec_number",
                                               "project_rec_start_date",
                                               "project_rec_end_date",
                                               "project_end_type",
                                               "project_active",
                                               "project_import_rule_1_tag",
                                               "project_import_rule_1_regexp",
                                               "project_use_autoid",
                                               "project_autoid_aetitle",
                                               "project_features",
                                               "rewrite_ex_tag",
                                               "rewrite_ex_reg"};
constexpr std::array<std::string_view, 3> autoid{"autoid_project_name", "autoid_value",
                                                 "autoid_method"};
constexpr std::array<std::string_view, 5> ids7{"ids7_institution_name", "ids7_study_date",
                                               "ids7_number_of_series", "ids7_number_of_instances",
                                               "ids7_date_stamp"};

} // namespace

std::span<const std::string_view> copied_fields(Role role)
{
    switch (role) {
    case Role::incoming: return incoming;
    case Role::routing: return routing;
    case Role::coupling: return coupling;
    case Role::dtp: return dtp;
    case Role::autoid: return autoid;
    case Role::ids7: break;
    }
    return ids7;
}

} // namespace fiona::redcap
