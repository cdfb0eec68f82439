// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/redcapd/commands.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace fiona::cli {

/// The sub-commands of fiona-redcapd: what each takes, and which of redcapd::Commands it is.
class RedcapdCommands {
public:
    /// `app` is borrowed and outlives this object.
    explicit RedcapdCommands(CLI::App& app);
    RedcapdCommands(const RedcapdCommands&) = delete; // the options write into this object
    RedcapdCommands& operator=(const RedcapdCommands&) = delete;
    ~RedcapdCommands() = default;

    /// What the command line says of places, with `mode`.
    [[nodiscard]] redcapd::Places places(Mode mode) const;
    /// Runs the one that was given. Throws what it throws.
    void run(const redcapd::Commands& commands) const;

private:
    /// Name and summary, as --help shows them.
    struct Title {
        const char* name;
        const char* summary;
    };
    void add_projects();
    void add_tokens();
    void add_dictionaries();
    void add_reports();
    void add_database();
    void add_server();

    [[nodiscard]] CLI::App& add_group(const Title& title) const;
    CLI::App& add(CLI::App& parent, const Title& title, redcapd::Action action);
    CLI::App& add_on_database(CLI::App& parent, const Title& title, redcapd::Action action);
    CLI::App& add_in_project(CLI::App& parent, const Title& title, std::string& project,
                             redcapd::Action action);
    void add_schemas(CLI::App& command);

    CLI::App& m_app;
    std::vector<std::pair<const CLI::App*, redcapd::Action>> m_actions;
    redcapd::Places m_places;
    redcapd::ProjectOrder m_project;
    redcapd::TokenOrder m_token;
    redcapd::DictionaryOrder m_dictionary;
    redcapd::ReportOrder m_report;
    std::filesystem::path m_file;
    std::vector<std::string> m_faults;
};

} // namespace fiona::cli
