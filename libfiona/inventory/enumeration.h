// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/pacs/query.h"

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace fiona::inventory {

/// Which studies are asked for.
struct Scope {
    /// The keys of the query with what they must be: InstitutionName, PatientID. Must hold
    /// StudyInstanceUID, StudyDate and PatientID.
    pacs::Keys keys;
    /// Days, both included; without them all days, and studies without a date.
    std::optional<std::chrono::sys_days> first{}, last{};
};

struct Coverage {
    std::size_t studies = 0; ///< handed on, each once
    std::size_t queries = 0;
    std::size_t splits = 0; ///< queries that had to be made smaller
    /// What could not be asked in small enough parts; for people, without a patient's id. Empty: this
    /// is all that the PACS has.
    std::vector<std::string> gaps;
};

struct Patience {
    std::size_t max_answers = 0; ///< Settings::max_answers
    /// So many refusals without a single answer between them: the PACS does not want to be asked.
    std::size_t max_refusals = 150;
};

/// Asks for all studies of `scope` and hands on each once, whatever the PACS allows in one answer.
///
/// First everything at once. What the PACS refuses (A7xx, Cxxx), stops at a limit (FE00), or answers
/// with a suspiciously round number, is asked again in halves of the range of days; a single day by
/// the first characters of PatientID, as many as are needed. Studies without a date match no range
/// of days (PS3.4 §C.2.2.2.5), so those are looked for by PatientID alone. Answers are not kept: memory
/// grows by 16 bytes a study.
///
/// Throws what QuerySession::find() throws, and Error{Fault::temporary} if the PACS refuses
/// everything; what was found before has been handed on.
[[nodiscard]] Coverage enumerate_studies(pacs::QuerySession& session, const Scope& scope,
                                         std::chrono::sys_days today, const Patience& patience,
                                         const std::function<void(const pacs::Keys&)>& on_study);

} // namespace fiona::inventory
