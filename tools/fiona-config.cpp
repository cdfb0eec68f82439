// SPDX-License-Identifier: MIT
#include "libfiona/anonymize/keys.h"
#include "libfiona/base/error.h"
#include "libfiona/cli/config_readers.h"
#include "libfiona/cli/tool.h"
#include "libfiona/dicom/library.h"
#include "libfiona/site/check.h"
#include "libfiona/site/init.h"
#include "libfiona/site/show.h"

#include <algorithm>

namespace {

using namespace fiona;

json::Array as_json(const std::vector<std::filesystem::path>& paths)
{
    return {paths.begin(), paths.end()};
}

void init(const cli::Tool& tool, const std::string& root, site::Kind kind)
{
    const auto report = site::init_site(root, kind, tool.mode());
    const auto* const made = tool.mode() == Mode::dry_run ? "would make " : "made ";
    std::vector<std::string> lines;
    for (const auto& path : report.made) {
        lines.push_back(made + path.native());
    }
    for (const auto& path : report.kept) {
        lines.push_back("kept " + path.native());
    }
    std::ranges::copy(report.notes, std::back_inserter(lines));
    tool.report(json::Object{{"config", report.config_file.native()},
                             {"made", as_json(report.made)},
                             {"kept", as_json(report.kept)},
                             {"notes", json::Array(report.notes.begin(), report.notes.end())},
                             {"dry_run", tool.mode() == Mode::dry_run}},
                lines);
}

std::vector<site::Finding> findings_of(cli::Tool& tool)
{
    const Config* config = nullptr;
    try {
        config = &tool.config();
    } catch (const Error& e) {
        return {site::unreadable_config(e)};
    }
    return site::check_site(*config, site::real_probes(), cli::config_readers());
}

void check(cli::Tool& tool)
{
    const dicom::Library library;
    const auto findings = findings_of(tool);
    json::Array document;
    std::vector<std::vector<std::string>> rows;
    for (const auto& finding : findings) {
        using enum site::Finding::Grade;
        const auto* const grade = finding.grade == ok     ? "ok"
                                  : finding.grade == warn ? "warn"
                                                          : "FAIL";
        rows.push_back({grade, finding.what, finding.remedy});
        document.emplace_back(
            json::Object{{"grade", grade}, {"what", finding.what}, {"remedy", finding.remedy}});
    }
    auto lines = cli::table(rows);
    for (auto& line : lines) {
        line.erase(line.find_last_not_of(' ') + 1);
    }
    tool.report(document, lines);
    if (const auto fault = site::first_failure(findings)) {
        throw Error{*fault, "{} of {} checks failed",
                    std::ranges::count(findings, site::Finding::Grade::fail, &site::Finding::grade),
                    findings.size()};
    }
}

void add_key_commands(CLI::App& options, anonymize::KeyCommand& wish)
{
    using enum anonymize::KeyCommand::Action;
    auto* const keys = options.add_subcommand("key", "the secrets of projects");
    keys->require_subcommand(1);
    const auto add = [&](const char* name, anonymize::KeyCommand::Action action, const char* what) {
        auto* const command = keys->add_subcommand(name, what);
        command->callback([&wish, action] { wish.action = action; });
        auto* const project = command->add_option("NAME", wish.project, "the project");
        project->required(action != show);
        return command;
    };
    add("show", show, "fingerprints and states");
    add("create", create, "make a key before its first use");
    for (auto* const command : {add("backup", backup, "copy a key into a new file"),
                                add("restore", restore, "put a key back from a backup")}) {
        command->add_option("FILE", wish.copy, "the backup, mode 0600")->required();
    }
    add("destroy", destroy, "remove a key and the mappings for good")
        ->add_option("--confirm", wish.confirmed, "the project's name once more")
        ->required();
}

void keys(const anonymize::KeyCommand& wish, cli::Tool& tool)
{
    const anonymize::ProjectFiles files{tool.config().deidentify.projects,
                                        tool.config().paths.keys()};
    const auto states = anonymize::run(wish, files, Clock::now(), tool.mode());
    const auto shown = anonymize::shown_keys(states);
    tool.report(shown.document, cli::table(shown.rows));
}

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-config", "make a site, check it, keep its keys",
                   "fiona-config init --root /srv/fiona && "
                   "fiona-config check --config /srv/fiona/data/config/config.json"};
    tool.with_dry_run().with_project().leave_no_record();
    tool.options().require_subcommand(1);
    std::string root;
    bool is_demo = false;
    auto* const init_command =
        tool.options().add_subcommand("init", "make a site, or complete one");
    init_command->add_option("--root", root, "directory of the site")->required();
    init_command->add_flag("--demo", is_demo,
                           "with an embedded REDCap, a project DEMO, a PACS and free ports");
    auto* const check_command =
        tool.options().add_subcommand("check", "read everything, connect to everything");
    tool.options().add_subcommand("show", "print the effective configuration, no secrets");

    anonymize::KeyCommand key_wish;
    add_key_commands(tool.options(), key_wish);

    return tool.run(argc, argv, [&] {
        if (tool.options().got_subcommand("key")) {
            keys(key_wish, tool);
        } else if (*init_command) {
            init(tool, root, is_demo ? site::Kind::demo : site::Kind::plain);
        } else if (*check_command) {
            check(tool);
        } else {
            const auto document = site::effective_config(tool.config());
            tool.report(document, site::as_lines(document));
        }
    });
}
