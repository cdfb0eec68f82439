// SPDX-License-Identifier: MIT
#include "libfiona/transfer/returned.h"

#include "libfiona/base/log.h"
#include "libfiona/base/process.h"
#include "libfiona/base/text.h"
#include "libfiona/pacs/research_pacs.h"
#include "libfiona/store/study_tree.h"
#include "libfiona/transfer/handled.h"
#include "libfiona/transfer/homecoming.h"
#include "libfiona/transfer/origins.h"
#include "libfiona/transfer/transfer.h"
#include "libfiona/transfer/workspace.h"

#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <set>
#include <system_error>
#include <utility>

namespace fiona::transfer {

namespace fs = std::filesystem;
using State = ReturnedSeries::State;

namespace {

std::string caller_of(const json::Value& properties)
{
    const auto* const connection = properties.find("IncomingConnection");
    return connection == nullptr ? "" : connection->text("AETitleCaller");
}

std::uint64_t bytes_of(const std::vector<fs::path>& files)
{
    std::uint64_t bytes = 0;
    for (const auto& file : files) {
        std::error_code problem;
        const auto size = fs::file_size(file, problem);
        bytes += problem ? 0 : size;
    }
    return bytes;
}

std::string replaced(std::string text, std::string_view name, const std::string& value)
{
    for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at)) {
        text.replace(at, name.size(), value);
        at += value.size();
    }
    return text;
}

class Pass {
public:
    Pass(const ReturnMeans& means, TimePoint now, Mode mode)
        : m_means{means}, m_now{now}, m_mode{mode}, m_settings{read_return_settings(means.config)},
          m_tree{means.config.paths}, m_origins{means.config, means.incoming}
    {
    }

    ReturnReport go()
    {
        for (const auto& study : m_tree.studies()) {
            try {
                if (const auto origin = m_origins.find(study)) {
                    look_at(study, *origin);
                }
            } catch (const Error& e) {
                note_problem(e.in(fmt::format("study {}", log::uid_tag(study.str()))));
                if (e.fault() != Fault::data) {
                    break; // REDCap, the disk: no better for the next study
                }
            }
        }
        return std::move(m_report);
    }

private:
    void look_at(const StudyUid& study, const Home& home)
    {
        const auto all = m_tree.series(study);
        std::set<std::string> own;
        for (const auto& series : all) {
            own.insert(series.uid.str());
            for (const auto& object : m_tree.instances(study, series.uid)) {
                own.insert(object.filename().native());
            }
        }
        for (const auto& series : all) {
            if (home.origin.originals.contains(series.uid.str())) {
                ++m_report.ours;
            } else if (series.properties && !is_ignored(*series.properties)) {
                handle(study, series, home, own);
            }
        }
    }

    [[nodiscard]] bool is_ignored(const json::Value& properties) const
    {
        const auto caller = caller_of(properties);
        const auto& research = m_means.config.research_pacs;
        return (!caller.empty() && (caller == research.aet || caller == research.qr_aet))
               || std::ranges::find(m_settings.ignored_callers, caller)
                      != m_settings.ignored_callers.end();
    }

    /// What came of a series that was computed on a de-identified study.
    struct Arrival {
        std::vector<fs::path> objects; ///< those not handled before
        std::string caller;            ///< AE title
        const Home& home;
        const std::set<std::string>& own; ///< UIDs of all that came of the study
    };

    void handle(const StudyUid& study, const store::StudyTree::Series& series, const Home& home,
                const std::set<std::string>& own)
    {
        Handled handled{m_means.config.paths, series.uid};
        auto objects = handled.news(m_tree.instances(study, series.uid));
        if (objects.empty() && !handled.must_run_command()) {
            ++m_report.handled;
            return;
        }
        ReturnedSeries item{study.str(),     series.uid.str(), home.origin.project,
                            State::arriving, objects.size(),   ""};
        if (!is_younger(series.changed, m_now, m_means.config.timing.settle)) {
            take(item, {std::move(objects), caller_of(*series.properties), home, own}, handled);
        }
        if (!item.reason.empty()) {
            log::warn("returned_series_kept_back", {{"study", item.study},
                                                    {"series", item.series},
                                                    {"project", item.project},
                                                    {"reason", item.reason}});
        }
        m_report.series.push_back(std::move(item));
    }

    void take(ReturnedSeries& item, const Arrival& arrival, Handled& handled)
    {
        const auto& objects = arrival.objects;
        const auto found = m_settings.projects.find(item.project);
        const auto actions =
            found == m_settings.projects.end() ? ReturnSettings::Project{} : found->second;
        item.state = actions.forward_as_is ? State::forwarded : State::home;
        try {
            if (!objects.empty()) {
                if (actions.forward_as_is) {
                    forward(objects);
                } else {
                    bring_home(arrival);
                }
            }
            if (m_mode == Mode::apply) {
                const bool has_command = !actions.post_command.empty();
                handled.note(objects,
                             has_command ? Handled::Fate::command_failed : Handled::Fate::sent);
                if (has_command) { // killed before it has run: the next pass runs it
                    run_command(item, actions.post_command, arrival.home);
                    handled.note({}, Handled::Fate::sent);
                }
            }
        } catch (const Error& e) {
            const bool is_refused = e.fault() == Fault::data;
            item.state = is_refused ? State::refused : State::failed;
            item.reason = log::without_uids(e.what());
            if (is_refused && m_mode == Mode::apply) {
                handled.note(objects, Handled::Fate::refused); // said once
            }
            note_problem(e.in(fmt::format("series {}", log::uid_tag(item.series))));
        }
    }

