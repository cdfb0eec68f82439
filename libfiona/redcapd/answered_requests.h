// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/answer.h"
#include "libfiona/redcapd/form_data.h"

#include <cstdint>
#include <optional>
#include <string>

/// The parameter `fiona_request_id`: a client whose answer was lost sends the same request again and
/// gets the same answer; nothing is done twice. A real REDCap ignores the parameter.
namespace fiona::redcapd {

/// What a changing request with an id is known by.
struct RequestKey {
    std::int64_t project = 0;
    std::string id;     ///< 1..64 letters, digits and `-`
    std::string digest; ///< of all parameters, the token among them
};

/// Nothing if the request has no id. Throws Refusal{400} for one that is none.
[[nodiscard]] std::optional<RequestKey> request_key(const FormData& form, std::int64_t project);
/// The answer of the first time. Throws Refusal{400} if that was another request.
[[nodiscard]] std::optional<Answer> remembered_answer(Database& database, const RequestKey& key);
/// For 24 hours; older ones are forgotten. Inside the transaction of the change itself.
void remember_answer(Database& database, const RequestKey& key, const Answer& answer,
                     TimePoint now);

} // namespace fiona::redcapd
