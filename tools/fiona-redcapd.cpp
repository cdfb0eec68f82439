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
    grant->add_option("--project", token.project, "name or title")->required();
    grant->add_option("--rights", token.rights, "export,import,delete,design,logging or all")
        ->required();
    grant->add_option("--user", token.account, "name in the log (default fiona)");
    auto* const revoke = with_database(add_command(*tokens, "revoke", "make tokens useless"));
    revoke->add_option("--token-file", token.file, "a file that holds the token, mode 0600");
    revoke->add_option("--project", token.project, "with --user: all tokens of that account");
    revoke->add_option("--user", token.account, "name in the log");

    auto* const serve = with_database(add_command(app, "serve", "answer requests until SIGTERM"));
    serve->add_option("--listen", places.listen, "127.0.0.1:PORT (0: a free one)");
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
