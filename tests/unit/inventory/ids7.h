// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/memory_redcap.h"

/// The project WhatIsInIDS7 in memory.
inline MemoryRedcap ids7_redcap()
{
    std::vector<fiona::redcap::Field> fields;
    for (const auto* const name :
         {"record_id", "ids7_patient_name", "ids7_patient_id", "ids7_study_description",
          "ids7_institution_name", "ids7_referring_physician", "ids7_study_date", "ids7_study_time",
          "ids7_study_id", "ids7_accession_number", "ids7_modalities", "ids7_number_of_series",
          "ids7_number_of_instances", "ids7_date_stamp"}) {
        fields.push_back({name, "whatisinids7", "text", "", ""});
    }
    return MemoryRedcap{fields};
}
