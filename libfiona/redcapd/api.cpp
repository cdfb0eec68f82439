// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/api.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/redcapd/call.h"
#include "libfiona/redcapd/projects.h"

#include <algorithm>
#include <array>
#include <utility>

namespace fiona::redcapd {

namespace {

constexpr std::size_t max_pooled = 16; // connections kept open, with their prepared statements

struct Method {
    std::string_view content;
    Answer (*reads)(const Call&);
    Answer (*writes)(const Call&);  ///< with `data` or action=import
    Answer (*deletes)(const Call&); ///< with action=delete
};

constexpr std::array<Method, 12> methods{{
    {"record", export_records, import_records, delete_records},
    {"generateNextRecordName", next_record_name, nullptr, nullptr},
    {"metadata", export_metadata, import_metadata, nullptr},
    {"event", export_events, nullptr, nullptr},
    {"arm", export_arms, nullptr, nullptr},
    {"formEventMapping", export_mapping, nullptr, nullptr},
    {"instrument", export_instruments, nullptr, nullptr},
    {"repeatingFormsEvents", export_repeating, import_repeating, nullptr},
    {"exportFieldNames", export_field_names, nullptr, nullptr},
    {"project", export_project, nullptr, nullptr},
    {"version", export_version, nullptr, nullptr},
    {"log", export_log, nullptr, nullptr},
}};

/// Methods that REDCap has and this server does not (yet): 501 instead of "not valid".
constexpr std::array<std::string_view, 18> not_built{
    "file",
    "report",
    "project_xml",
    "project_settings",
    "user",
    "userRole",
    "userRoleMapping",
    "dag",
    "userDagMapping",
    "fileRepository",
    "fileInfo",
    "participantList",
    "surveyLink",
    "surveyQueueLink",
    "surveyReturnCode",
    "surveyAccessCode",
    "pdf",
    "fileSize",
};

enum class Kind { read, write };

struct Chosen {
    Answer (*run)(const Call&);
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
    } else if (action == "import" || (action.empty() && form.has("data"))) {
        chosen = {method.writes, Kind::write};
    } else if (action == "rename" || action == "switch" || action == "createFolder"
               || action == "list") {
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
    const auto access = find_token(*database, Private<std::string>{form.text("token")});
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
        const auto schema = load_schema(*database, access->project);
        handled.project = schema.name;
        handled.answer = chosen.run(Call{form, *database, schema, *access, m_now(), error_format});
        transaction.commit();
        handled.changed = chosen.kind == Kind::write;
    }
    give_back(std::move(database));
}

} // namespace fiona::redcapd
