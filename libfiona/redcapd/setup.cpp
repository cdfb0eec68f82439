// SPDX-License-Identifier: MIT
#include "libfiona/redcapd/setup.h"

#include "libfiona/base/error.h"
#include "libfiona/base/file_lock.h"
#include "libfiona/base/files.h"
#include "libfiona/base/ids.h"
#include "libfiona/base/text.h"
#include "libfiona/redcapd/dictionary.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/tokens.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

namespace fiona::redcapd {

namespace fs = std::filesystem;

namespace {

constexpr std::array<const char*, 6> roles{"incoming", "routing", "coupling",
                                           "dtp",      "autoid",  "ids7"};
constexpr const char* account = "fiona";
/// The tools work on records and read the log; they do not redesign projects or grant rights.
constexpr unsigned tool_rights =
    all_rights & ~static_cast<unsigned>(Right::design) & ~static_cast<unsigned>(Right::users);

using Tokens = std::map<std::string, Private<std::string>, std::less<>>;

Tokens parse_tokens(std::string_view text, const fs::path& file)
{
    Tokens tokens;
    for (const auto raw : split(text, '\n')) {
        const auto line = trimmed(raw);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        const auto equals = line.find('=');
        const auto value = trimmed(line.substr(std::min(equals, line.size() - 1) + 1));
        if (equals == std::string_view::npos || !is_token(value)) {
            throw Error{Fault::config, "{}: every line must be `role = TOKEN`", file.native()};
        }
        tokens.emplace(std::string{trimmed(line.substr(0, equals))},
                       Private<std::string>{std::string{value}});
    }
    return tokens;
}

/// Adds lines to what is in the file; comments and other lines stay.
Tokens complete_tokens_file(const fs::path& file, Mode mode, InitReport& report)
{
    std::string text;
    if (fs::exists(file)) {
        text = read_secret_file(file).reveal();
    }
    auto tokens = parse_tokens(text, file);
    if (!text.empty() && text.back() != '\n') {
        text += '\n';
    }
    for (const auto* const role : roles) {
        if (!tokens.contains(role)) {
            const auto token = new_token();
            text += fmt::format("{} = {}\n", role, token.reveal());
            tokens.emplace(role, token);
            report.tokens_made.emplace_back(role);
        }
    }
    if (!report.tokens_made.empty() && mode == Mode::apply) {
        store::write_file(file, text, 0600);
    }
    return tokens;
}

void make_parent(const fs::path& file)
{
    if (file.has_parent_path()) {
        make_directories(file.parent_path());
    }
}

/// A code without blanks for a project's name in a dropdown.
std::string choice_code(std::string_view title)
{
    std::string code{title};
    std::ranges::replace_if(
        code, [](char c) { return c == ' ' || c == ',' || c == '|'; }, '_');
    return code;
}

void add_routing_destination(Database& database, const std::string& title)
{
    const auto routing = find_project(database, "routing");
    if (!routing) {
        return;
    }
    Query query{database,
                "SELECT choices FROM field WHERE project = ? AND name = 'routing_dest_project'",
                routing->id};
    if (!query.next()) {
        return;
    }
    auto choices = query.text(0);
    const auto code = choice_code(title);
    const auto known = parse_choices("", choices);
    if (std::ranges::find(known, code, &Choice::code) != known.end()) {
        return;
    }
    choices += fmt::format("{}{}, {}", choices.empty() ? "" : " | ", code, title);
    run(database,
        "UPDATE field SET choices = ? WHERE project = ? AND name = 'routing_dest_project'", choices,
        routing->id);
}

} // namespace

InitReport initialize(const InitFiles& files, TimePoint now, Mode mode)
{
    // Read before anything is made, so that a missing schema leaves nothing behind.
    std::vector<Schema> wanted;
    for (const auto* const role : roles) {
        wanted.push_back(read_template(files.schemas, role));
        wanted.back().created = epoch_seconds(now);
    }
    InitReport report;
    if (mode == Mode::dry_run && !fs::exists(files.database)) {
        static_cast<void>(complete_tokens_file(files.tokens_file, mode, report));
        report.projects_made.assign(roles.begin(), roles.end());
        return report;
    }
    std::optional<FileLock> lock;
    if (mode == Mode::apply) {
        make_parent(files.database);
        make_parent(files.tokens_file);
        lock.emplace(files.database.native() + ".lock");
    }
    const auto tokens = complete_tokens_file(files.tokens_file, mode, report);
    Database database{files.database,
                      mode == Mode::apply ? Database::Open::create : Database::Open::existing};
    prepare_tables(database);
    Transaction transaction{database, Transaction::Kind::write};
    for (const auto& schema : wanted) {
        const auto known = find_project(database, schema.name);
        const auto project = known ? known->id : store_project(database, schema);
        if (!known) {
            report.projects_made.push_back(schema.name);
        }
        store_token(database, tokens.at(schema.name), {project, account, tool_rights}, now);
    }
    if (mode == Mode::apply) {
        transaction.commit();
    }
    return report;
}

Private<std::string> grant_token(Database& database, const Grant& grant, TimePoint now)
{
    const auto project = find_project(database, grant.project);
    if (!project) {
        throw Error{Fault::missing,
                    "no project {}; fiona-redcapd project list names those there are",
                    grant.project};
    }
    auto token = new_token();
    store_token(database, token, {project->id, grant.account, grant.rights}, now);
    return token;
}

Private<std::string> create_project(Database& database, const NewProject& wanted,
                                    const fs::path& schemas, TimePoint now, Mode mode)
{
    const auto title = ProjectName{wanted.title}.str();
    if (title.find('|') != std::string::npos) { // it parts the choices of a dropdown
        throw Error{Fault::data, "a project's name cannot have a |"};
    }
    for (const auto& event : wanted.events) {
        static_cast<void>(EventName{event});
    }
    auto schema = read_template(schemas, wanted.schema, wanted.events);
    schema.name = title;
    schema.title = title;
    schema.created = epoch_seconds(now);
    Transaction transaction{database, Transaction::Kind::write};
    if (find_project(database, title)) {
        throw Error{Fault::data, "there is a project {} already", title};
    }
    store_project(database, schema);
    add_routing_destination(database, title);
    auto token = grant_token(database, {title, account, all_rights}, now);
    if (mode == Mode::apply) {
        transaction.commit();
    }
    return token;
}

} // namespace fiona::redcapd
