// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/cli/tool.h"
#include "libfiona/status/queue_commands.h"
#include "libfiona/status/summary.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fiona::cli {

/// The sub-commands of fiona-status: what each takes, and what it prints.
class StatusCommands {
public:
    /// `tool` is borrowed and outlives this object.
    explicit StatusCommands(Tool& tool);

    /// Runs the one that was given.
    void run();

private:
    void add_queue();
    void why();
    void summary();
    /// The first of what could not be written.
    [[nodiscard]] std::optional<Error> write_files(const status::Summary& found);
    void list();
    void act(status::QueueAction action);

    Tool& m_tool;
    std::string m_study, m_crontab, m_project;
    std::filesystem::path m_prometheus, m_html;
    std::vector<std::string> m_requests, m_states;
    bool m_offline = false, m_plain = false, m_all = false;
};

/// What the rooms of the daemons, queues and peers know of a site; `crontab`: its file, `-` for standard
/// input, or empty for the usual places.
enum class Peers { ask, leave };
[[nodiscard]] status::Surroundings surroundings_of(const Config& config, const std::string& crontab,
                                                   Peers peers);

} // namespace fiona::cli
