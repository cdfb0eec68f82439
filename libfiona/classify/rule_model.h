// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/json.h"
#include "libfiona/base/pattern.h"
#include "libfiona/classify/tag_reference.h"
#include "libfiona/classify/tag_value.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// The rules as read: plain values, no behaviour. Private to classify/.
namespace fiona::classify {

/// Objects of this type err on the side of holding: see Rules::problems().
constexpr std::string_view burned_in_type = "CHECKBURNEDINFO";

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
    std::optional<Pattern> pattern;    ///< of regexp, unless the value is an array
    double level = 1e-4;               ///< of approx
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

struct Complaint {
    std::string key; ///< `rules[2].value`; may be empty
    std::string what;
};

struct Problem {
    std::size_t number = 0; ///< of the object, from 1
    std::string id;         ///< likewise; may be empty
    Complaint complaint;
};

struct RuleModel {
    std::vector<RuleObject> objects;
    std::vector<Problem> problems;
};

/// Throws Error{Fault::config} if `document` is no array.
[[nodiscard]] RuleModel read_rules(const json::Value& document, std::string_view name);

/// Disables the object and adds to the problems. `number` counts from 1.
void complain(RuleModel& model, RuleObject& object, std::size_t number, const Complaint& complaint);

/// Finds the targets of all references, and disables what refers to nothing, to two, to itself, to a
/// disabled object, or to too much.
void link_references(RuleModel& model);

} // namespace fiona::classify
