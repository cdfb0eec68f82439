// SPDX-License-Identifier: MIT
#include "libfiona/redcap/client.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"

namespace fiona::redcap {

std::string_view role_name(Role role)
{
    switch (role) {
    case Role::incoming: return "incoming";
    case Role::routing: return "routing";
    case Role::coupling: return "coupling";
    case Role::dtp: return "dtp";
    case Role::autoid: return "autoid";
    case Role::ids7: break;
    }
    return "ids7";
}

std::string record_id_field_of(Role role)
{
    switch (role) {
    case Role::incoming: return "study_instance_uid";
    case Role::ids7: return "";
    default: return "record_id";
    }
}

std::string Row::value(std::string_view field) const
{
    const auto found = values.find(field);
    return found == values.end() ? std::string{} : found->second;
}

namespace {

std::optional<Private<std::string>> find_token(const RedcapConfig& config, Role role)
{
    const auto secret = read_secret_file(config.tokens_file);
    for (auto line : split(secret.reveal(), '\n')) {
        line = trimmed(line);
        const auto equals = line.find('=');
        if (line.starts_with('#') || equals == std::string_view::npos
            || trimmed(line.substr(0, equals)) != role_name(role)) {
            continue;
        }
        const auto token = trimmed(line.substr(equals + 1));
        if (token.empty() || token.find_first_of(" \t") != std::string_view::npos) {
            break;
        }
        return Private{std::string{token}};
    }
    return std::nullopt;
}

} // namespace

Private<std::string> token_of(const RedcapConfig& config, Role role)
{
    if (auto token = find_token(config, role)) {
        return *std::move(token);
    }
    throw Error{Fault::config, "{} has no line \"{} = TOKEN\"", config.tokens_file.native(),
                role_name(role)};
}

bool has_token(const RedcapConfig& config, Role role)
{
    return find_token(config, role).has_value();
}

} // namespace fiona::redcap
