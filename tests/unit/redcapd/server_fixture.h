// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/text.h"
#include "libfiona/redcapd/api.h"
#include "libfiona/redcapd/projects.h"
#include "libfiona/redcapd/setup.h"
#include "libfiona/redcapd/tokens.h"
#include "tests/support/temp_dir.h"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// The API in process, with all shipped projects and a research project DEMO with the events 01
/// and baseline. Its clock stands still unless a test moves it.
class Server {
public:
    using Parameters = std::vector<std::pair<std::string, std::string>>;

    Server()
    {
        using namespace fiona::redcapd;
        initialize({directory / "redcap.db", directory / "tokens", schemas}, now);
        using fiona::Database;
        Database database{directory / "redcap.db", Database::Open::existing};
        m_demo_token =
            create_project(database, {"DEMO", "research-project", {"01", "baseline"}}, schemas, now)
                .reveal();
        api = std::make_unique<Api>(directory / "redcap.db", [this] { return now; });
    }

    [[nodiscard]] std::string token(const std::string& project) const
    {
        if (project == "DEMO") {
            return m_demo_token;
        }
        std::ifstream in{directory / "tokens"};
        for (std::string line; std::getline(in, line);) {
            if (line.starts_with(project + " = ")) {
                return line.substr(project.size() + 3);
            }
        }
        return {};
    }

    [[nodiscard]] fiona::redcapd::Answer raw(Parameters parameters) const
    {
        return api->handle(fiona::redcapd::FormData{std::move(parameters)}).answer;
    }

    /// With the token of `project` and format=json, unless the parameters say otherwise.
    [[nodiscard]] fiona::redcapd::Answer call(const std::string& project,
                                              const Parameters& parameters) const
    {
        Parameters all{{"token", token(project)}, {"format", "json"}};
        all.insert(all.end(), parameters.begin(), parameters.end());
        return raw(all);
    }

    [[nodiscard]] std::string get(const std::string& project, Parameters parameters) const
    {
        parameters.emplace_back("content", "record");
        return call(project, parameters).body;
    }

    [[nodiscard]] fiona::redcapd::Answer put(const std::string& project, const std::string& data,
                                             Parameters parameters = {}) const
    {
        parameters.emplace_back("content", "record");
        parameters.emplace_back("data", data);
        return call(project, parameters);
    }

    TempDir directory;
    std::filesystem::path schemas{FIONA_SOURCE_DIR "/share/redcap"};
    fiona::TimePoint now{std::chrono::seconds{1'704'187'800}}; // 2024-01-02 09:30 UTC
    std::unique_ptr<fiona::redcapd::Api> api;

private:
    std::string m_demo_token;
};
