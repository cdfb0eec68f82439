// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/json.h"
#include "libfiona/base/mode.h"
#include "libfiona/base/sqlite.h"
#include "libfiona/redcapd/http_server.h"
#include "libfiona/redcapd/schema.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

/// What fiona-redcapd does for each of its sub-commands.
namespace fiona::redcapd {

/// Where things are; what is not given comes from the configuration.
struct Places {
    std::optional<std::filesystem::path> database;    ///< else REDCAP.db
    std::optional<std::filesystem::path> schemas;     ///< else the shipped ones
    std::optional<std::filesystem::path> tokens_file; ///< else REDCAP.tokens_file
    std::optional<std::string> listen;                ///< else the host and port of REDCAP.url
    std::optional<std::filesystem::path> socket;      ///< else REDCAP.unix_socket
    std::optional<std::filesystem::path> certificate; ///< of `listen`, with `key`
    std::optional<std::filesystem::path> key;
    Clear clear = Clear::refuse;      ///< `listen` without them
    unsigned requests_per_minute = 0; ///< of one address; 0: no limit
    Mode mode = Mode::apply;
};

struct ProjectOrder {
    std::string title;
    std::string schema = "research-project";
    std::vector<std::string> events;
    bool print_token = false;
};

struct TokenOrder {
    std::string project;
    std::string rights;
    std::string account = "fiona";
    std::optional<std::filesystem::path> file; ///< a token to revoke; never on the command line
    bool super = false;                        ///< a token that makes projects
};

struct DictionaryOrder {
    std::string project;
    std::string form;                ///< of the rule
    std::vector<std::string> fields; ///< of the rule
    std::filesystem::path file;      ///< to read
};

struct ReportOrder {
    std::string project;
    std::string title;
    std::vector<std::string> fields;
    std::string filter;
    std::int64_t id = 0; ///< to remove
};

class Commands {
public:
    using ReadConfig = std::function<const Config&()>;
    using Report = std::function<void(const json::Value&, const std::vector<std::string>&)>;

    Commands(Places places, ReadConfig config, Report report);

    void init() const;
    void create_project(const ProjectOrder& order) const;
    void list_projects() const;
    void create_token(const TokenOrder& order) const;
    void revoke_token(const TokenOrder& order) const;
    void import_odm(const std::filesystem::path& file, bool print_token) const;
    /// The dictionary as CSV to stdout.
    void export_dictionary(const DictionaryOrder& order) const;
    void import_dictionary(const DictionaryOrder& order) const;
    void make_unique(const DictionaryOrder& order) const;
    void create_report(const ReportOrder& order) const;
    void list_reports(const ReportOrder& order) const;
    void remove_report(const ReportOrder& order) const;
    void back_up(const std::filesystem::path& target) const;
    /// Throws Error{Fault::data} after its report if the database is damaged.
    void check() const;
    /// Reports the addresses, then serves until SIGTERM. Without --listen and --socket it is the
    /// site's server and holds `<processing>/.pids/fiona-redcapd.pid`.
    void serve(const std::vector<std::string>& faults) const;
    void start() const;
    void stop() const;
    /// Throws Error{Fault::unreachable} after its report if the server does not run.
    void status() const;

private:
    [[nodiscard]] bool dry_run() const;
    /// Runs `work` with a project's schema in one transaction, which a dry run does not commit.
    /// It says what it did, for the project's log; "": nothing.
    void change_project(const std::string& project,
                        const std::function<std::string(Database&, const Schema&)>& work) const;
    [[nodiscard]] ServerSettings server_settings(const std::vector<std::string>& faults) const;
    [[nodiscard]] std::filesystem::path database() const;
    [[nodiscard]] std::filesystem::path schemas() const;
    [[nodiscard]] std::filesystem::path pid_file() const;

    Places m_places;
    ReadConfig m_config;
    Report m_report;
};

/// One sub-command.
using Action = std::function<void(const Commands&)>;

} // namespace fiona::redcapd
