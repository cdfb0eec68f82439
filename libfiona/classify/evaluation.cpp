// SPDX-License-Identifier: MIT
#include "libfiona/classify/evaluation.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/classify/series_fields.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace fiona::classify {

namespace {

constexpr std::string_view types_key = "ClassifyType";
constexpr std::string_view vetoes_key = "ClassifyVeto";

std::vector<std::string> texts(const json::Object& fields, std::string_view key)
{
    std::vector<std::string> result;
    const auto found = fields.find(key);
    if (found != fields.end() && found->second.is_array()) {
        for (const auto& item : found->second.array()) {
            result.push_back(item.text());
        }
    }
    return result;
}

bool contains(const std::vector<std::string>& list, std::string_view text)
{
    return std::ranges::find(list, text) != list.end();
}

bool compare(Operator comparison, double left, double right)
{
    switch (comparison) {
    case Operator::equal: return left == right;
    case Operator::not_equal: return left != right;
    case Operator::less: return left < right;
    case Operator::greater: return left > right;
    case Operator::less_or_equal: return left <= right;
    case Operator::greater_or_equal: return left >= right;
    default: return false;
    }
}

/// One value against one: as numbers if both are, else as text where that makes sense.
bool compare(Operator comparison, const std::string& left, const std::string& right)
{
    const auto left_number = as_number(left);
    const auto right_number = as_number(right);
    if (left_number && right_number) {
        return compare(comparison, *left_number, *right_number);
    }
    return (comparison == Operator::equal && left == right)
           || (comparison == Operator::not_equal && left != right);
}

/// A list holds if each of its elements does; two lists are compared pair by pair.
bool compare(Operator comparison, const TagValue& left, const TagValue& right)
{
    const bool is_equality = comparison == Operator::equal || comparison == Operator::not_equal;
    if (is_equality && left.text == right.text) {
        return comparison == Operator::equal;
    }
    if (right.is_list) {
        if (left.items.size() != right.items.size()) {
            return comparison == Operator::not_equal;
        }
        const bool same =
            std::ranges::equal(left.items, right.items, [](const auto& a, const auto& b) {
                return compare(Operator::equal, a, b);
            });
        if (is_equality) {
            return same == (comparison == Operator::equal);
        }
        return std::ranges::equal(left.items, right.items, [&](const auto& a, const auto& b) {
            return compare(comparison, a, b);
        });
    }
    const auto numbers = as_numbers(left);
    const auto limit = as_number(right.text);
    if (numbers && limit) {
        return std::ranges::all_of(
            *numbers, [&](double number) { return compare(comparison, number, *limit); });
    }
    return std::ranges::all_of(
        left.items, [&](const std::string& item) { return compare(comparison, item, right.text); });
}

/// Text: a piece of it. List: one of its elements, exactly.
bool contains(const TagValue& value, const TagValue& wanted)
{
    return std::ranges::all_of(wanted.items, [&](const std::string& piece) {
        return value.is_list ? contains(value.items, piece)
                             : value.text.find(piece) != std::string::npos;
    });
}

bool is_in(const TagValue& value, const TagValue& list)
{
    return std::ranges::all_of(value.items, [&](const std::string& item) {
        return std::ranges::any_of(list.items, [&](const std::string& allowed) {
            return compare(Operator::equal, item, allowed);
        });
    });
}

bool is_close(const TagValue& left, const TagValue& right, double level)
{
    const auto numbers = as_numbers(left);
    const auto wanted = as_numbers(right);
    return numbers && wanted && std::ranges::equal(*numbers, *wanted, [&](double a, double b) {
               return std::abs(a - b) <= level;
           });
}

bool matches(const Condition& condition, const TagValue& value, const TagValue& wanted)
{
    switch (condition.comparison) {
    case Operator::exist: return true;
    case Operator::not_exist: return false;
    case Operator::contains: return contains(value, wanted);
    case Operator::in: return is_in(value, wanted);
    case Operator::approx: return is_close(value, wanted, condition.level);
    case Operator::regexp:
        return condition.pattern
                   ? condition.pattern->is_in(value.text)
                   // another attribute's value is a text, not a pattern
                   : !wanted.is_list && value.text.find(wanted.text) != std::string::npos;
    default: return compare(condition.comparison, value, wanted);
    }
}

/// One of several values, if only one is asked for.
std::optional<TagValue> element_of(std::optional<TagValue> value,
                                   const std::optional<std::size_t>& element)
{
    if (!value || !element) {
        return value;
    }
    if (*element >= value->items.size()) {
        return std::nullopt;
    }
    auto item = value->items[*element];
    return TagValue{{item}, false, item};
}

} // namespace

