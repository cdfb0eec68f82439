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
    std::filesystem::path file;
    std::vector<std::string> faults;

    const auto add_command = [&](CLI::App& parent, const char* name, const char* summary) {
        auto* const command = parent.add_subcommand(name, summary);
        command->fallthrough();
        return command;
    };
    const auto with_database = [&](CLI::App* command) {
        command->add_option("--db", places.database, "database (default REDCAP.db)");
        return command;
    };
    const auto with_schemas = [&](CLI::App* command) {
        command->add_option("--schema-dir", places.schemas, "data dictionaries (default: ours)")
            ->check(CLI::ExistingDirectory);
    };

    auto* const init = with_database(add_command(app, "init", "make the database and the tokens"));
    with_schemas(init);
    init->add_option("--tokens-file", places.tokens_file,
                     "gets `role = TOKEN` lines (default REDCAP.tokens_file)");

    auto* const projects = add_command(app, "project", "research projects");
    projects->require_subcommand(1);
    auto* const create = with_database(add_command(*projects, "create", "make a project"));
    with_schemas(create);
    create->add_option("--title", project.title, "name of the project")->required();
    create->add_option("--schema", project.schema, "template (default research-project)");
    create->add_option("--event", project.events, "label of a further event; may be repeated");
    create->add_flag("--print-token", project.print_token, "print the token, the only time");
    auto* const list = with_database(add_command(*projects, "list", "list all projects"));

    auto* const tokens = add_command(app, "token", "API tokens");
    tokens->require_subcommand(1);
    auto* const grant = with_database(add_command(*tokens, "create", "make and print a token"));
    grant->add_option("--project", token.project, "name or title");
    grant->add_option("--rights", token.rights, "export,import,delete,design,logging,users or all");
    grant->add_flag("--super", token.super, "a token that makes projects by the API");
    grant->add_option("--user", token.account, "name in the log (default fiona)");
    auto* const revoke = with_database(add_command(*tokens, "revoke", "make tokens useless"));
    revoke->add_option("--token-file", token.file, "a file that holds the token, mode 0600");
    revoke->add_option("--project", token.project, "with --user: all tokens of that account");
    revoke->add_option("--user", token.account, "name in the log");

    auto* const odm =
        with_database(add_command(app, "import-odm", "make a project of an XML file"));
    odm->add_option("FILE", file, "CDISC ODM with REDCap's extensions")->required();
    odm->add_flag("--print-token", project.print_token, "print the token, the only time");

    auto* const dictionaries = add_command(app, "dictionary", "fields and forms");
    dictionaries->require_subcommand(1);
    const auto with_project = [&](CLI::App* command) {
        with_database(command)
            ->add_option("--project", dictionary.project, "name or title")
            ->required();
        return command;
    };
    auto* const take_out =
        with_project(add_command(*dictionaries, "export", "print the dictionary as CSV"));
    auto* const put_in = with_project(add_command(*dictionaries, "import", "replace it"));
    put_in->add_option("FILE", dictionary.file, "CSV with REDCap's 18 columns")->required();
    auto* const unique =
        with_project(add_command(*dictionaries, "unique", "no two instances with equal fields"));
    unique->add_option("--form", dictionary.form, "a repeating form")->required();
    unique->add_option("--field", dictionary.fields, "one of the fields; none ends the rule");

    auto* const backup =
        with_database(add_command(app, "backup", "copy the database while in use"));
    backup->add_option("FILE", file, "the copy, mode 0600")->required();
    auto* const check = with_database(add_command(app, "check", "look for damage"));

    auto* const serve = with_database(add_command(app, "serve", "answer requests until SIGTERM"));
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
    auto* const start = add_command(app, "start", "serve in the background");
    auto* const stop = add_command(app, "stop", "end the server in the background");
    auto* const status = add_command(app, "status", "say whether it runs");

    return tool.run(argc, argv, [&] {
        places.mode = tool.mode();
        const redcapd::Commands commands{
            places, [&]() -> const Config& { return tool.config(); },
            [&](const json::Value& document, const std::vector<std::string>& lines) {
                tool.report(document, lines);
            }};
        if (init->parsed()) {
            commands.init();
        } else if (create->parsed()) {
            commands.create_project(project);
        } else if (list->parsed()) {
            commands.list_projects();
        } else if (grant->parsed()) {
            commands.create_token(token);
        } else if (revoke->parsed()) {
            commands.revoke_token(token);
        } else if (odm->parsed()) {
            commands.import_odm(file, project.print_token);
        } else if (take_out->parsed()) {
            commands.export_dictionary(dictionary);
        } else if (put_in->parsed()) {
            commands.import_dictionary(dictionary);
        } else if (unique->parsed()) {
            commands.make_unique(dictionary);
        } else if (backup->parsed()) {
            commands.back_up(file);
        } else if (check->parsed()) {
            commands.check();
        } else if (serve->parsed()) {
            commands.serve(faults);
        } else if (start->parsed()) {
            commands.start();
        } else if (stop->parsed()) {
            commands.stop();
        } else if (status->parsed()) {
            commands.status();
        }
    });
}
