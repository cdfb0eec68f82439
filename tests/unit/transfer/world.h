// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/log.h"
#include "libfiona/transfer/runner.h"
#include "tests/support/memory_redcap.h"
#include "tests/support/transfer_site.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace transfer_world {

using namespace fiona;

inline std::shared_ptr<MemoryRedcap> project_list()
{
    return std::make_shared<MemoryRedcap>(
        std::vector<redcap::Field>{{"record_id", "leave_alone_do_not_touch", "text", "", ""},
                                   {"project_name", "projects", "text", "", ""},
                                   {"project_active", "projects", "yesno", "", ""},
                                   {"project_features", "projects", "checkbox", "", ""},
                                   {"project_import_rule_1_tag", "projects", "text", "", ""},
                                   {"project_import_rule_1_regexp", "projects", "text", "", ""},
                                   {"rewrite_ex_tag", "rewritepixelexclusions", "dropdown", "", ""},
                                   {"rewrite_ex_reg", "rewritepixelexclusions", "text", "", ""}},
        std::vector<std::string>{"rewritepixelexclusions"});
}

/// A site with a REDCap in memory; every line of the log is kept.
struct World {
    TransferSite site;
    std::shared_ptr<MemoryRedcap> projects = project_list();
    std::shared_ptr<MemoryRedcap> incoming = std::make_shared<MemoryRedcap>(
        MemoryRedcap::incoming_fields(), std::vector<std::string>{"series", "transfers"});
    TimePoint now = Clock::now();
    std::string log;

    explicit World(std::uint16_t port)
    {
        auto& pacs = site.config().research_pacs;
        pacs.host = "127.0.0.1";
        pacs.port = port;
        pacs.aet = "RESEARCH";
        pacs.calling_aet = "FIONA";
        pacs.timeout = std::chrono::seconds{5};
        set_project({});
        log::set_sink([this](log::Level, const std::string& line) { log += line + "\n"; });
    }
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    ~World() { log::set_sink({}); }

    void set_project(std::map<std::string, std::string, std::less<>> values) const
    {
        values.insert({{"project_name", "DEMO"}, {"project_active", "1"}});
        projects->put({"DEMO", "", "", 0, values});
    }

    std::string request(const std::string& study,
                        const std::string& participant = "DEMO_0001") const
    {
        incoming->put({study,
                       "",
                       "transfers",
                       1,
                       {{"transfer_project_name", "DEMO"},
                        {"transfer_name", participant},
                        {"transfer_requested_date", "2024-01-02 10:30"}}});
        return site.file_request(study, "DEMO", participant);
    }

    std::string add(int number, int images) const
    {
        site.add_study(number, images);
        return request(TransferSite::study_uid(number), fmt::format("DEMO_{:04}", number));
    }

    transfer::RunReport run(transfer::Order order = {}) const
    {
        return transfer::run({site.config(),
                              [this](redcap::Role role) -> std::shared_ptr<redcap::Client> {
                                  return role == redcap::Role::dtp ? projects : incoming;
                              },
                              [this] { return now; }},
                             order);
    }

    /// Runs once an hour while the request waits, `most` times; how often it was.
    unsigned run_hourly(const std::string& name, unsigned most)
    {
        unsigned runs = 0;
        for (; site.whereabouts(name) == "requests" && runs < most; ++runs) {
            static_cast<void>(run());
            now += std::chrono::hours{1};
        }
        return runs;
    }

    [[nodiscard]] std::string told(int number, const std::string& field) const
    {
        return incoming->stored(TransferSite::study_uid(number), "transfers", 1, field);
    }
};

/// What a run ended with; nothing if all went well.
inline std::optional<Fault> fault(const transfer::RunReport& report)
{
    return report.problem ? std::optional{report.problem->fault()} : std::nullopt;
}

/// Studies that a run left prepared for the next one.
inline std::vector<std::filesystem::path> prepared(const World& world)
{
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator{world.site.paths().temporary()}) {
        if (entry.path().filename().native().starts_with("prepared-")) {
            found.push_back(entry.path());
        }
    }
    return found;
}

inline std::size_t occurrences(const std::string& text, const std::string& word)
{
    std::size_t count = 0;
    for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) {
        ++count;
    }
    return count;
}

} // namespace transfer_world
