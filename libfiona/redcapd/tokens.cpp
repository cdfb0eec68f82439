// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/tokens.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::redcapd {

namespace {

constexpr std::array<std::pair<std::string_view, Right>, 5> right_names{{
    {"export", Right::export_data},
    {"import", Right::import_data},
    {"delete", Right::delete_data},
    {"design", Right::design},
    {"logging", Right::logging},
}};

} // namespace

unsigned parse_rights(std::string_view names)
{
    unsigned rights = 0;
    for (const auto part : split(names, ',')) {
        const auto name = trimmed(part);
        bool known = false;
        for (const auto& [right_name, right] : right_names) {
            if (name == right_name || name == "all") {
                rights |= static_cast<unsigned>(right);
                known = true;
            }
        }
        if (!known) {
            throw Error{Fault::usage,
                        "unknown right '{}': use export, import, delete, design, "
                        "logging or all",
                        name};
        }
    }
    return rights;
}

Private<std::string> new_token()
{
    auto text = to_hex(random_bytes(16));
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return Private<std::string>{std::move(text)};
}

bool is_token(std::string_view text)
{
    return !text.empty() && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    });
}

void store_token(Database& database, const Private<std::string>& token, const Access& access,
                 TimePoint now)
{
    run(database,
        "INSERT INTO token (sha256, project, account, rights, created) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT DO NOTHING",
        sha256_hex(token.reveal()), access.project, access.account, access.rights,
        epoch_seconds(now));
}

bool revoke_token(Database& database, const Private<std::string>& token)
{
    return run(database, "UPDATE token SET revoked = 1 WHERE sha256 = ? AND revoked = 0",
               sha256_hex(token.reveal()))
           > 0;
}

std::int64_t revoke_account(Database& database, std::int64_t project, std::string_view account)
{
    return run(database,
               "UPDATE token SET revoked = 1 WHERE project = ? AND account = ? AND revoked = 0",
               project, account);
}

std::optional<Access> find_token(Database& database, const Private<std::string>& token)
{
    if (!is_token(token.reveal())) {
        return std::nullopt;
    }
    Query query{database,
                "SELECT project, account, rights FROM token WHERE sha256 = ? AND revoked = 0",
                sha256_hex(token.reveal())};
    if (!query.next()) {
        return std::nullopt;
    }
    return Access{query.integer(0), query.text(1), static_cast<unsigned>(query.integer(2))};
}

} // namespace fiona::redcapd
