// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/redcap/incoming.h"

#include <string>
#include <string_view>
#include <vector>

/// Instances of `transfers` as rows, and the rules between them. Pure: no calls.
namespace fiona::redcap {

constexpr std::string_view requested_field = "transfer_requested_date";

/// The natural key: study, project, participant, event.
[[nodiscard]] bool same_key(const Transfer& a, const Transfer& b);
/// A row of that instance without values.
[[nodiscard]] Row transfer_row(const StudyUid& study, unsigned instance);
/// Another request of the same study for the same project; nullptr if there is none.
[[nodiscard]] const Transfer* find_conflict(const std::vector<Transfer>& present,
                                            const Transfer& wanted);
/// What is wrong with having both: names the study, the project and whether participant or event
/// differ, never the participant.
[[nodiscard]] Error conflict_error(const Transfer& present, const Transfer& wanted);
[[nodiscard]] const Transfer* find_instance(const std::vector<Transfer>& transfers,
                                            unsigned instance);
/// The request date that a transfer gets when it is asked for again: now, and later than its
/// transfer_date. "" if it waits already.
[[nodiscard]] std::string date_to_request_again(const Transfer& stored, TimePoint now);

} // namespace fiona::redcap
