// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/store/atomic_file.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

/// A site with users, links, event and action programs, and an audit of transfers.
class TriggerSite {
public:
    /// `smtp`: the address of the mail server.
    explicit TriggerSite(const std::string& smtp)
    {
        std::filesystem::create_directories(code());
        std::filesystem::create_directories(audit().parent_path());
        std::filesystem::create_directories(users().parent_path());
        set_mail_server(smtp);
        put_users({"DEMO"});
    }

    void set_mail_server(const std::string& url) const
    {
        using fiona::json::Object;
        fiona::store::write_file(
            config(), fiona::json::write(Object{{"ROOT", m_root.path.native()},
                                                {"LOCALTIMEZONE", "UTC"},
                                                {"SMTP", Object{{"url", url},
                                                                {"from", "fiona@site.example.org"},
                                                                {"timeout", 20}}}}));
    }
    /// alice belongs to these projects.
    void put_users(fiona::json::Array projects) const
    {
        using fiona::json::Array;
        using fiona::json::Object;
        const Object alice{
            {"name", "alice"}, {"email", "alice@example.org"}, {"projects", std::move(projects)}};
        fiona::store::write_file(users(), fiona::json::write(Object{{"users", Array{alice}}}));
    }
    void put_links(const fiona::json::Value& links) const
    {
        fiona::store::write_file(code() / "links.json", fiona::json::write(links));
    }
    [[nodiscard]] static fiona::json::Object link(const std::string& id,
                                                  const std::string& event = "data_arrived",
                                                  const std::string& action = "study_list")
    {
        return {{"id", id},
                {"user", "alice"},
                {"event", event},
                {"action", action},
                {"action_param", fiona::json::Array{"DEMO"}}};
    }
    /// `kind`: events or actions. `info`: more keys of info.json.
    void put_program(const std::string& kind, const std::string& name, const std::string& script,
                     fiona::json::Object info = {}) const
    {
        const auto directory = code() / kind / name;
        std::filesystem::create_directories(directory);
        info.insert({{"name", name}, {"script", "run me.sh"}});
        fiona::store::write_file(directory / "info.json", fiona::json::write(info));
        fiona::store::write_file(directory / "run me.sh", script, 0755);
    }
    /// A study that has arrived: what the audit says of it.
    void put_arrival(const std::string& participant, const std::string& project = "DEMO") const
    {
        using fiona::json::Array;
        using fiona::json::Object;
        std::ofstream{audit(), std::ios::app} << fiona::json::write(
            Object{{"id", "id-" + participant},
                   {"time", fiona::iso8601_utc(fiona::Clock::now())},
                   {"project", project},
                   {"participant", participant},
                   {"event", "Baseline"},
                   {"new_studies",
                    Array{"1.3.6.1.4.1.45037." + participant.substr(participant.size() - 1)}},
                   {"modalities", Array{"MR"}},
                   {"counts", Object{{"stored", 192}}}})
                                              << '\n';
    }

    // NOLINTNEXTLINE(modernize-use-nodiscard) some calls are made for their effect
    Outcome run(std::vector<std::string> arguments = {}) const
    {
        arguments.insert(arguments.end(), {"--config", config().native()});
        return run_tool("fiona-cron", arguments);
    }
    [[nodiscard]] std::filesystem::path config() const { return m_root / "config.json"; }
    [[nodiscard]] std::filesystem::path code() const
    {
        return m_root / "var/www/html/applications/User/asttt/code";
    }
    [[nodiscard]] std::filesystem::path audit() const
    {
        return m_root / "home/processing/logs/transfers-audit.jsonl";
    }
    [[nodiscard]] std::filesystem::path users() const { return m_root / "data/config/users.json"; }
    [[nodiscard]] std::filesystem::path state() const
    {
        return m_root / "home/processing/state/triggers";
    }
    [[nodiscard]] const std::filesystem::path& root() const { return m_root.path; }

private:
    TempDir m_root;
};
