// SPDX-License-Identifier: MIT
#include "libfiona/base/text.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/data_rows.h"
#include "libfiona/redcapd/projects.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

namespace fiona::redcapd {

namespace {

/// The keys of content=user in their order. What is a right of tokens here is kept in them, so that
/// an import of users changes what their tokens may do; the others are remembered and mean nothing.
constexpr std::array<std::string_view, 7> texts{"username",
                                                "email",
                                                "firstname",
                                                "lastname",
                                                "expiration",
                                                "data_access_group",
                                                "data_access_group_id"};
constexpr std::array<std::string_view, 28> rights{"design",
                                                  "alerts",
                                                  "user_rights",
                                                  "data_access_groups",
                                                  "reports",
                                                  "stats_and_charts",
                                                  "manage_survey_participants",
                                                  "calendar",
                                                  "data_import_tool",
                                                  "data_comparison_tool",
                                                  "logging",
                                                  "file_repository",
                                                  "data_quality_create",
                                                  "data_quality_execute",
                                                  "data_quality_resolution",
                                                  "api_export",
                                                  "api_import",
                                                  "mobile_app",
                                                  "mobile_app_download_data",
                                                  "record_create",
                                                  "record_rename",
                                                  "record_delete",
                                                  "lock_records_all_forms",
                                                  "lock_records",
                                                  "lock_records_customization",
                                                  "random_setup",
                                                  "random_dashboard",
                                                  "random_perform"};
constexpr std::array<std::string_view, 2> by_form{"forms", "forms_export"};

constexpr std::array<std::pair<std::string_view, Right>, 6> token_rights{{
    {"api_export", Right::export_data},
    {"api_import", Right::import_data},
    {"record_delete", Right::delete_data},
    {"design", Right::design},
    {"logging", Right::logging},
    {"user_rights", Right::users},
}};

using Keys = std::map<std::string, std::string, std::less<>>;

/// Everybody with a token or an entry of their own.
std::map<std::string, Keys> accounts(const Call& call)
{
    std::map<std::string, Keys> found;
    Query tokens{call.database,
                 "SELECT account, rights FROM token WHERE project = ? AND revoked = 0",
                 call.schema.project};
    while (tokens.next()) {
        auto& keys = found[tokens.text(0)];
        const auto granted = static_cast<unsigned>(tokens.integer(1));
        for (const auto& [name, right] : token_rights) {
            if ((granted & static_cast<unsigned>(right)) != 0) {
                keys.insert_or_assign(std::string{name}, "1");
            } else {
                keys.try_emplace(std::string{name}, "0");
            }
        }
    }
    Query entries{call.database, "SELECT name, key, value FROM account WHERE project = ?",
                  call.schema.project};
    while (entries.next()) {
        auto& keys = found[entries.text(0)];
        const auto key = entries.text(1);
        keys.try_emplace(key, entries.text(2)); // the token knows better
    }
    return found;
}

std::string text_in(const Keys& keys, std::string_view name)
{
    const auto found = keys.find(name);
    return found == keys.end() ? std::string{} : found->second;
}

/// `form:1,form:1`, with a default for forms that are not named.
std::vector<std::pair<std::string, std::string>> form_rights(const Schema& schema,
                                                             const std::string& stored)
{
    std::vector<std::pair<std::string, std::string>> result;
    for (const auto& form : schema.forms) {
        std::string right = "1";
        for (const auto part : split(stored, ',')) {
            const auto colon = part.find(':');
            if (colon != std::string_view::npos && part.substr(0, colon) == form.name) {
                right = std::string{part.substr(colon + 1)};
            }
        }
        result.emplace_back(form.name, right);
    }
    return result;
}

TableCell form_cell(const Schema& schema, const std::string& stored)
{
    TableParts parts;
    for (const auto& [form, right] : form_rights(schema, stored)) {
        const bool is_number = right.size() == 1 && right.front() >= '0' && right.front() <= '9';
        parts.emplace_back(form, is_number ? right.front() - '0' : 0);
    }
    return parts;
}

std::vector<std::string> columns()
{
    std::vector<std::string> names{texts.begin(), texts.end()};
    names.insert(names.end(), rights.begin(), rights.end());
    names.insert(names.end(), by_form.begin(), by_form.end());
    return names;
}

void set_key(const Call& call, const std::string& user, std::string_view key,
             const std::string& value)
{
    run(call.database,
        "INSERT INTO account (project, name, key, value) VALUES (?, ?, ?, ?) "
        "ON CONFLICT DO UPDATE SET value = excluded.value",
        call.schema.project, user, key, value);
}

void set_token_right(const Call& call, const std::string& user, Right right, bool granted)
{
    const auto bit = static_cast<unsigned>(right);
    run(call.database,
        granted ? "UPDATE token SET rights = rights | ? WHERE project = ? AND account = ?"
                : "UPDATE token SET rights = rights & ~ ? WHERE project = ? AND account = ?",
        bit, call.schema.project, user);
}

bool is_date(std::string_view text)
{
    return local_seconds(std::string{text} + " 00:00", Ambiguous::earliest).has_value();
}

void store_user(const Call& call, const DataRow& row)
{
    const auto user = value_of(row, "username");
    constexpr std::size_t max_name = 255;
    if (user.empty() || user.size() > max_name || trimmed(user) != user) {
        throw Refusal{400, "The data being imported is not formatted correctly: every user needs a "
                           "username"};
    }
    set_key(call, user, "username", user);
    for (const auto& [key, value] : row) {
        const bool is_right = std::ranges::find(rights, key) != rights.end();
        const bool is_known = is_right || std::ranges::find(texts, key) != texts.end()
                              || std::ranges::find(by_form, key) != by_form.end();
        if (!is_known || key == "username") {
            continue;
        }
        if (key == "expiration" && !value.empty() && !is_date(value)) {
            throw Refusal{400, "The value of \"expiration\" must be a date as YYYY-MM-DD"};
        }
        if (key.starts_with("data_access_group") && !is_right && !value.empty()) {
            throw Refusal{400, fmt::format("The value of \"{}\" must be blank: this server has no "
                                           "data access groups, and would show all records",
                                           key)};
        }
        if (is_right && !value.empty()
            && (value.size() != 1 || value.front() < '0' || value.front() > '9')) {
            throw Refusal{400, fmt::format("The value of \"{}\" is not valid", key)};
        }
        set_key(call, user, key, value);
        for (const auto& [name, right] : token_rights) {
            if (key == name && !value.empty()) {
                set_token_right(call, user, right, value != "0");
            }
        }
    }
}

} // namespace

Answer export_users(const Call& call)
{
    call.require(Right::export_data);
    TableWriter table{call.format(), columns(), call.delimiter(), {"users", "item"}};
    for (const auto& [user, keys] : accounts(call)) {
        std::vector<TableCell> row;
        row.reserve(texts.size() + rights.size() + by_form.size());
        for (const auto name : texts) {
            row.emplace_back(name == "username" ? user : text_in(keys, name));
        }
        for (const auto name : rights) {
            const auto value = text_in(keys, name);
            row.emplace_back(std::int64_t{value.size() == 1 ? value.front() - '0' : 0});
        }
        for (const auto name : by_form) {
            row.push_back(form_cell(call.schema, text_in(keys, name)));
        }
        table.add(row);
    }
    return table.take();
}

Answer import_users(const Call& call)
{
    call.require(Right::users);
    const auto rows =
        data_rows(call.form.text("data"), call.format(), call.delimiter(), Parts::join);
    for (const auto& row : rows) {
        store_user(call, row);
    }
    log_design(call, "Import users");
    return number_answer(static_cast<std::int64_t>(rows.size()), call.error_format);
}

Answer delete_users(const Call& call)
{
    call.require(Right::users);
    const auto known = accounts(call);
    const auto users =
        call.known_list("users", [&](const std::string& name) { return known.contains(name); });
    if (users.empty()) {
        throw Refusal{400, "The parameter \"users\" is missing or empty"};
    }
    const std::set<std::string> doomed{users.begin(), users.end()};
    for (const auto& user : doomed) {
        run(call.database, "DELETE FROM account WHERE project = ? AND name = ?",
            call.schema.project, user);
        revoke_account(call.database, call.schema.project, user);
    }
    log_design(call, "Delete users");
    return number_answer(static_cast<std::int64_t>(doomed.size()), call.error_format);
}

} // namespace fiona::redcapd
