// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/anonymize/data_set.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fiona::anonymize {

struct Attribute {
    Tag tag;
    Vr vr;
    std::string keyword;
};

/// The standard's attributes (PS3.6), copied once out of DCMTK's dictionary into a sorted array, so
/// that worker threads share it without a lock.
class Attributes {
public:
    /// Made at the first call (thread-safe). Throws Error{Fault::config} if DCMTK has no dictionary.
    [[nodiscard]] static const Attributes& standard();

    /// nullptr for private and unknown tags. Repeating groups (50xx, 60xx) are found by their first.
    [[nodiscard]] const Attribute* find(Tag tag) const;
    [[nodiscard]] std::optional<Tag> tag_of(std::string_view keyword) const;

private:
    Attributes();

    std::vector<Attribute> m_sorted;
    std::map<std::string, Tag, std::less<>> m_by_keyword;
};

} // namespace fiona::anonymize
