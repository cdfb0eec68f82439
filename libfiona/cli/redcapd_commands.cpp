// SPDX-License-Identifier: MIT
#include "libfiona/cli/redcapd_commands.h"

namespace fiona::cli {

using redcapd::Action;
using redcapd::Commands;

RedcapdCommands::RedcapdCommands(CLI::App& app) : m_app{app}
{
    m_app.require_subcommand(1);
    add_database();
    add_projects();
    add_tokens();
    add_dictionaries();
    add_reports();
    add_server();
}

CLI::App& RedcapdCommands::add_group(const Title& title) const
{
    auto* const group = m_app.add_subcommand(title.name, title.summary);
    group->fallthrough();
    group->require_subcommand(1);
    return *group;
}

CLI::App& RedcapdCommands::add(CLI::App& parent, const Title& title, Action action)
{
    auto* const command = parent.add_subcommand(title.name, title.summary);
    command->fallthrough();
    m_actions.emplace_back(command, std::move(action));
    return *command;
}

CLI::App& RedcapdCommands::add_on_database(CLI::App& parent, const Title& title, Action action)
{
    auto& command = add(parent, title, std::move(action));
    command.add_option("--db", m_places.database, "database (default REDCAP.db)");
    return command;
}

CLI::App& RedcapdCommands::add_in_project(CLI::App& parent, const Title& title,
                                          std::string& project, Action action)
{
    auto& command = add_on_database(parent, title, std::move(action));
    command.add_option("--project", project, "name or title")->required();
    return command;
}

void RedcapdCommands::add_schemas(CLI::App& command)
{
    command.add_option("--schema-dir", m_places.schemas, "data dictionaries (default: ours)")
        ->check(CLI::ExistingDirectory);
}

void RedcapdCommands::add_database()
{
    auto& init = add_on_database(m_app, {"init", "make the database and the tokens"},
                                 [](const Commands& run) { run.init(); });
    add_schemas(init);
    init.add_option("--tokens-file", m_places.tokens_file,
                    "gets `role = TOKEN` lines (default REDCAP.tokens_file)");

    auto& odm = add_on_database(
        m_app, {"import-odm", "make a project of an XML file"},
        [this](const Commands& run) { run.import_odm(m_file, m_project.print_token); });
    odm.add_option("FILE", m_file, "CDISC ODM with REDCap's extensions")->required();
    odm.add_flag("--print-token", m_project.print_token, "print the token, the only time");

    add_on_database(m_app, {"backup", "copy the database while in use"},
                    [this](const Commands& run) { run.back_up(m_file); })
        .add_option("FILE", m_file, "the copy, mode 0600")
        ->required();
    add_on_database(m_app, {"check", "look for damage"}, [](const Commands& run) { run.check(); });
}

void RedcapdCommands::add_projects()
{
    auto& projects = add_group({"project", "research projects"});
    auto& create = add_on_database(projects, {"create", "make a project"},
                                   [this](const Commands& run) { run.create_project(m_project); });
    add_schemas(create);
    create.add_option("--title", m_project.title, "name of the project")->required();
    create.add_option("--schema", m_project.schema, "template (default research-project)");
    create.add_option("--event", m_project.events, "label of a further event; may be repeated");
    create.add_flag("--print-token", m_project.print_token, "print the token, the only time");
    add_on_database(projects, {"list", "list all projects"},
                    [](const Commands& run) { run.list_projects(); });
}

void RedcapdCommands::add_tokens()
{
    auto& tokens = add_group({"token", "API tokens"});
    auto& create = add_on_database(tokens, {"create", "make and print a token"},
                                   [this](const Commands& run) { run.create_token(m_token); });
    create.add_option("--project", m_token.project, "name or title");
    create.add_option("--rights", m_token.rights,
                      "export,import,delete,design,logging,users or all");
    create.add_flag("--super", m_token.super, "a token that makes projects by the API");
    create.add_option("--user", m_token.account, "name in the log (default fiona)");

    auto& revoke = add_on_database(tokens, {"revoke", "make tokens useless"},
                                   [this](const Commands& run) { run.revoke_token(m_token); });
    revoke.add_option("--token-file", m_token.file, "a file that holds the token, mode 0600");
    revoke.add_option("--project", m_token.project, "with --user: all tokens of that account");
    revoke.add_option("--user", m_token.account, "name in the log");
}

void RedcapdCommands::add_dictionaries()
{
    auto& dictionaries = add_group({"dictionary", "fields and forms"});
    add_in_project(dictionaries, {"export", "print the dictionary as CSV"}, m_dictionary.project,
                   [this](const Commands& run) { run.export_dictionary(m_dictionary); });
    add_in_project(dictionaries, {"import", "replace it"}, m_dictionary.project,
                   [this](const Commands& run) { run.import_dictionary(m_dictionary); })
        .add_option("FILE", m_dictionary.file, "CSV with REDCap's 18 columns")
        ->required();
    auto& unique = add_in_project(dictionaries, {"unique", "no two instances with equal fields"},
                                  m_dictionary.project,
                                  [this](const Commands& run) { run.make_unique(m_dictionary); });
    unique.add_option("--form", m_dictionary.form, "a repeating form")->required();
    unique.add_option("--field", m_dictionary.fields, "one of the fields; none ends the rule");
}

void RedcapdCommands::add_reports()
{
    auto& reports = add_group({"report", "stored exports"});
    auto& create =
        add_in_project(reports, {"create", "make a report and print its number"}, m_report.project,
                       [this](const Commands& run) { run.create_report(m_report); });
    create.add_option("--title", m_report.title, "what people call it")->required();
    create.add_option("--field", m_report.fields, "one of the fields; the record id is there");
    create.add_option("--filter", m_report.filter, "filterLogic (default all rows)");
    add_in_project(reports, {"list", "list the reports of a project"}, m_report.project,
                   [this](const Commands& run) { run.list_reports(m_report); });
    add_in_project(reports, {"remove", "remove a report"}, m_report.project,
                   [this](const Commands& run) { run.remove_report(m_report); })
        .add_option("NUMBER", m_report.id, "as printed by create and list")
        ->required();
}

void RedcapdCommands::add_server()
{
    auto& serve = add_on_database(m_app, {"serve", "answer requests until SIGTERM"},
                                  [this](const Commands& run) { run.serve(m_faults); });
    serve.add_option("--listen", m_places.listen, "ADDRESS:PORT (0: a free one)");
    serve.add_option("--cert", m_places.certificate, "certificate in PEM, for TLS");
    serve.add_option("--key", m_places.key, "its key, mode 0600");
    serve.add_flag_callback(
        "--plain-http", [this] { m_places.clear = redcapd::Clear::on_loopback; },
        "no TLS: tokens in clear, on the loopback only");
    serve.add_option("--rate", m_places.requests_per_minute,
                     "requests a minute from one address (default no limit)");
    serve.add_option("--socket", m_places.socket, "UNIX socket");
    serve.add_option("--fault", m_faults, "misbehave, for tests; see fiona-redcapd(1)");

    add(m_app, {"start", "serve in the background"}, [](const Commands& run) { run.start(); });
    add(m_app, {"stop", "end the server in the background"},
        [](const Commands& run) { run.stop(); });
    add(m_app, {"status", "say whether it runs"}, [](const Commands& run) { run.status(); });
}

redcapd::Places RedcapdCommands::places(Mode mode) const
{
    auto places = m_places;
    places.mode = mode;
    return places;
}

void RedcapdCommands::run(const Commands& commands) const
{
    for (const auto& [command, action] : m_actions) {
        if (command->parsed()) {
            action(commands);
        }
    }
}

} // namespace fiona::cli
