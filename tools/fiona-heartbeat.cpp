// SPDX-License-Identifier: MIT
#include "libfiona/cli/tool.h"
#include "libfiona/ingest/heartbeat.h"

int main(int argc, char** argv)
{
    using namespace fiona;

    cli::Tool tool{"fiona-heartbeat", "see that a site receives and sorts, and start what does not",
                   "fiona-heartbeat --json | jq -r '.problems[]'"};
    tool.with_dry_run().with_project();
    unsigned timeout = 10;
    constexpr unsigned longest_timeout = 60;
    tool.options()
        .add_option("--timeout", timeout, "seconds the receiver has to answer, twice")
        ->check(CLI::Range(1U, longest_timeout));
    bool is_supervised = false;
    tool.options().add_flag("--supervised", is_supervised,
                            "systemd starts the daemons: end what does not answer, start nothing");

    return tool.run(argc, argv, [&] {
        const auto& config = tool.config();
        ingest::HeartbeatOptions options;
        options.echo_timeout = std::chrono::seconds{timeout};
        options.mode = tool.mode();
        options.starts = is_supervised ? ingest::HeartbeatOptions::Starts::others
                                       : ingest::HeartbeatOptions::Starts::ours;
        if (options.mode == Mode::apply) {
            tool.run_alone();
        }
        const auto found = ingest::heartbeat(config, Clock::now(), options);
        const auto document = found.as_json();
        std::vector<std::string> lines{
            found.is_enabled
                ? document.text("state")
                : "disabled: reception is switched off (file enabled), nothing is started"};
        for (const auto& action : found.actions) {
            lines.push_back((options.mode == Mode::apply ? "done: " : "would: ") + action);
        }
        lines.insert(lines.end(), found.problems.begin(), found.problems.end());
        tool.report(document, lines);
        tool.set_exit_code(static_cast<int>(found.health));
    });
}
