// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/api.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/answered_requests.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/project_creation.h"
#include "libfiona/redcapd/projects.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::redcapd {

namespace {

constexpr std::size_t max_pooled = 16; // connections kept open, with their prepared statements

using Run = Answer (*)(const Call&);

struct Method {
    std::string_view content;
    Run reads;
    Run writes = nullptr;  ///< with `data` or action=import
    Run deletes = nullptr; ///< with action=delete
    Run renames = nullptr; ///< with action=rename
};

constexpr std::array<Method, 17> methods{{
    {"record", export_records, import_records, delete_records, rename_record},
    {"generateNextRecordName", next_record_name},
    {"metadata", export_metadata, import_metadata},
    {"event", export_events, import_events, delete_events},
    {"arm", export_arms, import_arms, delete_arms},
    {"formEventMapping", export_mapping, import_mapping},
    {"instrument", export_instruments},
    {"repeatingFormsEvents", export_repeating, import_repeating},
    {"exportFieldNames", export_field_names},
    {"project", export_project},
    {"project_settings", nullptr, import_settings},
    {"project_xml", export_project_xml},
    {"user", export_users, import_users, delete_users},
    {"file", export_file, import_file, delete_file},
    {"report", export_report},
    {"version", export_version},
    {"log", export_log},
}};

/// Methods that REDCap has and this server does not: 501 instead of "not valid".
constexpr std::array<std::string_view, 14> not_built{
    "userRole",         "userRoleMapping",  "dag",
    "userDagMapping",   "fileRepository",   "fileInfo",
    "participantList",  "surveyLink",       "surveyQueueLink",
    "surveyReturnCode", "surveyAccessCode", "pdf",
    "fileSize",         "appRightsCheck",
};

enum class Kind { read, write };

struct Chosen {
    Run run;
    Kind kind;
};

Refusal not_implemented()
{
    return Refusal{501, "The requested method is not implemented."};
}

Chosen choose(const Method& method, const FormData& form)
{
    const auto& action = form.text("action");
    Chosen chosen{method.reads, Kind::read};
    if (action == "delete") {
        chosen = {method.deletes, Kind::write};
    } else if (action == "rename") {
        chosen = {method.renames, Kind::write};
    } else if (action == "import" || (action.empty() && form.has("data"))) {
        chosen = {method.writes, Kind::write};
    } else if (action == "switch" || action == "createFolder" || action == "list") {
        throw not_implemented();
    } else if (!action.empty() && action != "export") {
        throw Refusal{400, "The value of the parameter \"action\" is not valid"};
    }
    if (chosen.run == nullptr) {
        throw not_implemented();
    }
    return chosen;
}

/// returnFormat, else format, else XML.
Format error_format_of(const FormData& form)
{
    const auto& wanted =
        form.text("returnFormat").empty() ? form.text("format") : form.text("returnFormat");
    if (wanted == "json") {
        return Format::json;
    }
    return wanted == "csv" ? Format::csv : Format::xml;
}

const Method* find_method(std::string_view content)
{
    const auto* const found = std::ranges::find(methods, content, &Method::content);
    return found == methods.end() ? nullptr : found;
}

/// A disk that failed or a lock held too long: the client tries again.
int status_of(Fault fault)
{
    return fault == Fault::temporary ? 503 : 500;
}

} // namespace

Api::Api(std::filesystem::path database, Now now)
    : m_file{std::move(database)}, m_now{std::move(now)}
{
    auto connection = std::make_unique<Database>(m_file, Database::Open::existing);
    prepare_tables(*connection);
    give_back(std::move(connection));
}

std::unique_ptr<Database> Api::take()
{
    {
        const std::scoped_lock lock{m_pool_mutex};
        if (!m_pool.empty()) {
            auto database = std::move(m_pool.back());
            m_pool.pop_back();
            return database;
        }
    }
    return std::make_unique<Database>(m_file, Database::Open::existing);
}

void Api::give_back(std::unique_ptr<Database> database)
{
    const std::scoped_lock lock{m_pool_mutex};
    if (m_pool.size() < max_pooled) {
        m_pool.push_back(std::move(database));
    }
}

Api::Handled Api::handle(const FormData& form)
{
    const auto error_format = error_format_of(form);
    Handled handled;
    handled.content = "unknown";
    try {
        run_method(form, error_format, handled);
    } catch (const Refusal& refusal) {
        handled.answer = error_answer(refusal.status(), refusal.text(), error_format);
    } catch (const Error& e) {
        log::error("request_failed", {{"content", handled.content}, {"reason", e.what()}});
        handled.answer = error_answer(status_of(e.fault()),
                                      "The server could not handle the request", error_format);
    }
    return handled;
}

void Api::run_method(const FormData& form, Format error_format, Handled& handled)
{
    const auto& content = form.text("content");
    const auto* const method = find_method(content);
    if (method != nullptr) {
        handled.content = method->content;
    }
    auto database = take();
    const auto now = m_now();
    const Private<std::string> token{std::string{trimmed(form.text("token"))}}; // as of a file
    const auto access = find_token(*database, token, now);
    if (!access && content == "project" && form.has("data")) {
        if (const auto account = find_super_token(*database, token)) {
            make_project(form, *database, *account, now, handled);
            give_back(std::move(database));
            return;
        }
    }
    if (!access) {
        give_back(std::move(database));
        throw Refusal{403, "You do not have permissions to use the API"};
    }
    if (method == nullptr) {
        give_back(std::move(database));
        throw std::ranges::find(not_built, content) == not_built.end()
            ? Refusal{400, "The value of the parameter \"content\" is not valid"}
            : not_implemented();
    }
    const auto chosen = choose(*method, form);
    std::unique_lock<std::mutex> writing;
    if (chosen.kind == Kind::write) {
        writing = std::unique_lock{m_writer};
    }
    {
        Transaction transaction{*database, chosen.kind == Kind::write ? Transaction::Kind::write
                                                                      : Transaction::Kind::read};
        // Not when the call came: it may have waited for others, and whoever copies what changed
        // since the last look must find it.
        const auto turn = m_now();
        const auto schema = load_schema(*database, access->project);
        handled.project = schema.name;
        const auto key = chosen.kind == Kind::write ? request_key(form, access->project)
                                                    : std::optional<RequestKey>{};
        auto known = key ? remembered_answer(*database, *key) : std::nullopt;
        if (known) {
            handled.answer = std::move(*known);
        } else {
            handled.answer = chosen.run(Call{form, *database, schema, *access, turn, error_format});
            if (key) {
                remember_answer(*database, *key, handled.answer, turn);
            }
        }
        transaction.commit();
        handled.changed = chosen.kind == Kind::write;
    }
    give_back(std::move(database));
}

void Api::make_project(const FormData& form, Database& database, const std::string& account,
                       TimePoint now, Handled& handled)
{
    const std::unique_lock writing{m_writer};
    Transaction transaction{database, Transaction::Kind::write};
    auto made = create_sent_project(database, form, account, now);
    transaction.commit();
    handled.answer = std::move(made.answer);
    handled.project = made.project;
    handled.changed = true;
}

} // namespace fiona::redcapd
