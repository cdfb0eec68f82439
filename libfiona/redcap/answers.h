// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/private.h"
#include "libfiona/redcap/transport.h"

#include <string>
#include <string_view>

namespace fiona::redcap {

enum class Verdict {
    good,
    too_large, ///< the server ran out of memory: ask for less
};

/// Whether an answer may be used at all. Throws Error with the fault that client.h
/// promises when it may not: HTML with status 200 and an object with `error` are never data.
[[nodiscard]] Verdict check_answer(const Answer& answer, const Private<std::string>& token);

/// REDCap's own words without what was sent to it: of per-value messages only field and message
/// stay, lists of records are cut off, quoted texts and the token become `***`.
[[nodiscard]] std::string harmless_text(std::string_view error_text,
                                        const Private<std::string>& token);

} // namespace fiona::redcap
