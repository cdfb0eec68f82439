// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/classify/tag_value.h"
#include "libfiona/dicom/header.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace re2 {
class RE2;
}

/// The rules as read: plain values, no behaviour. Private to classify/.
namespace fiona::classify {

/// Where a condition finds its value.
struct TagReference {
    std::string name;                   ///< a key of the series JSON or a keyword; may be empty
    std::vector<dicom::Tag> path;       ///< of the attribute, through first items of sequences
    std::optional<std::size_t> element; ///< of a multi-valued attribute, from 0
};

enum class Operator {
    regexp,
    contains,
    equal,
    not_equal,
    less,
    greater,
    less_or_equal,
    greater_or_equal,
    in,
    exist,
    not_exist,
    approx
};

enum class Negate { no, yes };

struct Condition {
    TagReference tag;
    Operator comparison = Operator::regexp;
    TagValue value;
    std::optional<TagReference> other; ///< the rule's value may be another attribute
    std::shared_ptr<const re2::RE2> pattern;
    double level = 1e-4; ///< of approx
    Negate negate = Negate::no;
    std::string reference; ///< id of another object; then nothing above but `negate` counts
    std::optional<std::size_t> target; ///< its position
};

struct RuleObject {
    std::string type;
    std::string id;
    bool is_series_level = false;
    bool is_disabled = false;
    std::vector<Condition> conditions;
    json::Value source;
};

struct RuleModel {
    std::vector<RuleObject> objects;
    std::vector<std::string> problems;
};

/// Throws Error{Fault::config} if `document` is no array.
[[nodiscard]] RuleModel read_rules(const json::Value& document, std::string_view name);

/// A tag as rules write it: one name, group and element, or both with an index. Nothing if it is
/// none of these forms.
[[nodiscard]] std::optional<TagReference> tag_reference(const json::Array& words);

} // namespace fiona::classify
