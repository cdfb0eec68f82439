// SPDX-License-Identifier: MIT
#include "libfiona/classify/rule_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace fiona::classify {

namespace {

// A reference stands for all conditions of another object, and these for more. Twenty objects that
// refer twice to the one before are a million conditions: there is an end to that.
constexpr std::size_t deepest = 100; // the original went round as often
constexpr std::size_t most_conditions = 1000;

class Linker {
public:
    explicit Linker(RuleModel& model) : m_model{model}, m_conditions(model.objects.size()) {}

    void link()
    {
        find_targets();
        for (std::size_t i = 0; i < m_model.objects.size(); ++i) {
            std::vector<std::size_t> above;
            static_cast<void>(follow(i, above));
        }
    }

private:
    void find_targets()
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
                    {positions[1] + 1,
                     std::string{id},
                     {"id",
                      fmt::format("given {} times; nothing can refer to it", positions.size())}});
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
    }

    /// False if `position` cannot be used. `above` are the objects whose references led here.
    bool follow(std::size_t position, std::vector<std::size_t>& above)
    {
        auto& object = m_model.objects[position];
        if (object.is_disabled || m_conditions[position] > 0) {
            return !object.is_disabled;
        }
        above.push_back(position);
        std::size_t conditions = 0;
        for (const auto& condition : object.conditions) {
            const auto problem = problem_with(condition, above);
            if (!problem.empty()) {
                disable(position, problem);
                break;
            }
            conditions += condition.target ? m_conditions[*condition.target] : 1;
        }
        above.pop_back();
        if (!object.is_disabled && conditions > most_conditions) {
            disable(position,
                    fmt::format("with all references more than {} conditions", most_conditions));
        }
        m_conditions[position] = conditions;
        return !object.is_disabled;
    }

    std::string problem_with(const Condition& condition, std::vector<std::size_t>& above)
    {
        if (!condition.target) {
            return {};
        }
        if (std::ranges::find(above, *condition.target) != above.end()) {
            return fmt::format("refers in a circle to {}", condition.reference);
        }
        if (above.size() >= deepest) {
            return fmt::format("refers through more than {} objects to {}", deepest,
                               condition.reference);
        }
        return follow(*condition.target, above)
                   ? std::string{}
                   : fmt::format("refers to {}, which is disabled", condition.reference);
    }

    void disable(std::size_t position, std::string why)
    {
        complain(m_model, m_model.objects[position], position + 1, {"rules", std::move(why)});
    }

    RuleModel& m_model;
    std::vector<std::size_t> m_conditions; ///< of each object with its references; 0: not known yet
};

} // namespace

void link_references(RuleModel& model)
{
    Linker{model}.link();
}

} // namespace fiona::classify
