// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/private.h"
#include "libfiona/redcapd/sqlite.h"

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
};

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

/// `export,import,delete,design,logging`, or `all`. Throws Error{Fault::usage}.
[[nodiscard]] unsigned parse_rights(std::string_view names);
/// 32 upper-case hex digits.
[[nodiscard]] Private<std::string> new_token();
/// 1..128 letters and digits: no other text can be a token.
[[nodiscard]] bool is_token(std::string_view text);

/// Adds a token; one that is known stays as it is.
void store_token(Database& database, const Private<std::string>& token, const Access& access,
                 TimePoint now);
/// False if there was no such token, or it was revoked already.
bool revoke_token(Database& database, const Private<std::string>& token);
/// Revokes all tokens of an account in a project; returns how many.
std::int64_t revoke_account(Database& database, std::int64_t project, std::string_view account);
/// Nothing if it is unknown or revoked.
[[nodiscard]] std::optional<Access> find_token(Database& database,
                                               const Private<std::string>& token);

} // namespace fiona::redcapd
