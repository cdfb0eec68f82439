// SPDX-License-Identifier: MIT
#include "libfiona/export/participant.h"

#include "libfiona/base/dates.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/number.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/client.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fiona::exports {

namespace {

Private<std::string> token_of(const ExportSettings& settings, const std::string& project)
{
    const auto text = read_secret_file(settings.tokens);
    const auto tokens = json::parse(text.reveal(), "tokens.json");
    auto token = tokens.text(project);
    if (token.empty()) {
        throw Error{Fault::config, "{} has no token of the project",
                    settings.tokens.filename().native()};
    }
    return Private<std::string>{std::move(token)};
}

std::string sex_of(std::string_view code)
{
    return code == "0" ? "F" : code == "1" ? "M" : "";
}

} // namespace

std::string age_string(std::string_view years)
{
    constexpr double oldest = 999; // three digits
    const auto value = read_number<double>(trimmed(years)).value_or(-1);
    if (!(value >= 0 && value <= oldest)) {
        return {};
    }
    if (value == std::floor(value)) {
        return fmt::format("{:03}Y", static_cast<int>(value));
    }
    constexpr double months = 12;
    const auto in_months = value * months;
    return in_months > oldest ? fmt::format("{:03}Y", static_cast<int>(value))
                              : fmt::format("{:03}M", static_cast<int>(in_months));
}

std::string birth_date(std::string_view redcap)
{
    std::string digits{trimmed(redcap)};
    std::erase(digits, '-');
    const auto day = parse_da(digits);
    return day ? format_da(*day) : std::string{};
}

Participant find_participant(const Config& config, const ExportSettings& settings,
                             const std::string& project, const std::string& id)
{
    if (!std::filesystem::exists(settings.tokens)) {
        return {};
    }
    const auto client = redcap::connect(config.redcap, token_of(settings, project));
    redcap::ExportSpec spec;
    constexpr std::array wanted{"first_name", "age", "dob", "sex"};
    for (const auto& field : client->metadata()) {
        if (std::ranges::find(wanted, field.name) != wanted.end()) {
            spec.fields.push_back(field.name);
        }
    }
    Participant participant;
    if (std::ranges::find(spec.fields, "first_name") == spec.fields.end()) {
        return participant;
    }
    for (const auto& row : client->export_records(spec)) {
        if (row.value("first_name") == id) {
            participant = {.birth_date = birth_date(row.value("dob")),
                           .age = age_string(row.value("age")),
                           .sex = sex_of(row.value("sex"))};
        }
    }
    return participant;
}

} // namespace fiona::exports
