// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/base/private.h"
#include "libfiona/redcap/transport.h"

#include <cstddef>
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

/// What a good answer holds, in JSON. Both throw Error{Fault::temporary} if it is something else: what
/// stands before a REDCap may have answered.
[[nodiscard]] json::Array answered_list(const std::string& body);
[[nodiscard]] std::size_t answered_count(const std::string& body);

/// The record of one line of the log that tells of a deletion: "Delete record (API) 1200" as its action;
/// some versions fill `record` too.
[[nodiscard]] std::string deleted_record(const json::Value& entry);

} // namespace fiona::redcap
