// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/dicom/prescan.h"
#include "libfiona/store/daemon.h"
#include "libfiona/store/spool.h"
#include "tests/support/raw_association.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

#include <catch2/catch.hpp>

#include <sysexits.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

/// What the tests of fiona-storescp share.
namespace receiver {

namespace fs = std::filesystem;
namespace json = fiona::json;

inline bool eventually(const std::function<bool()>& condition)
{
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{20};
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds{5}); // between two looks
    }
    return true;
}

/// A site in a directory of its own with a receiver on a free port.
class Site {
public:
    explicit Site(json::Object receiver = {}, const fs::path& data = {})
    {
        // The disk of the test machine must not decide: no share is too small unless a test says so.
        for (const auto* const key :
             {"soft_free_share", "soft_free_bytes", "hard_free_share", "hard_free_bytes"}) {
            receiver.emplace(key, 0);
        }
        receiver.emplace("stop_grace", 10);
        receiver.emplace("bind", "127.0.0.1");
        json::Object config{{"ROOT", root.path.native()}, {"RECEIVER", receiver}};
        if (!data.empty()) {
            config["PATHS"] = json::Object{{"data", data.native()}};
        }
        m_config = config;
        m_data = data.empty() ? root / "data" : data;
        save();
    }
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;
    ~Site() { tool({"stop"}); }

    void save() const { std::ofstream{root / "config.json"} << json::write(m_config); }

    Outcome tool(std::vector<std::string> arguments) const
    {
        arguments.insert(arguments.begin(), {"--config", (root / "config.json").native()});
        return run_tool("fiona-storescp", arguments);
    }

    void start()
    {
        const auto run = tool({"--port", "0", "start"});
        INFO(run.err);
        REQUIRE(run.exit_code == EX_OK);
        port = static_cast<std::uint16_t>(status().find("port")->integer());
    }

    [[nodiscard]] json::Value status() const
    {
        return json::parse(tool({"--json", "status"}).out, "status");
    }

    [[nodiscard]] std::string log() const
    {
        return fiona::read_file_if_any(root / "var/www/html/server/logs/storescpd.log")
            .value_or("");
    }

    [[nodiscard]] pid_t pid() const
    {
        return fiona::store::running_daemon(root / "var/www/html/server/.pids/storescpd.pid")
            .value_or(0);
    }

    [[nodiscard]] fs::path site(const char* name) const { return m_data / "site" / name; }

    [[nodiscard]] fs::path archived(const raw::Ids& ids) const
    {
        return site("archive") / ("scp_" + ids.study) / ("SC." + ids.sop);
    }

    /// All files below a directory of the site.
    [[nodiscard]] std::vector<fs::path> files(const char* name) const
    {
        std::vector<fs::path> found;
        for (const auto& entry : fs::recursive_directory_iterator{site(name)}) {
            if (entry.is_regular_file()) {
                found.push_back(entry.path());
            }
        }
        return found;
    }

    [[nodiscard]] std::size_t waiting() const
    {
        return fiona::store::Spool{site(".spool")}.count_waiting();
    }

    TempDir root;
    std::uint16_t port = 0;
    json::Object m_config;

private:
    fs::path m_data;
};

/// The data set part of a stored file.
inline std::string stored_data_set(const fs::path& file)
{
    const auto scan = fiona::dicom::prescan_file(file);
    return fiona::read_file(file).substr(scan.data_set_offset);
}

inline std::string numbered(unsigned number)
{
    return "1.2.826.0.1.3680043.8.498.7.1." + std::to_string(number);
}

} // namespace receiver
