// SPDX-License-Identifier: MIT
#include "libfiona/classify/rules.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json_place.h"
#include "libfiona/classify/evaluation.h"
#include "libfiona/classify/rule_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

namespace fiona::classify {

namespace {

constexpr json::Limits rule_limits{std::size_t{8} << 20U, 20};

/// `notrule` of several conditions stays one entry: it means "not all of these".
json::Array resolved_conditions(const RuleModel& model, const RuleObject& object)
{
    json::Array result;
    const auto* const rules = object.source.find("rules");
    for (std::size_t i = 0; i < object.conditions.size() && rules != nullptr; ++i) {
        const auto& condition = object.conditions[i];
        if (!condition.target) {
            result.push_back(rules->array().at(i));
            continue;
        }
        auto inner = resolved_conditions(model, model.objects[*condition.target]);
        if (condition.negate == Negate::yes) {
            result.emplace_back(json::Object{{"notall", std::move(inner)}});
        } else {
            std::ranges::move(inner, std::back_inserter(result));
        }
    }
    return result;
}

/// Each place is looked for from the start of the text; a file that is all mistakes needs no more of them.
constexpr std::size_t most_places = 100;

std::string line_of(const Problem& problem)
{
    const auto& [key, what] = problem.complaint;
    return fmt::format("object {}{}: {}{}", problem.number,
                       problem.id.empty() ? "" : fmt::format(" ({})", problem.id),
                       key.empty() ? "" : key + ": ", what);
}

std::vector<std::string> lines_of(const std::vector<Problem>& problems, std::string_view text)
{
    std::vector<std::string> lines;
    for (const auto& problem : problems) {
        auto line = line_of(problem);
        if (lines.size() < most_places) {
            const auto& key = problem.complaint.key;
            const auto [row, column] = json::place_of(
                text, fmt::format("[{}]{}{}", problem.number - 1, key.empty() ? "" : ".", key));
            line = fmt::format("line {}, column {}: {}", row, column, line);
        }
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace

struct Rules::Data {
    RuleModel model;
    std::vector<std::string> problems;
};

Rules::Rules(std::unique_ptr<Data> data) : m_data{std::move(data)} {}
Rules::Rules(Rules&& other) noexcept = default;
Rules& Rules::operator=(Rules&& other) noexcept = default;
Rules::~Rules() = default;

Rules Rules::load(const std::filesystem::path& file)
{
    return parse(read_file(file, rule_limits.max_bytes), file.native());
}

Rules Rules::parse(std::string_view text, std::string_view name)
{
    try {
        auto model = read_rules(json::parse(text, name, rule_limits), name);
        auto problems = lines_of(model.problems, text);
        return Rules{std::make_unique<Data>(Data{std::move(model), std::move(problems)})};
    } catch (const Error& e) {
        throw Error{Fault::config, "{}", e.what()};
    }
}

const std::vector<std::string>& Rules::problems() const
{
    return m_data->problems;
}

std::size_t Rules::size() const
{
    return static_cast<std::size_t>(
        std::ranges::count(m_data->model.objects, false, &RuleObject::is_disabled));
}

json::Value Rules::resolved() const
{
    json::Array result;
    for (const auto& object : m_data->model.objects) {
        if (object.is_disabled) {
            continue;
        }
        auto copy = object.source.is_object() ? object.source.object() : json::Object{};
        copy["rules"] = resolved_conditions(m_data->model, object);
        result.emplace_back(std::move(copy));
    }
    return result;
}

Classification Rules::evaluate(const dicom::Header& header, const json::Object& series_fields) const
{
    return Evaluation{m_data->model, header, series_fields}.run();
}

} // namespace fiona::classify