Evaluation::Evaluation(const RuleModel& model, const dicom::Header& header,
                       const json::Object& series_fields)
    : m_model{model}, m_header{header}, m_siemens{header}, m_fields{series_fields},
      m_result{texts(series_fields, types_key), texts(series_fields, vetoes_key)}
{
}

Classification Evaluation::run()
{
    // Several objects of one type are alternatives: an image must satisfy one of them.
    std::set<std::string_view> series_level;
    for (const auto& object : m_model.objects) {
        if (object.is_series_level && !object.is_disabled) {
            series_level.insert(object.type);
        }
    }
    std::set<std::string_view> held_types;
    for (const auto& object : m_model.objects) {
        const bool is_settled =
            contains(m_result.types, object.type) && !series_level.contains(object.type);
        if (object.is_disabled || is_settled || held_types.contains(object.type)
            || !holds(object)) {
            continue;
        }
        held_types.insert(object.type);
        if (!contains(m_result.types, object.type) && !contains(m_result.vetoes, object.type)) {
            m_result.types.push_back(object.type);
        }
    }
    for (const auto type : series_level) {
        if (!held_types.contains(type) && !contains(m_result.vetoes, type)) {
            m_result.vetoes.emplace_back(type);
        }
    }
    std::erase_if(m_result.types,
                  [&](const auto& type) { return contains(m_result.vetoes, type); });
    return m_result;
}

bool Evaluation::holds(const RuleObject& object)
{
    try {
        return all_hold(object);
    } catch (const Error& e) {
        if (e.fault() != Fault::config) {
            throw;
        }
        // Better to search pixels in vain than to miss a name in them.
        log::warn("rule_gave_up", {{"type", object.type}, {"id", object.id}, {"reason", e.what()}});
        return object.type == burned_in_type;
    }
}

bool Evaluation::all_hold(const RuleObject& object)
{
    return std::ranges::all_of(object.conditions,
                               [&](const Condition& condition) { return holds(condition); });
}

bool Evaluation::holds(const Condition& condition)
{
    const bool is_negated = condition.negate == Negate::yes;
    if (condition.target) {
        return all_hold(m_model.objects[*condition.target]) != is_negated;
    }
    const auto value = find(condition.tag);
    if (!value) {
        return (condition.comparison == Operator::not_exist) != is_negated;
    }
    const auto other = condition.other ? find(*condition.other) : std::nullopt;
    return matches(condition, *value, other ? *other : condition.value) != is_negated;
}

std::optional<TagValue> Evaluation::find(const TagReference& reference)
{
    using enum TagReference::Source;
    switch (reference.source) {
    case csa_image: return element_of(m_siemens.image_value(reference.name), reference.element);
    case csa_series: return element_of(m_siemens.series_value(reference.name), reference.element);
    case protocol: {
        auto text = m_siemens.protocol().value(reference.name);
        return element_of(text ? std::optional{tag_value({std::move(*text)}, "UN")} : std::nullopt,
                          reference.element);
    }
    case field_or_attribute: break;
    }
    if (reference.name == types_key) {
        if (m_result.types.empty()) {
            return std::nullopt;
        }
        json::Array types{m_result.types.begin(), m_result.types.end()};
        return tag_value(json::Value{std::move(types)});
    }
    // Keys of the original hold the first image's value and hide the attribute; keys that came
    // later must not, or rules on the orientation of each image would see only the first.
    const auto stored = m_fields.find(reference.name);
    const bool has_stored = !reference.name.empty() && stored != m_fields.end();
    if (has_stored && !is_added_key(reference.name)) {
        return tag_value(stored->second);
    }
    auto found = find_attribute(reference);
    if (!found && has_stored) {
        return tag_value(stored->second);
    }
    return found;
}

std::optional<TagValue> Evaluation::find_attribute(const TagReference& reference)
{
    return element_of(whole_attribute(reference), reference.element);
}

std::optional<TagValue> Evaluation::whole_attribute(const TagReference& reference)
{
    if (reference.path.empty()) {
        return std::nullopt;
    }
    if (reference.path.size() > 1) {
        auto values = m_header.values_at(reference.path);
        return values ? std::optional{tag_value(std::move(*values), "UN")} : std::nullopt;
    }
    const auto tag = reference.path.front().tag;
    auto seen = m_seen.find(tag);
    if (seen == m_seen.end()) {
        seen = m_seen.emplace(tag, tag_value(m_header, tag)).first;
    }
    return seen->second;
}

} // namespace fiona::classify
