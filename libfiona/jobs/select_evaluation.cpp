// SPDX-License-Identifier: MIT
#include "libfiona/jobs/select_evaluation.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <tuple>

namespace fiona::jobs {

namespace {

using Kind = SelectRule::Kind;
using Values = std::vector<std::string>;

/// `3` is also `3.0`, where the statement has a number.
bool is_equal(const SelectRule& rule, const std::string& value)
{
    return value == rule.text || (rule.number && select_number(value) == rule.number);
}

bool orders(const SelectRule& rule, const std::string& value)
{
    const auto number = select_number(value);
    if (!number) {
        return false;
    }
    switch (rule.kind) {
    case Kind::less: return *number < *rule.number;
    case Kind::greater: return *number > *rule.number;
    case Kind::at_most: return *number <= *rule.number;
    default: return *number >= *rule.number;
    }
}

bool compares(const SelectRule& rule, const Values& values)
{
    switch (rule.kind) {
    case Kind::equal:
        return !values.empty() && std::ranges::all_of(values, [&](const std::string& value) {
            return !value.empty() && is_equal(rule, value);
        });
    case Kind::containing:
        return std::ranges::any_of(values,
                                   [&](const std::string& value) { return is_equal(rule, value); });
    case Kind::regexp:
        return std::ranges::any_of(
            values, [&](const std::string& value) { return rule.pattern->is_in(value); });
    default:
        return std::ranges::any_of(values,
                                   [&](const std::string& value) { return orders(rule, value); });
    }
}

bool holds(const SelectRule& rule, const Candidate& series)
{
    const auto part_holds = [&](const SelectRule& part) { return holds(part, series); };
    switch (rule.kind) {
    case Kind::everything: return true;
    case Kind::all_of: return std::ranges::all_of(rule.parts, part_holds);
    case Kind::any_of: return std::ranges::any_of(rule.parts, part_holds);
    case Kind::none_of: return std::ranges::none_of(rule.parts, part_holds);
    default: break;
    }
    const auto values = series.values(rule.tag);
    return values && compares(rule, *values);
}

/// As ror: the id, with the name behind it if that is another.
std::string patient_of(const Candidate& series)
{
    const auto& id = series.patient_id.reveal();
    const auto& name = series.patient_name.reveal();
    return name.empty() || name == id ? id : id + "-" + name;
}

/// What tells the sets of a level apart.
std::string set_of(Level level, const Candidate& series)
{
    switch (level) {
    case Level::series: return series.series.str();
    case Level::study: return series.study.str();
    default: return patient_of(series);
    }
}

struct Chosen {
    Member member;
    std::size_t clause = 0;
};

std::vector<Chosen> choose(const Statement& statement, const std::vector<Candidate>& candidates)
{
    std::vector<std::size_t> order(candidates.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::ranges::sort(order, {}, [&](std::size_t index) {
        const auto& series = candidates[index];
        return std::tie(series.patient_id.reveal(), series.study, series.series);
    });
    std::vector<Chosen> result;
    for (const auto index : order) {
        std::optional<std::size_t> by;
        for (std::size_t i = 0; i < statement.clauses.size(); ++i) {
            if (!holds(statement.clauses[i].rule, candidates[index])) {
                continue;
            }
            if (by) {
                throw Error{Fault::data, "select: the clauses {} and {} both match series {}",
                            *by + 1, i + 1, log::uid_tag(candidates[index].series.str())};
            }
            by = i;
        }
        if (by) {
            result.push_back({{index, statement.clauses[*by].name}, *by});
        }
    }
    return result;
}

bool passes(const SelectCheck& check, const std::vector<Chosen>& set,
            const std::vector<Candidate>& candidates)
{
    std::optional<Values> common;
    for (const auto& chosen : set) {
        const auto& series = candidates[chosen.member.candidate];
        for (const auto& [clause, tag] : {std::pair{check.left_clause, &check.left},
                                          std::pair{check.right_clause, &check.right}}) {
            if (chosen.clause != clause) {
                continue;
            }
            const auto values = series.values(*tag);
            if (!values || (common && *common != *values)) {
                return false;
            }
            common = values;
        }
    }
    return true;
}

bool is_complete(const Statement& statement, const std::vector<Chosen>& set)
{
    for (std::size_t i = 0; i < statement.clauses.size(); ++i) {
        if (std::ranges::find(set, i, &Chosen::clause) == set.end()) {
            return false;
        }
    }
    return true;
}

} // namespace

std::vector<DataSet> select_sets(const Statement& statement,
                                 const std::vector<Candidate>& candidates)
{
    std::vector<std::vector<Chosen>> sets;
    std::map<std::string, std::size_t, std::less<>> numbers; // in the order of their first series
    for (auto& chosen : choose(statement, candidates)) {
        const auto key = set_of(statement.level, candidates[chosen.member.candidate]);
        const auto [place, is_new] = numbers.try_emplace(key, sets.size());
        if (is_new) {
            sets.emplace_back();
        }
        sets[place->second].push_back(std::move(chosen));
    }
    std::vector<DataSet> result;
    for (const auto& set : sets) {
        const bool is_whole = statement.level == Level::series || is_complete(statement, set);
        const bool is_checked = std::ranges::all_of(
            statement.checks, [&](const auto& check) { return passes(check, set, candidates); });
        if (!is_whole || !is_checked) {
            continue;
        }
        if (result.empty() || statement.level != Level::project) {
            result.emplace_back();
        }
        for (const auto& chosen : set) {
            result.back().push_back(chosen.member);
        }
    }
    return result;
}

} // namespace fiona::jobs
