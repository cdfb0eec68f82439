// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/triggers/program.h"

#include <filesystem>
#include <set>
#include <string>
#include <vector>

/// The built-in event and action: studies that arrived in the research PACS, as a list.
namespace fiona::triggers {

inline constexpr const char* data_arrived_name = "data_arrived";
inline constexpr const char* study_list_name = "study_list";

/// What the audit of transfers (transfer/audit.h) says since the last time. It has new identifiers only,
/// and a line is there when the PACS has everything. `state` is where we are in that file; none: a new
/// link, which begins now and never with old data. A file that was replaced is read from its
/// beginning, but for what is older than a day before the last firing.
[[nodiscard]] Answer data_arrived(const std::filesystem::path& audit,
                                  const std::set<std::string, std::less<>>& projects,
                                  const json::Value& state, TimePoint now);

/// A count and a line for each study; as attachment `participant,event,study_instance_uid,transfer_date`.
/// Nothing if there is no study among the items.
[[nodiscard]] std::optional<Letter> study_list(const Firing& firing);

} // namespace fiona::triggers
