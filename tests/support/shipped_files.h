// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/store/atomic_file.h"
#include "tests/support/temp_dir.h"

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

/// The files that fiona-config init copies. Those of the source tree are used; a small one stands in
/// for each that is not there.
class ShippedFiles {
public:
    ShippedFiles()
    {
        const auto source = std::filesystem::path{FIONA_SOURCE_DIR} / "share";
        const std::vector<std::pair<std::string, std::string>> needed{
            {"rules/classifyRules.json", "[]\n"},
            {"profiles/profile.csv", "tag,action\n"},
            {"profiles/safe-private.csv", "creator\n"}};
        for (const auto& [name, content] : needed) {
            const auto path = m_directory.path / name;
            if (!std::filesystem::exists(source / name)) {
                std::filesystem::create_directories(path.parent_path());
                fiona::store::write_file(path, content);
            }
        }
    }

    /// For run_tool(); the tools look there first, then in the source tree.
    [[nodiscard]] std::vector<std::string> environment() const
    {
        return {"FIONA_SHARE=" + m_directory.path.native(), "PATH=/usr/bin:/bin"};
    }

private:
    TempDir m_directory;
};
