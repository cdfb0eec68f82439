// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"
#include "libfiona/base/sqlite.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// API tokens: one account in one project with some rights. Only their SHA-256 is stored.
namespace fiona::redcapd {

enum class Right : unsigned {
    export_data = 1U,
    import_data = 2U,
    delete_data = 4U,
    design = 8U,
    logging = 16U,
    users = 32U,
};

constexpr unsigned all_rights = 63;

/// What a token allows.
struct Access {
    std::int64_t project = 0;
    std::string account;
    unsigned rights = 0;

    [[nodiscard]] bool may(Right right) const
    {
        return (rights & static_cast<unsigned>(right)) != 0;
    }
};

/// `export,import,delete,design,logging,users`, or `all`. Throws Error{Fault::usage}.
[[nodiscard]] unsigned parse_rights(std::string_view names);
/// 32 upper-case hex digits.
[[nodiscard]] Private<std::string> new_token();
/// 64 of them: a super token makes projects and does nothing else.
[[nodiscard]] Private<std::string> new_super_token();
/// 1..128 letters and digits: no other text can be a token.
[[nodiscard]] bool is_token(std::string_view text);

/// Adds a token; one that is known stays as it is.
void store_token(Database& database, const Private<std::string>& token, const Access& access,
                 TimePoint now);
/// False if there was no such token, or it was revoked already.
bool revoke_token(Database& database, const Private<std::string>& token);
/// Revokes all tokens of an account in a project; returns how many.
std::int64_t revoke_account(Database& database, std::int64_t project, std::string_view account);
/// Nothing if it is unknown or revoked, or its account has expired before `now`.
[[nodiscard]] std::optional<Access> find_token(Database& database,
                                               const Private<std::string>& token, TimePoint now);

void store_super_token(Database& database, const Private<std::string>& token,
                       std::string_view account, TimePoint now);
bool revoke_super_token(Database& database, const Private<std::string>& token);
/// The account of a super token; nothing if it is unknown or revoked.
[[nodiscard]] std::optional<std::string> find_super_token(Database& database,
                                                          const Private<std::string>& token);

} // namespace fiona::redcapd
