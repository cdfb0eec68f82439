// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"
#include "libfiona/anonymize/identity.h"
#include "libfiona/anonymize/profile.h"
#include "libfiona/base/json.h"

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace fiona::anonymize {

/// What the first pass learns from the headers, one per thread, merged at the end.
struct Facts {
    struct Dates {
        std::optional<std::chrono::year_month_day> newest_study_date;
        std::optional<std::chrono::year_month_day> newest_other; ///< series, acquisition, content
    };

    IdentityCollector identity;
    std::map<std::string, Dates> studies;       ///< by original study UID
    std::set<std::chrono::year_month_day> days; ///< every full date of every DA and DT

    /// Adds a header, all levels, private elements included.
    void add(const Item& root, const Profile& profile);
    /// Adds the strings of a JSON file of identifying values: all strings of an array; of an object
    /// those whose key is the keyword of an identifying attribute.
    void add(const json::Value& given);
    void merge(Facts&& other);

private:
    void add_item(const Item& item, std::string_view around, const Profile& profile);
    void add_dates(const Element& element);
    void add_uids(const Element& element, const Profile& profile);
};

} // namespace fiona::anonymize
