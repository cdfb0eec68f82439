// SPDX-License-Identifier: MIT
#include "libfiona/cli/status_commands.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/redcap/mirror.h"
#include "libfiona/status/lookup.h"
#include "libfiona/status/prometheus.h"
#include "libfiona/status/report_pages.h"
#include "libfiona/status/why.h"
#include "libfiona/store/atomic_file.h"

#include <algorithm>
#include <iostream>

namespace fiona::cli {

namespace {

/// Words as they are, but for `-`: then the words of standard input, one a line, up to the first tab.
std::vector<std::string> with_standard_input(const std::vector<std::string>& words)
{
    std::vector<std::string> all;
    for (const auto& word : words) {
        if (word != "-") {
            all.push_back(word);
            continue;
        }
        for (std::string line; std::getline(std::cin, line);) {
            const auto first = trimmed(split(line, '\t').front());
            if (!first.empty()) {
                all.emplace_back(first);
            }
        }
    }
    return all;
}

} // namespace

StatusCommands::StatusCommands(Tool& tool) : m_tool{tool}
{
    auto& app = tool.options();
    app.require_subcommand(1);
    app.add_subcommand("why", "where one study is, since when, and why")
        ->add_option("STUDY", m_study, "study UID, tag of a log line, or accession number")
        ->required();
    auto* const summary = app.add_subcommand("summary", "how the site stands, on one screen");
    summary->add_flag("--offline", m_offline, "do not ask REDCap and the research PACS");
    summary->add_option("--crontab", m_crontab,
                        "when the tools should run (default: the site's; - for standard input)");
    summary->add_option("--prometheus", m_prometheus,
                        "write this file for node_exporter's textfile collector");
    summary->add_option("--html", m_html, "write a report of static pages into this directory");
    add_queue();
}

void StatusCommands::add_queue()
{
    auto* const queue = m_tool.options().add_subcommand("queue", "transfer requests, by hand");
    queue->fallthrough();
    queue->require_subcommand(1);
    auto* const list = queue->add_subcommand("list", "what waits, failed or is held, and why");
    std::vector<std::string> names;
    for (const auto state : status::all_request_states()) {
        names.emplace_back(status::name_of(state));
    }
    list->add_option("--state", m_states, "only these; may be repeated")
        ->check(CLI::IsMember(names))
        ->allow_extra_args(false);
    list->add_option("--for", m_project, "only requests for this research project");
    list->add_flag("--all", m_all, "and what waits beside the road: packages, jobs, outbox");
    list->add_flag("--plain", m_plain,
                   "request, state, age in seconds, project and participant, between tabs");
    for (const auto& [name, summary] :
         {std::pair{"hold", "keep requests from being sent"},
          std::pair{"release", "let held requests go on"},
          std::pair{"retry", "try postponed ones now, ask for failed ones again"},
          std::pair{"drop", "set requests aside for good"}}) {
        queue->add_subcommand(name, summary)
            ->add_option("REQUEST", m_requests,
                         "as queue list prints it, or a study's UID or tag; - reads standard input")
            ->required();
    }
}

void StatusCommands::run()
{
    auto& app = m_tool.options();
    if (app.got_subcommand("why")) {
        m_tool.leave_no_record();
        why();
    } else if (app.got_subcommand("summary")) {
        if (m_prometheus.empty() && m_html.empty()) {
            m_tool.leave_no_record(); // somebody looks; the crontab writes files
        }
        summary();
    } else {
        m_tool.leave_no_record(); // the audit log has the change
        const auto* const chosen = app.get_subcommand("queue")->get_subcommands().front();
        const auto name = chosen->get_name();
        using status::QueueAction;
        name == "list"      ? list()
        : name == "hold"    ? act(QueueAction::hold)
        : name == "release" ? act(QueueAction::release)
        : name == "retry"   ? act(QueueAction::retry)
                            : act(QueueAction::drop);
    }
}

void StatusCommands::why()
{
    const auto& config = m_tool.config();
    const auto study = status::find_study(config.paths, Private<std::string>{m_study});
    constexpr std::chrono::seconds patience{15}; // somebody waits for the answer
    auto brief = config.redcap;
    brief.deadline = std::min(brief.deadline, patience);
    const auto found = status::whereabouts(
        config, study, [&] { return redcap::open(brief, redcap::Role::incoming); }, Clock::now());

    std::vector<std::string> lines{fmt::format("study {} ({})", study, log::uid_tag(study.str()))};
    for (const auto& line : table(status::as_rows(found))) {
        lines.push_back("  " + line);
    }
    lines.push_back(found.verdict);
    if (!found.next.empty()) {
        lines.push_back("next: " + found.next);
    }
    m_tool.report(status::as_json(found), lines);
}

void StatusCommands::summary()
{
    const auto& config = m_tool.config();
    const auto found = status::summarize(
        config, surroundings_of(config, m_crontab, m_offline ? Peers::leave : Peers::ask),
        Clock::now(), m_tool.mode());
    const auto problem = m_tool.mode() == Mode::apply ? write_files(found) : std::nullopt;
    m_tool.report(status::as_json(found), status::as_lines(found));
    m_tool.set_exit_code(status::exit_code_of(found));
    if (problem) {
        throw Error{*problem};
    }
}

std::optional<Error> StatusCommands::write_files(const status::Summary& found)
{
    std::optional<Error> problem;
    const auto write = [&](const std::filesystem::path& target, const auto& work) {
        try {
            if (!target.empty()) {
                work();
            }
        } catch (const Error& e) { // stops neither the other nor the screen
            problem = problem.value_or(e);
        }
    };
    write(m_prometheus, [&] {
        constexpr mode_t readable_by_the_collector = 0644;
        store::AtomicFile file{m_prometheus, readable_by_the_collector};
        file.set_mode(readable_by_the_collector);
        file.write(status::as_prometheus(found));
        file.commit();
    });
    write(m_html, [&] { status::write_report(found, m_tool.config().paths, m_html); });
    return problem;
}

void StatusCommands::list()
{
    const auto& config = m_tool.config();
    const auto now = Clock::now();
    auto requests = status::queued_requests(config.paths);
    std::erase_if(requests, [&](const status::QueuedRequest& request) {
        return !m_states.empty()
               && std::ranges::find(m_states, status::name_of(request.state)) == m_states.end();
    });
    auto rows = status::as_rows(requests, now);
    if (!m_project.empty()) {
        constexpr std::size_t project_column = 2;
        std::vector<status::QueuedRequest> kept;
        std::vector<std::vector<std::string>> kept_rows{rows.front()};
        for (std::size_t i = 0; i < requests.size(); ++i) {
            if (rows[i + 1][project_column] == m_project) {
                kept.push_back(requests[i]);
                kept_rows.push_back(rows[i + 1]);
            }
        }
        requests = std::move(kept);
        rows = std::move(kept_rows);
    }
    std::vector<std::string> lines;
    if (m_plain) {
        for (std::size_t i = 0; i < requests.size(); ++i) {
            const auto age = std::chrono::floor<std::chrono::seconds>(now - requests[i].since);
            lines.push_back(fmt::format("{}\t{}\t{}\t{}\t{}", requests[i].reference(),
                                        status::name_of(requests[i].state), age.count(),
                                        rows[i + 1][2], rows[i + 1][3]));
        }
    } else if (requests.empty()) {
        lines.emplace_back("no requests");
    } else {
        lines = table(rows);
    }
    json::Object document{{"requests", status::as_json(requests)}};
    if (m_all) {
        json::Array others;
        const auto around = surroundings_of(config, m_crontab, Peers::leave);
        for (const auto& trouble : around.troubles) {
            log::warn("not_looked_at", {{"reason", trouble.what}});
        }
        for (const auto& queue : around.queues) {
            others.push_back(json::Object{
                {"queue", queue.name}, {"waiting", queue.waiting}, {"failed", queue.failed}});
            lines.push_back(m_plain
                                ? fmt::format("{}\t{}\t{}", queue.name, queue.waiting, queue.failed)
                                : fmt::format("{}: {} waiting, {} given up", queue.name,
                                              queue.waiting, queue.failed));
        }
        document.emplace("queues", std::move(others));
    }
    m_tool.report(document, lines);
}

void StatusCommands::act(status::QueueAction action)
{
    const auto& config = m_tool.config();
    const auto report = status::act_on_queue(
        config, {action, with_standard_input(m_requests), m_tool.mode()},
        [&] { return redcap::connect(config.redcap, redcap::Role::incoming); }, Clock::now());
    std::vector<std::string> lines;
    for (const auto& item : report.items) {
        lines.push_back(fmt::format("{}\t{}{}", item.reference,
                                    m_tool.mode() == Mode::dry_run && item.outcome != "unchanged"
                                            && item.outcome != "refused"
                                        ? "would be " + item.outcome
                                        : item.outcome,
                                    item.reason.empty() ? "" : "\t" + item.reason));
    }
    m_tool.report(status::as_json(report), lines);
    if (report.problem) {
        const auto refused =
            std::ranges::count(report.items, "refused", &status::QueueItem::outcome);
        throw Error{report.problem->fault(), "{} of {} not done: {}", refused, report.items.size(),
                    report.problem->what()};
    }
}

} // namespace fiona::cli
