// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/pacs/receiver.h"
#include "libfiona/pacs/receiver_status.h"

#include <filesystem>

namespace {

using namespace fiona;

class StoreScp {
public:
    StoreScp(cli::Tool& tool, const pacs::ReceiverOptions& options)
        : m_tool{tool}, m_options{options}
    {
    }

    void start() const
    {
        const auto& config = m_tool.config();
        if (!pacs::is_reception_enabled(config.paths)) {
            say("disabled", "reception is switched off (file enabled); not started");
            return;
        }
        if (m_tool.mode() == Mode::dry_run) {
            const bool is_running = pacs::receiver_state(config).find("running")->boolean();
            say(is_running ? "already_running" : "would_start",
                is_running ? "is running already" : "would be started");
            return;
        }
        const auto result = pacs::start_receiver(config, m_options.port, command_line());
        const bool is_new = result == store::StartResult::started;
        say(is_new ? "started" : "already_running", is_new ? "started" : "is running already");
    }

    void stop() const
    {
        if (m_tool.mode() == Mode::dry_run) {
            const auto state = pacs::receiver_state(m_tool.config());
            const bool is_running = state.find("running")->boolean();
            say(is_running ? "would_stop" : "not_running",
                is_running ? "would be stopped" : "is not running");
            return;
        }
        const auto result = pacs::stop_receiver(m_tool.config());
        const bool was_running = result == store::StopResult::stopped;
        say(was_running ? "stopped" : "not_running", was_running ? "stopped" : "is not running");
    }

    void restart() const
    {
        if (m_tool.mode() == Mode::apply) {
            pacs::check_settings(m_tool.config()); // a bad file must not cost a running receiver
            static_cast<void>(pacs::stop_receiver(m_tool.config()));
        }
        start();
    }

    void status() const
    {
        const auto state = pacs::receiver_state(m_tool.config());
        if (!state.find("running")->boolean()) {
            m_tool.report(state, {"fiona-storescp: not running"});
            return;
        }
        std::vector<std::vector<std::string>> rows{{"pid", state.text("pid")},
                                                   {"port", state.text("port")},
                                                   {"started", state.text("started")},
                                                   {"disk", state.text("disk")},
                                                   {"objects", state.text("objects")},
                                                   {"duplicates", state.text("duplicates")},
                                                   {"replaced", state.text("replaced")},
                                                   {"refused", state.text("refused_objects")},
                                                   {"turned away", state.text("turned_away")}};
        if (state.find("tls_port") != nullptr) {
            rows.insert(rows.begin() + 2, {"tls port", state.text("tls_port")});
        }
        if (const auto* const associations = state.find("associations")) {
            for (const auto& one : associations->array()) {
                rows.push_back({"association", one.text("caller"), one.text("address"),
                                one.text("objects") + " objects"});
            }
        }
        m_tool.report(state, cli::table(rows));
    }

    void run() const
    {
        if (m_tool.mode() == Mode::dry_run) {
            throw Error{Fault::usage, "run has no dry run"};
        }
        pacs::run_receiver(m_tool.config(), m_options);
    }

private:
    void say(std::string_view result, std::string_view text) const
    {
        m_tool.report(json::Object{{"result", result}}, {fmt::format("fiona-storescp: {}", text)});
    }

    [[nodiscard]] std::vector<std::string> command_line() const
    {
        const auto& config = m_tool.config();
        std::vector<std::string> words{std::filesystem::read_symlink("/proc/self/exe"), "--config",
                                       std::filesystem::absolute(config.file)};
        if (!config.project.empty()) {
            words.insert(words.end(), {"--project", config.project});
        }
        if (m_options.port) {
            words.insert(words.end(), {"--port", std::to_string(*m_options.port)});
        }
        if (m_options.keep_rejected) {
            words.emplace_back(*m_options.keep_rejected ? "--keep-rejected" : "--drop-rejected");
        }
        words.emplace_back("run");
        return words;
    }

    cli::Tool& m_tool;
    pacs::ReceiverOptions m_options;
};

} // namespace

int main(int argc, char** argv)
{
    cli::Tool tool{"fiona-storescp", "receive DICOM objects into the archive of a site",
                   "fiona-storescp start && fiona-storescp status --json"};
    tool.with_project().with_dry_run();
    pacs::ReceiverOptions chosen;
    auto& options = tool.options();
    options.add_option("--port", chosen.port,
                       "listen here instead of DICOMPORT of the configuration");
    options.add_flag_callback(
        "--keep-rejected", [&] { chosen.keep_rejected = true; },
        "set refused objects aside (default: RECEIVER.keep_rejected)");
    options.add_flag_callback(
        "--drop-rejected", [&] { chosen.keep_rejected = false; }, "drop refused objects");
    options.require_subcommand(1);
    const auto* const start =
        options.add_subcommand("start", "start the receiver if it does not run");
    const auto* const stop = options.add_subcommand("stop", "let it finish its objects and end");
    const auto* const restart = options.add_subcommand("restart", "stop, then start");
    const auto* const status =
        options.add_subcommand("status", "say whether it runs and what it does");
    options.add_subcommand("run", "run in the foreground until SIGTERM");
    return tool.run(argc, argv, [&] {
        const StoreScp receiver{tool, chosen};
        if (start->parsed()) {
            receiver.start();
        } else if (stop->parsed()) {
            receiver.stop();
        } else if (restart->parsed()) {
            receiver.restart();
        } else if (status->parsed()) {
            receiver.status();
        } else {
            receiver.run();
        }
    });
}
