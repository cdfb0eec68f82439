// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/tokens.h"

#include "libfiona/base/digest.h"
#include "libfiona/base/error.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/local_time.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::redcapd {

namespace {

constexpr std::array<std::pair<std::string_view, Right>, 6> right_names{{
    {"export", Right::export_data},
    {"import", Right::import_data},
    {"delete", Right::delete_data},
    {"design", Right::design},
    {"logging", Right::logging},
    {"users", Right::users},
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
                        "logging, users or all",
                        name};
        }
    }
    return rights;
}

namespace {

Private<std::string> random_token(std::size_t bytes)
{
    auto text = to_hex(random_bytes(bytes));
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : c;
    });
    return Private<std::string>{std::move(text)};
}

} // namespace

Private<std::string> new_token()
{
    return random_token(16);
}

Private<std::string> new_super_token()
{
    return random_token(32);
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

std::optional<Access> find_token(Database& database, const Private<std::string>& token,
                                 TimePoint now)
{
    if (!is_token(token.reveal())) {
        return std::nullopt;
    }
    Query query{database,
                "SELECT t.project, t.account, t.rights, coalesce(a.value, '') FROM token t "
                "LEFT JOIN account a ON a.project = t.project AND a.name = t.account "
                "AND a.key = 'expiration' WHERE t.sha256 = ? AND t.revoked = 0",
                sha256_hex(token.reveal())};
    if (!query.next()) {
        return std::nullopt;
    }
    const auto expiration = query.text(3); // YYYY-MM-DD, local: good until that day begins
    if (!expiration.empty() && expiration <= local_date_text(epoch_seconds(now))) {
        return std::nullopt;
    }
    return Access{query.integer(0), query.text(1), static_cast<unsigned>(query.integer(2))};
}

void store_super_token(Database& database, const Private<std::string>& token,
                       std::string_view account, TimePoint now)
{
    run(database, "INSERT INTO super_token (sha256, account, created) VALUES (?, ?, ?)",
        sha256_hex(token.reveal()), account, epoch_seconds(now));
}

bool revoke_super_token(Database& database, const Private<std::string>& token)
{
    return run(database, "UPDATE super_token SET revoked = 1 WHERE sha256 = ? AND revoked = 0",
               sha256_hex(token.reveal()))
           > 0;
}

std::optional<std::string> find_super_token(Database& database, const Private<std::string>& token)
{
    if (!is_token(token.reveal())) {
        return std::nullopt;
    }
    Query query{database, "SELECT account FROM super_token WHERE sha256 = ? AND revoked = 0",
                sha256_hex(token.reveal())};
    return query.next() ? std::optional{query.text(0)} : std::nullopt;
}

} // namespace fiona::redcapd
