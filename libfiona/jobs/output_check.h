// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What a program has left in its output is a stranger's until it has passed these checks.
namespace fiona::jobs {

/// What the images in `FOLDER/input` are.
struct InputFacts {
    std::map<std::string, Private<std::string>> participants; ///< PatientID, by StudyInstanceUID
    std::set<std::string> series;                             ///< UIDs
    std::set<std::string> instances;                          ///< likewise
};
/// Throws Error{Fault::data} if an image cannot be read, or a study has two patients.
[[nodiscard]] InputFacts read_input(const std::filesystem::path& folder);

/// One entry of output.json.
struct OutputValue {
    Private<std::string> record; ///< a participant of the input
    std::string event;           ///< label or unique name; "" in a classic project
    std::string instrument;      ///< repeating one; "" for none
    unsigned instance = 0;
    std::string field;
    std::string value;
};

struct Output {
    std::vector<std::filesystem::path> images; ///< DICOM files, in the order of their paths
    std::vector<std::string> instances;        ///< their SOP instance UIDs
    std::vector<OutputValue> values;
    std::size_t other_files = 0; ///< no DICOM: they stay where they are
};

/// Looks through `output`. Throws Error{Fault::data}, with the reason but no value, unless all of it
/// holds: no link, device or file of two names; not more than `max_bytes`; every DICOM file passes the
/// pre-scan, has the StudyInstanceUID and the PatientID of an input study, and a series and SOP instance
/// UID that the input does not have; no SOP instance UID twice, no series in two studies; output.json,
/// if there is one, is as read_values() wants it.
[[nodiscard]] Output check_output(const std::filesystem::path& output, const InputFacts& input,
                                  std::uint64_t max_bytes);

/// `[{"record_id", "redcap_event_name", "field_name", "value", "redcap_repeat_instrument",
/// "redcap_repeat_instance"}]`; also an object of such objects, with `event_name` and
/// `instance_number`. Record ids have to be participants of the input.
[[nodiscard]] std::vector<OutputValue> read_values(std::string_view text, const InputFacts& input);

} // namespace fiona::jobs
