// SPDX-License-Identifier: MIT
#include "libfiona/cli/tool.h"
#include "libfiona/redcapd/commands.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-redcapd", "REDCap's API on SQLite, for sites and tests without a REDCap",
                   "fiona-redcapd init --db /data/redcap/redcap.db --tokens-file "
                   "/data/config/redcap.tokens"};
    tool.with_dry_run();
    auto& app = tool.options();
    app.require_subcommand(1);
    redcapd::Places places;
    redcapd::ProjectOrder project;
    redcapd::TokenOrder token;
    redcapd::DictionaryOrder dictionary;
    redcapd::ReportOrder report;
    std::filesystem::path file;
    std::vector<std::string> faults;

    std::vector<std::pair<const CLI::App*, redcapd::Action>> actions;
    const auto add_group = [&](const char* name, const char* summary) {
        auto* const group = app.add_subcommand(name, summary);
        group->fallthrough();
        group->require_subcommand(1);
        return group;
    };
    const auto add_command = [&](CLI::App& parent, const char* name, const char* summary,
                                 const redcapd::Action& action) {
        auto* const command = parent.add_subcommand(name, summary);
        command->fallthrough();
        actions.emplace_back(command, action);
        return command;
    };
    const auto on_database = [&](auto&&... what) {
        auto* const command = add_command(what...);
        command->add_option("--db", places.database, "database (default REDCAP.db)");
        return command;
    };
    const auto in_project = [&](std::string& which, auto&&... what) {
        auto* const command = on_database(what...);
        command->add_option("--project", which, "name or title")->required();
        return command;
    };
    const auto with_schemas = [&](CLI::App* command) {
        command->add_option("--schema-dir", places.schemas, "data dictionaries (default: ours)")
            ->check(CLI::ExistingDirectory);
        return command;
    };

    using C = redcapd::Commands;
    auto* const init = with_schemas(on_database(app, "init", "make the database and the tokens",
                                                [](const C& run) { run.init(); }));
    init->add_option("--tokens-file", places.tokens_file,
                     "gets `role = TOKEN` lines (default REDCAP.tokens_file)");

    auto* const projects = add_group("project", "research projects");
    auto* const create = with_schemas(on_database(
        *projects, "create", "make a project", [&](const C& run) { run.create_project(project); }));
    create->add_option("--title", project.title, "name of the project")->required();
    create->add_option("--schema", project.schema, "template (default research-project)");
    create->add_option("--event", project.events, "label of a further event; may be repeated");
    create->add_flag("--print-token", project.print_token, "print the token, the only time");
    on_database(*projects, "list", "list all projects", [](const C& run) { run.list_projects(); });

    auto* const tokens = add_group("token", "API tokens");
    auto* const grant = on_database(*tokens, "create", "make and print a token",
                                    [&](const C& run) { run.create_token(token); });
    grant->add_option("--project", token.project, "name or title");
    grant->add_option("--rights", token.rights, "export,import,delete,design,logging,users or all");
    grant->add_flag("--super", token.super, "a token that makes projects by the API");
    grant->add_option("--user", token.account, "name in the log (default fiona)");
    auto* const revoke = on_database(*tokens, "revoke", "make tokens useless",
                                     [&](const C& run) { run.revoke_token(token); });
    revoke->add_option("--token-file", token.file, "a file that holds the token, mode 0600");
    revoke->add_option("--project", token.project, "with --user: all tokens of that account");
    revoke->add_option("--user", token.account, "name in the log");

    auto* const odm = on_database(app, "import-odm", "make a project of an XML file",
                                  [&](const C& run) { run.import_odm(file, project.print_token); });
    odm->add_option("FILE", file, "CDISC ODM with REDCap's extensions")->required();
    odm->add_flag("--print-token", project.print_token, "print the token, the only time");

    auto* const dictionaries = add_group("dictionary", "fields and forms");
    in_project(dictionary.project, *dictionaries, "export", "print the dictionary as CSV",
               [&](const C& run) { run.export_dictionary(dictionary); });
    in_project(dictionary.project, *dictionaries, "import", "replace it",
               [&](const C& run) { run.import_dictionary(dictionary); })
        ->add_option("FILE", dictionary.file, "CSV with REDCap's 18 columns")
        ->required();
    auto* const unique = in_project(dictionary.project, *dictionaries, "unique",
                                    "no two instances with equal fields",
                                    [&](const C& run) { run.make_unique(dictionary); });
    unique->add_option("--form", dictionary.form, "a repeating form")->required();
    unique->add_option("--field", dictionary.fields, "one of the fields; none ends the rule");

    auto* const reports = add_group("report", "stored exports");
    auto* const define =
        in_project(report.project, *reports, "create", "make a report and print its number",
                   [&](const C& run) { run.create_report(report); });
    define->add_option("--title", report.title, "what people call it")->required();
    define->add_option("--field", report.fields, "one of the fields; the record id is there");
    define->add_option("--filter", report.filter, "filterLogic (default all rows)");
    in_project(report.project, *reports, "list", "list the reports of a project",
               [&](const C& run) { run.list_reports(report); });
    in_project(report.project, *reports, "remove", "remove a report",
               [&](const C& run) { run.remove_report(report); })
        ->add_option("NUMBER", report.id, "as printed by create and list")
        ->required();

    on_database(app, "backup", "copy the database while in use",
                [&](const C& run) { run.back_up(file); })
        ->add_option("FILE", file, "the copy, mode 0600")
        ->required();
    on_database(app, "check", "look for damage", [](const C& run) { run.check(); });

    auto* const serve = on_database(app, "serve", "answer requests until SIGTERM",
                                    [&](const C& run) { run.serve(faults); });
    serve->add_option("--listen", places.listen, "ADDRESS:PORT (0: a free one)");
    serve->add_option("--cert", places.certificate, "certificate in PEM, for TLS");
    serve->add_option("--key", places.key, "its key, mode 0600");
    serve->add_flag_callback(
        "--plain-http", [&] { places.clear = redcapd::Clear::on_loopback; },
        "no TLS: tokens in clear, on the loopback only");
    serve->add_option("--rate", places.requests_per_minute,
                      "requests a minute from one address (default no limit)");
    serve->add_option("--socket", places.socket, "UNIX socket");
    serve->add_option("--fault", faults, "misbehave, for tests; see fiona-redcapd(1)");
    add_command(app, "start", "serve in the background", [](const C& run) { run.start(); });
    add_command(app, "stop", "end the server in the background", [](const C& run) { run.stop(); });
    add_command(app, "status", "say whether it runs", [](const C& run) { run.status(); });

    return tool.run(argc, argv, [&] {
        places.mode = tool.mode();
        const redcapd::Commands commands{
            places, [&]() -> const Config& { return tool.config(); },
            [&](const json::Value& document, const std::vector<std::string>& lines) {
                tool.report(document, lines);
            }};
        for (const auto& [command, action] : actions) {
            if (command->parsed()) {
                action(commands);
            }
        }
    });
}