    void forward(const std::vector<fs::path>& objects) const
    {
        if (m_mode == Mode::apply) {
            send(pacs::research_pacs(m_means.config), objects);
        }
    }

    void bring_home(const Arrival& arrival)
    {
        const auto& [objects, caller, home, own] = arrival;
        const auto facts = m_origins.facts(home);
        const auto directory = workspace().make_room("home", bytes_of(objects));
        std::vector<fs::path> files;
        for (const auto& object : objects) {
            files.push_back(directory / (object.filename().native() + ".dcm"));
            write_with_origin(object, files.back(), home.origin, facts, own);
        }
        if (m_mode == Mode::apply) {
            auto receiver = m_means.receiver;
            receiver.calling_aet = caller.empty() ? receiver.calling_aet : AeTitle{caller}.str();
            send(receiver, files);
        }
        workspace().remove("home");
    }

    /// All of them, or an error: Fault::data only if each is stored or refused for good. One that may go
    /// later comes first, else it would be listed with the refused ones and never go.
    static void send(const pacs::Peer& peer, const std::vector<fs::path>& files)
    {
        const auto results = pacs::send_files(peer, files);
        const auto later = std::ranges::find_if(results, pacs::may_succeed_later);
        const auto refused =
            std::ranges::find(results, pacs::SendOutcome::refused, &pacs::SendResult::outcome);
        const auto bad = later == results.end() ? refused : later;
        if (bad != results.end()) {
            throw Error{later == results.end() ? Fault::data : Fault::temporary,
                        "{} has not taken an object: {}", peer.called_aet, bad->reason};
        }
    }

    void run_command(const ReturnedSeries& item, const std::vector<std::string>& words,
                     const Home& home)
    {
        const auto objects = m_tree.instances(StudyUid{item.study}, SeriesUid{item.series});
        const auto directory = workspace().make_room("command", bytes_of(objects));
        for (const auto& object : objects) {
            std::error_code problem;
            fs::copy_file(object, directory / (object.filename().native() + ".dcm"), problem);
            if (problem) {
                throw os_error(problem.value(), "copy an object for the command");
            }
        }
        Command command;
        command.deadline = m_settings.command_deadline;
        for (auto word : words) {
            word = replaced(std::move(word), "{directory}", directory.native());
            word = replaced(std::move(word), "{project}", item.project);
            command.arguments.push_back(replaced(std::move(word), "{event}", home.event));
        }
        const auto finished = fiona::run(command);
        workspace().remove("command");
        if (finished.timed_out || finished.exit_code != 0) {
            throw Error{Fault::unreachable, "the command of project {} {}", item.project,
                        finished.timed_out ? std::string{"did not end in time"}
                                           : fmt::format("ended with code {}", finished.exit_code)};
        }
    }

    /// Made when it is first needed: most passes find nothing.
    Workspace& workspace()
    {
        if (!m_workspace) {
            m_workspace.emplace(m_means.config.paths, fmt::format("returned.{}", ::getpid()));
        }
        return *m_workspace;
    }

    /// One that passes by itself never hides one that a person has to see.
    void note_problem(const Error& error)
    {
        if (!m_report.problem || m_report.problem->fault() == Fault::temporary) {
            m_report.problem.emplace(error);
        }
    }

    const ReturnMeans& m_means;
    TimePoint m_now;
    Mode m_mode;
    ReturnSettings m_settings;
    store::StudyTree m_tree;
    Origins m_origins;
    std::optional<Workspace> m_workspace;
    ReturnReport m_report;
};

[[noreturn]] void complain(std::string_view key, std::string_view what)
{
    throw Error{Fault::config, "config: PROCESSED.{} must be {}", key, what};
}

std::vector<std::string> texts(const json::Value& value, std::string_view key)
{
    std::vector<std::string> list;
    if (!value.is_array()) {
        complain(key, "a list of texts");
    }
    for (const auto& one : value.array()) {
        if (!one.is_string()) {
            complain(key, "a list of texts");
        }
        list.push_back(one.string());
    }
    return list;
}

} // namespace

std::string_view state_name(State state)
{
    switch (state) {
    case State::home: return "home";
    case State::forwarded: return "forwarded";
    case State::arriving: return "arriving";
    case State::refused: return "refused";
    case State::failed: break;
    }
    return "failed";
}

ReturnSettings read_return_settings(const Config& config)
{
    ReturnSettings settings;
    const auto* const block = config.document.find("PROCESSED");
    if (block == nullptr) {
        return settings;
    }
    if (const auto* const callers = block->find("ignored_callers")) {
        settings.ignored_callers = texts(*callers, "ignored_callers");
    }
    if (const auto* const deadline = block->find("command_deadline")) {
        if (!deadline->is_integer() || deadline->integer() <= 0) {
            complain("command_deadline", "a number of seconds");
        }
        settings.command_deadline = std::chrono::seconds{deadline->integer()};
    }
    const auto* const projects = block->find("projects");
    if (projects != nullptr && !projects->is_object()) {
        complain("projects", "an object");
    }
    for (const auto& [name, actions] : projects == nullptr ? json::Object{} : projects->object()) {
        auto& project = settings.projects[name];
        if (const auto* const flag = actions.find("forward_as_is")) {
            if (!flag->is_bool()) {
                complain("forward_as_is", "true or false");
            }
            project.forward_as_is = flag->boolean();
        }
        if (const auto* const command = actions.find("post_command")) {
            project.post_command = texts(*command, "post_command");
        }
    }
    return settings;
}

ReturnReport return_processed(const ReturnMeans& means, TimePoint now, Mode mode)
{
    return Pass{means, now, mode}.go();
}

} // namespace fiona::transfer
