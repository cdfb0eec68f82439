// SPDX-License-Identifier: MIT
#include "libfiona/base/csv.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/answer.h"
#include "libfiona/redcapd/commands.h"
#include "libfiona/redcapd/maintenance.h"
#include "libfiona/redcapd/odm.h"
#include "libfiona/redcapd/project_creation.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/reports.h"
#include "libfiona/redcapd/setup.h"
#include "libfiona/redcapd/tokens.h"

#include <utility>

namespace fiona::redcapd {

namespace fs = std::filesystem;

namespace {

Database open(const fs::path& file)
{
    Database database{file, Database::Open::existing};
    prepare_tables(database);
    return database;
}

ProjectEntry need_project(Database& database, const std::string& name)
{
    auto project = find_project(database, name);
    if (!project) {
        throw Error{Fault::missing,
                    "no project {}; fiona-redcapd project list names those there are", name};
    }
    return std::move(*project);
}

json::Array strings(const std::vector<std::string>& items)
{
    return {items.begin(), items.end()};
}

} // namespace

void Commands::create_project(const ProjectOrder& order) const
{
    auto db = open(database());
    const auto token = redcapd::create_project(db, {order.title, order.schema, order.events},
                                               schemas(), Clock::now(), m_places.mode);
    if (dry_run()) {
        m_report(json::Object{{"project", order.title}}, {"project would be made: " + order.title});
        return;
    }
    log::info("project_created", {{"project", order.title}});
    if (order.print_token) {
        m_report(json::Object{{"project", order.title}, {"token", token.reveal()}},
                 {token.reveal()});
    } else {
        m_report(json::Object{{"project", order.title}}, {"project made: " + order.title});
    }
}

void Commands::list_projects() const
{
    auto db = open(database());
    json::Array document;
    std::vector<std::string> lines;
    for (const auto& project : redcapd::list_projects(db)) {
        document.emplace_back(json::Object{{"name", project.name},
                                           {"title", project.title},
                                           {"longitudinal", project.longitudinal},
                                           {"records", project.records}});
        lines.push_back(fmt::format("{}\t{}\t{}\t{} records", project.name, project.title,
                                    project.longitudinal ? "longitudinal" : "classic",
                                    project.records));
    }
    m_report(document, lines);
}

void Commands::create_token(const TokenOrder& order) const
{
    if (order.super != order.project.empty() || order.super != order.rights.empty()) {
        throw Error{Fault::usage, "token create: give --project and --rights, or --super"};
    }
    auto db = open(database());
    const auto now = Clock::now();
    const auto rights = order.super ? 0 : parse_rights(order.rights);
    Transaction transaction{db, Transaction::Kind::write};
    const auto token = order.super ? new_super_token()
                                   : grant_token(db, {order.project, order.account, rights}, now);
    if (order.super) {
        store_super_token(db, token, order.account, now);
    }
    if (dry_run()) {
        m_report(json::Object{{"project", order.project}}, {"a token would be made"});
        return;
    }
    transaction.commit();
    log::info("token_created", {{"project", order.project}, {"account", order.account}});
    m_report(json::Object{{"project", order.project}, {"token", token.reveal()}}, {token.reveal()});
}

void Commands::revoke_token(const TokenOrder& order) const
{
    auto db = open(database());
    Transaction transaction{db, Transaction::Kind::write};
    std::int64_t revoked = 0;
    if (order.file) {
        const Private<std::string> token{
            std::string{trimmed(read_secret_file(*order.file).reveal())}};
        revoked =
            redcapd::revoke_token(db, token) || redcapd::revoke_super_token(db, token) ? 1 : 0;
    } else if (!order.project.empty()) {
        revoked = revoke_account(db, need_project(db, order.project).id, order.account);
    } else {
        throw Error{Fault::usage, "token revoke: give --token-file, or --project and --user"};
    }
    if (!dry_run()) {
        transaction.commit();
    }
    m_report(json::Object{{"revoked", revoked}},
             {fmt::format("{} tokens {}revoked", revoked, dry_run() ? "would be " : "")});
}

void Commands::import_odm(const fs::path& file, bool print_token) const
{
    auto project = read_odm(read_file(file, max_odm_file), file.native(), max_odm_file);
    if (project.schema.title.empty()) {
        project.schema.title = file.stem().native();
    }
    auto db = open(database());
    Transaction transaction{db, Transaction::Kind::write};
    const auto made = [&] {
        try {
            return store_odm_project(db, std::move(project), "fiona", Clock::now());
        } catch (const Refusal& refusal) { // its text quotes values
            throw Error{Fault::data, "{}: {} values do not follow the dictionary of the document",
                        file.native(), split(refusal.text(), '\n').size()};
        }
    }();
    if (dry_run()) {
        m_report(json::Object{{"project", made.name}}, {"project would be made: " + made.name});
        return;
    }
    transaction.commit();
    log::info("project_created", {{"project", made.name}});
    if (print_token) {
        m_report(json::Object{{"project", made.name}, {"token", made.token.reveal()}},
                 {made.token.reveal()});
    } else {
        m_report(json::Object{{"project", made.name}}, {"project made: " + made.name});
    }
}

void Commands::change_project(
    const std::string& project,
    const std::function<std::string(Database&, const Schema&)>& work) const
{
    auto db = open(database());
    Transaction transaction{db, Transaction::Kind::write};
    const auto schema = load_schema(db, need_project(db, project).id);
    const auto done = work(db, schema);
    if (!done.empty() && !dry_run()) {
        write_log(db, schema.project, Clock::now(), {"fiona", "Manage/Design", done, ""});
        transaction.commit();
    }
}

void Commands::export_dictionary(const DictionaryOrder& order) const
{
    auto db = open(database());
    const auto schema = load_schema(db, need_project(db, order.project).id);
    auto text = dictionary_csv(schema);
    json::Array rows;
    for (const auto& field : schema.fields) {
        json::Object row;
        for (std::size_t i = 0; i < dictionary_width; ++i) {
            row.emplace(dictionary_keys.at(i), field.row.at(i));
        }
        rows.emplace_back(std::move(row));
    }
    text.pop_back(); // the report ends the line
    m_report(rows, {text});
}

void Commands::import_dictionary(const DictionaryOrder& order) const
{
    const auto& what = order.file.native();
    auto dictionary =
        make_dictionary(dictionary_rows(csv::parse(read_file(order.file), ',', what), what), what);
    const auto fields = dictionary.fields.size();
    change_project(order.project, [&](Database& db, const Schema& schema) {
        apply_dictionary(db, schema, std::move(dictionary));
        return "Change dictionary";
    });
    m_report(json::Object{{"project", order.project}, {"fields", fields}},
             {fmt::format("{} fields {}", fields, dry_run() ? "would be imported" : "imported")});
}

void Commands::make_unique(const DictionaryOrder& order) const
{
    change_project(order.project, [&](Database& db, const Schema& schema) {
        set_unique_fields(db, schema, order.form, order.fields);
        return "Change dictionary";
    });
    m_report(
        json::Object{{"form", order.form}, {"unique", strings(order.fields)}},
        {fmt::format("{} {}unique by: {}", order.form, dry_run() ? "would be " : "",
                     order.fields.empty() ? "nothing"
                                          : fmt::format("{}", fmt::join(order.fields, ", ")))});
}

void Commands::create_report(const ReportOrder& order) const
{
    std::int64_t id = 0;
    bool is_new = false;
    change_project(order.project, [&](Database& db, const Schema& schema) {
        const auto before = redcapd::list_reports(db, schema.project).size();
        id = store_report(db, schema, {0, order.title, order.fields, order.filter});
        is_new = redcapd::list_reports(db, schema.project).size() > before;
        return is_new ? "Create report" : "";
    });
    if (dry_run() && is_new) { // the number may be another one by then
        m_report(json::Object{{"project", order.project}, {"title", order.title}},
                 {"report would be made: " + order.title});
        return;
    }
    m_report(json::Object{{"project", order.project}, {"title", order.title}, {"id", id}},
             {fmt::format("{}", id)});
}

void Commands::list_reports(const ReportOrder& order) const
{
    auto db = open(database());
    json::Array all;
    std::vector<std::string> lines;
    for (const auto& report : redcapd::list_reports(db, need_project(db, order.project).id)) {
        lines.push_back(fmt::format("{}\t{}\t{}\t{}", report.id, report.title,
                                    fmt::join(report.fields, ","), report.filter));
        all.emplace_back(json::Object{{"id", report.id},
                                      {"title", report.title},
                                      {"fields", strings(report.fields)},
                                      {"filter", report.filter}});
    }
    m_report(all, lines);
}

void Commands::remove_report(const ReportOrder& order) const
{
    change_project(order.project, [&](Database& db, const Schema& schema) {
        redcapd::remove_report(db, schema, order.id);
        return "Delete report";
    });
    m_report(json::Object{{"project", order.project}, {"id", order.id}},
             {fmt::format("report {}: {}", dry_run() ? "would be removed" : "removed", order.id)});
}

void Commands::back_up(const fs::path& target) const
{
    auto db = open(database());
    if (!dry_run()) {
        redcapd::back_up(db, target);
    }
    m_report(json::Object{{"backup", target.native()}},
             {fmt::format("backup {}: {}", dry_run() ? "would be made" : "made", target.native())});
}

void Commands::check() const
{
    auto db = open(database());
    const auto report = check_database(db);
    std::vector<std::string> lines;
    for (const auto& damage : report.damage) {
        lines.push_back("damaged: " + damage);
    }
    lines.insert(lines.end(), report.hints.begin(), report.hints.end());
    if (lines.empty()) {
        lines.emplace_back("nothing is wrong");
    }
    m_report(json::Object{{"damage", strings(report.damage)}, {"hints", strings(report.hints)}},
             lines);
    if (!report.damage.empty()) {
        throw Error{Fault::data, "the database is damaged; restore a backup"};
    }
}

} // namespace fiona::redcapd
