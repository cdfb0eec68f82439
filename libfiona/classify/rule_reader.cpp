// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/classify/rule_model.h"

#include <fmt/format.h>

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <set>

namespace fiona::classify {

namespace {

constexpr std::string_view burned_in = "CHECKBURNEDINFO";

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

bool is_existence(Operator comparison)
{
    return comparison == Operator::exist || comparison == Operator::not_exist;
}

/// `0x18`, `0018`, `24`: four digits, a letter or 0x mean hexadecimal, else decimal.
std::optional<std::uint16_t> tag_number(std::string_view text)
{
    constexpr std::size_t hexadecimal_digits = 4;
    int base = 10;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
        base = 16;
    } else if (text.size() == hexadecimal_digits
               || text.find_first_of("abcdefABCDEF") != std::string_view::npos) {
        base = 16;
    }
    std::uint16_t value = 0;
    const auto [end, problem] =
        std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (text.empty() || problem != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

/// `Sequence[0].Sequence[0].Keyword`; only first items, as that is what the header offers.
std::optional<TagReference> sequence_path(const std::string& name)
{
    TagReference reference{name, {}, std::nullopt};
    for (auto part : split(name, '.')) {
        if (part.ends_with("[0]")) {
            part.remove_suffix(3);
        }
        const auto tag = dicom::Header::tag_of(part);
        if (!tag) {
            return std::nullopt;
        }
        reference.path.push_back(*tag);
    }
    return reference;
}

class ObjectReader {
public:
    ObjectReader(RuleModel& model, std::size_t number) : m_model{model}, m_number{number} {}

    RuleObject read(const json::Value& source)
    {
        RuleObject object;
        object.source = source;
        if (!source.is_object()) {
            complain(object, "", "must be an object");
            return object;
        }
        object.id = source.text("id");
        object.type = source.text("type");
        object.is_series_level = source.text("check") == "SeriesLevel";
        if (object.type.empty()) {
            complain(object, "type", "is missing");
        }
        if (const auto check = source.text("check"); !check.empty() && !object.is_series_level) {
            complain(object, "check", "only \"SeriesLevel\" is known");
        }
        const auto* const rules = source.find("rules");
        if (rules == nullptr || !rules->is_array() || rules->array().empty()) {
            complain(object, "rules", "must be an array with at least one condition");
            return object;
        }
        for (std::size_t i = 0; i < rules->array().size(); ++i) {
            const auto where = fmt::format("rules[{}]", i);
            try {
                object.conditions.push_back(condition(rules->array()[i], where));
            } catch (const Error& e) {
                complain(object, "", e.what());
            }
        }
        return object;
    }

    void complain(RuleObject& object, std::string_view key, std::string_view what)
    {
        object.is_disabled = true;
        m_model.problems.push_back(
            fmt::format("object {}{}: {}{}{}", m_number,
                        object.id.empty() ? std::string{} : fmt::format(" ({})", object.id), key,
                        key.empty() ? "" : ": ", what));
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
                        "{}.tag: must be a name, group and element, or these and an index", where};
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
        if (result.comparison != Operator::regexp || result.other) {
            return;
        }
        // RE2 reads Python's syntax but for back references and look-around, in linear time.
        re2::RE2::Options options;
        options.set_log_errors(false);
        result.pattern = std::make_shared<const re2::RE2>(result.value.text, options);
        if (!result.pattern->ok()) {
            throw Error{Fault::config, "{}.value: {}", where, result.pattern->error()};
        }
    }

    RuleModel& m_model;
    std::size_t m_number;
};

/// Finds the targets of references, and disables what refers to nothing, to two, or to itself.
class Linker {
public:
    explicit Linker(RuleModel& model) : m_model{model} {}

    void link()
    {
        std::map<std::string_view, std::vector<std::size_t>> by_id;
        for (std::size_t i = 0; i < m_model.objects.size(); ++i) {
            if (!m_model.objects[i].id.empty()) {
                by_id[m_model.objects[i].id].push_back(i);
            }
        }
        for (const auto& [id, positions] : by_id) {
            if (positions.size() > 1) {
                m_model.problems.push_back(
                    fmt::format("object {} ({}): id: given {} times; nothing can refer to it",
                                positions[1] + 1, id, positions.size()));
            }
        }
        for (std::size_t i = 0; i < m_model.objects.size(); ++i) {
            for (auto& condition : m_model.objects[i].conditions) {
                if (condition.reference.empty()) {
                    continue;
                }
                const auto found = by_id.find(condition.reference);
                if (found == by_id.end() || found->second.size() > 1) {
                    disable(i, fmt::format("refers to the {} id {}",
                                           found == by_id.end() ? "unknown" : "ambiguous",
                                           condition.reference));
                } else {
                    condition.target = found->second.front();
                }
            }
        }
        for (std::size_t i = 0; i < m_model.objects.size(); ++i) {
            std::set<std::size_t> above;
            if (!m_model.objects[i].is_disabled) {
                follow(i, above);
            }
        }
    }

private:
    /// False if `position` cannot be used.
    bool follow(std::size_t position, std::set<std::size_t>& above)
    {
        auto& object = m_model.objects[position];
        if (object.is_disabled) {
            return false;
        }
        if (m_done.contains(position)) {
            return true;
        }
        above.insert(position);
        for (const auto& condition : object.conditions) {
            if (!condition.target) {
                continue;
            }
            if (above.contains(*condition.target)) {
                disable(position, fmt::format("refers in a circle to {}", condition.reference));
                break;
            }
            if (!follow(*condition.target, above)) {
                disable(position,
                        fmt::format("refers to {}, which is disabled", condition.reference));
                break;
            }
        }
        above.erase(position);
        m_done.insert(position);
        return !object.is_disabled;
    }

    void disable(std::size_t position, std::string_view why)
    {
        ObjectReader{m_model, position + 1}.complain(m_model.objects[position], "rules", why);
    }

    RuleModel& m_model;
    std::set<std::size_t> m_done;
};

} // namespace

std::optional<TagReference> tag_reference(const json::Array& words)
{
    constexpr std::size_t longest_form = 3;
    if (words.empty() || words.size() > longest_form
        || !std::ranges::all_of(
            words, [](const auto& word) { return word.is_string() || word.is_integer(); })) {
        return std::nullopt;
    }
    if (words.size() == 1) {
        const auto name = words.front().text();
        if (name.find('.') != std::string::npos) {
            return sequence_path(name);
        }
        TagReference reference{name, {}, std::nullopt};
        if (const auto tag = dicom::Header::tag_of(name)) {
            reference.path.push_back(*tag);
        }
        return reference;
    }
    const auto group = tag_number(words[0].text());
    const auto element = tag_number(words[1].text());
    if (!group || !element) {
        return std::nullopt;
    }
    TagReference reference{{}, {{*group, *element}}, std::nullopt};
    if (words.size() == longest_form) {
        const auto index = as_number(words[2].text());
        if (!index || *index < 0 || *index > 1e6) {
            return std::nullopt;
        }
        reference.element = static_cast<std::size_t>(*index);
    }
    return reference;
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
    Linker{model}.link();
    for (auto& object : model.objects) {
        if (object.is_disabled && object.type == burned_in) {
            object.is_disabled = false; // no condition left: it always holds
            object.conditions.clear();
        }
    }
    return model;
}

} // namespace fiona::classify
