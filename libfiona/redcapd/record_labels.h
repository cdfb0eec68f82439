// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/schema.h"

#include <string>

/// Words for people instead of codes and variable names.
namespace fiona::redcapd {

constexpr const char* event_column = "redcap_event_name";
constexpr const char* instrument_column = "redcap_repeat_instrument";
constexpr const char* instance_column = "redcap_repeat_instance";

/// What a checkbox choice becomes.
enum class CheckboxLabels {
    checked, ///< Checked or Unchecked
    choice,  ///< the label of the choice, or blank
};

/// The value of a column (index into Schema::columns) for `rawOrLabel=label`.
[[nodiscard]] std::string labelled(const Schema& schema, std::size_t at, const std::string& value,
                                   CheckboxLabels checkbox_labels);

/// The title of a column of a flat export for `rawOrLabelHeaders=label`.
[[nodiscard]] std::string header_label(const Schema& schema, const std::string& name);

} // namespace fiona::redcapd
