// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "tests/support/run_tool.h"
#include "tests/support/shipped_files.h"
#include "tests/support/temp_dir.h"

#include <stdexcept>
#include <string>
#include <vector>

/// A demo site made by fiona-config, its embedded REDCap running for as long as the object lives.
class DemoSite {
public:
    DemoSite() : root{m_directory / "site"}
    {
        must("fiona-config", {"init", "--root", root, "--demo"});
        config_file = root + "/data/config/config.json";
        config = fiona::Config::load(config_file);
        start_redcap();
    }
    DemoSite(const DemoSite&) = delete;
    DemoSite& operator=(const DemoSite&) = delete;
    ~DemoSite() { static_cast<void>(run("fiona-redcapd", {"stop"})); }

    /// The tool with `--config` of this site.
    [[nodiscard]] Outcome run(const std::string& tool, std::vector<std::string> arguments) const
    {
        if (!config_file.empty()) {
            arguments.insert(arguments.end(), {"--config", config_file});
        }
        return run_tool(tool, arguments, m_shipped.environment());
    }
    [[nodiscard]] std::vector<std::string> environment() const { return m_shipped.environment(); }

    void start_redcap() const { must("fiona-redcapd", {"start"}); }
    void stop_redcap() const { must("fiona-redcapd", {"stop"}); }

private:
    TempDir m_directory;
    ShippedFiles m_shipped;

    void must(const std::string& tool, const std::vector<std::string>& arguments) const
    {
        if (const auto outcome = run(tool, arguments); outcome.exit_code != 0) {
            throw std::runtime_error{tool + " " + arguments[0] + ": " + outcome.err};
        }
    }

public:
    std::string root;
    std::string config_file;
    fiona::Config config;
};
