// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/pacs/query.h"
#include "libfiona/redcap/client.h"

#include <string>
#include <string_view>

namespace fiona::inventory {

/// All that is asked of a study, each key empty: what WhatIsInIDS7 has fields for.
[[nodiscard]] const pacs::Keys& study_keys();
/// What is asked to learn who the patients are.
[[nodiscard]] const pacs::Keys& patient_keys();

/// One line of JSON about a study or a patient, and back. Between the tools of the pipeline; text by
/// keyword. Throws Error{Fault::data}: no JSON, no object, or a member that is no text or number.
[[nodiscard]] std::string line_of(const pacs::Keys& keys);
[[nodiscard]] pacs::Keys read_line(std::string_view line);

/// The row of WhatIsInIDS7 (share/redcap/ids7.csv) without its date stamp: several values joined with a
/// comma, of names the alphabetic part, counts only if they are numbers. Throws Error{Fault::data} if
/// StudyInstanceUID is no UID.
[[nodiscard]] redcap::Row ids7_row(const pacs::Keys& study);

} // namespace fiona::inventory
