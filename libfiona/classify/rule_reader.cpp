// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/classify/rule_model.h"
#include "libfiona/classify/series_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace fiona::classify {

namespace {

struct NamedOperator {
    std::string_view name;
    Operator comparison;
};

constexpr std::array<NamedOperator, 14> operators{{{"regexp", Operator::regexp},
                                                   {"contains", Operator::contains},
                                                   {"==", Operator::equal},
                                                   {"!=", Operator::not_equal},
                                                   {"<", Operator::less},
                                                   {">", Operator::greater},
                                                   {"<=", Operator::less_or_equal},
                                                   {">=", Operator::greater_or_equal},
                                                   {"in", Operator::in},
                                                   {"exist", Operator::exist},
                                                   {"exists", Operator::exist},
                                                   {"notexist", Operator::not_exist},
                                                   {"notexists", Operator::not_exist},
                                                   {"approx", Operator::approx}}};

/// A name that is none would make a condition that never holds, and nobody would be told. Names of
/// Siemens' headers and protocols are in no list.
bool is_known(const TagReference& tag)
{
    return tag.source != TagReference::Source::field_or_attribute || !tag.path.empty()
           || is_series_key(tag.name);
}

bool is_existence(Operator comparison)
{
    return comparison == Operator::exist || comparison == Operator::not_exist;
}

class ObjectReader {
public:
    ObjectReader(RuleModel& model, std::size_t number) : m_model{model}, m_number{number} {}

    RuleObject read(const json::Value& source)
    {
        RuleObject object;
        object.source = source;
        if (!source.is_object()) {
            complain(m_model, object, m_number, {"", "must be an object"});
            return object;
        }
        object.id = source.text("id");
        object.type = source.text("type");
        object.is_series_level = source.text("check") == "SeriesLevel";
        if (object.type.empty()) {
            complain(m_model, object, m_number, {"type", "is missing"});
        }
        if (const auto check = source.text("check"); !check.empty() && !object.is_series_level) {
            complain(m_model, object, m_number, {"check", "only \"SeriesLevel\" is known"});
        }
        const auto* const rules = source.find("rules");
        if (rules == nullptr || !rules->is_array() || rules->array().empty()) {
            complain(m_model, object, m_number,
                     {"rules", "must be an array with at least one condition"});
            return object;
        }
        for (std::size_t i = 0; i < rules->array().size(); ++i) {
            const auto where = fmt::format("rules[{}]", i);
            try {
                object.conditions.push_back(condition(rules->array()[i], where));
            } catch (const Error& e) {
                const std::string text = e.what();
                const auto end = text.find(": "); // of the key
                complain(m_model, object, m_number, {text.substr(0, end), text.substr(end + 2)});
            }
        }
        return object;
    }

private:
    static Condition condition(const json::Value& source, const std::string& where)
    {
        Condition result;
        if (!source.is_object()) {
            throw Error{Fault::config, "{}: must be an object", where};
        }
        for (const auto* const kind : {"rule", "notrule"}) {
            if (source.find(kind) != nullptr) {
                result.reference = source.text(kind);
                result.negate = std::string_view{kind} == "rule" ? Negate::no : Negate::yes;
                if (result.reference.empty()) {
                    throw Error{Fault::config, "{}.{}: must be the id of an object", where, kind};
                }
                return result;
            }
        }
        const auto* const tag = source.find("tag");
        if (tag == nullptr || !tag->is_array()) {
            throw Error{Fault::config, "{}.tag: must be an array of texts", where};
        }
        const auto reference = tag_reference(tag->array());
        if (!reference) {
            throw Error{Fault::config,
                        "{}.tag: must be a name or path, group and element, or CSAImage, CSASeries "
                        "or ASCCONV with a name",
                        where};
        }
        if (!is_known(*reference)) {
            throw Error{Fault::config,
                        "{}.tag: {} is neither a field of the series nor a keyword of DICOM; group "
                        "and element need none",
                        where, reference->name};
        }
        result.tag = *reference;
        read_operator(result, source, where);
        read_value(result, source, where);
        result.negate = source.text("negate") == "yes" || source.text("negate") == "true"
                            ? Negate::yes
                            : Negate::no;
        return result;
    }

    static void read_operator(Condition& result, const json::Value& source,
                              const std::string& where)
    {
        const auto name = source.text("operator", "regexp");
        const auto* const known = std::ranges::find(operators, name, &NamedOperator::name);
        if (known == operators.end()) {
            throw Error{Fault::config, "{}.operator: unknown", where};
        }
        result.comparison = known->comparison;
        if (source.find("approxLevel") != nullptr) {
            const auto level = as_number(source.text("approxLevel"));
            if (!level || *level < 0) {
                throw Error{Fault::config, "{}.approxLevel: must be a number", where};
            }
            result.level = *level;
        }
    }

    static void read_value(Condition& result, const json::Value& source, const std::string& where)
    {
        if (is_existence(result.comparison)) {
            return;
        }
        const auto* const value = source.find("value");
        if (value == nullptr || value->is_object() || value->is_null()) {
            throw Error{Fault::config, "{}.value: must be a text, a number or an array", where};
        }
        result.value = tag_value(*value);
        if (value->is_array()) {
            result.other = tag_reference(value->array());
        }
        if (result.comparison != Operator::regexp || value->is_array()) {
            return; // another attribute's value is a text, not a pattern
        }
        try {
            result.pattern.emplace(result.value.text);
        } catch (const Error& e) {
            throw e.in(where + ".value");
        }
    }

    RuleModel& m_model;
    std::size_t m_number;
};

} // namespace

void complain(RuleModel& model, RuleObject& object, std::size_t number, const Complaint& complaint)
{
    object.is_disabled = true;
    model.problems.push_back({number, object.id, complaint});
}

RuleModel read_rules(const json::Value& document, std::string_view name)
{
    if (!document.is_array()) {
        throw Error{Fault::config, "{}: must be an array of objects", name};
    }
    RuleModel model;
    for (const auto& source : document.array()) {
        model.objects.push_back(ObjectReader{model, model.objects.size() + 1}.read(source));
    }
    link_references(model);
    for (auto& object : model.objects) {
        if (object.is_disabled && object.type == burned_in_type) {
            object.is_disabled = false; // no condition left: it always holds
            object.conditions.clear();
        }
    }
    return model;
}

} // namespace fiona::classify
