// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/settings.h"

#include <string_view>

namespace fiona::anonymize {

/// Objects whose content cannot be shown to be clean: encapsulated documents, raw data, waveforms
/// with annotations, video, directories. The reason, for people; empty if the object may pass.
[[nodiscard]] std::string_view refusal(const Item& root, std::string_view transfer_syntax,
                                       Documents documents = Documents::refuse);

/// The same for what has been de-identified already for this project and this participant: once more, it
/// would stand under other UIDs and dates beside itself. For another project it is an input as any other.
[[nodiscard]] std::string_view refusal_of_output(const Item& root, const Settings& settings);

} // namespace fiona::anonymize
