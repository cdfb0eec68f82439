// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/date_shift.h"
#include "libfiona/anonymize/identity.h"
#include "libfiona/anonymize/profile.h"
#include "libfiona/anonymize/settings.h"
#include "libfiona/anonymize/uid_map.h"

#include <map>
#include <set>
#include <string>

namespace fiona::anonymize {

struct Facts;

/// All that the second pass needs to know about the set of files; complete before it begins, then
/// only read (the UID map locks by itself).
struct Plan {
    const Settings& settings;
    const Profile& profile;
    const DateMover& dates;
    UidMap& uids;
    Identity identity;
    std::map<std::string, std::string>
        study_dates;                      ///< original study UID -> shifted DA, never empty
    std::set<std::string> original_dates; ///< DA, as found anywhere
    std::set<std::string> shifted_dates;

    [[nodiscard]] std::string method() const; ///< (0012,0063), at most 64 characters
    /// "EventName:<event>"; "" without event.
    [[nodiscard]] std::string event_text() const;
};

/// Of all headers of the set; what it refers to is borrowed.
[[nodiscard]] Plan make_plan(const Facts& facts, const Settings& settings, const Profile& profile,
                             const DateMover& dates, UidMap& uids);

constexpr std::string_view dummy_text = "ANONYMIZED";
constexpr std::string_view no_regex_match = "FIONA: no match on regular expression";

/// Texts that we write: words in them are no finding.
[[nodiscard]] std::vector<std::string> harmless_texts(const Settings& settings,
                                                      const Profile& profile);

} // namespace fiona::anonymize
