// SPDX-License-Identifier: MIT
#pragma once

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>

/// A file of the real test data's `wsi` folder; nothing, and the word that skips, if it is not there.
inline std::optional<std::filesystem::path> shared_slide(const std::string& name)
{
    const auto* const named = std::getenv("FIONA_TEST_DATA");
    const auto root = named != nullptr
                          ? std::filesystem::path{named}
                          : std::filesystem::path{FIONA_SOURCE_DIR} / ".." / "shared" / "data";
    const auto file = root / "wsi" / name;
    if (!std::filesystem::exists(file)) {
        std::cout << "SKIPPED: no " << name << " in the shared test data\n";
        return std::nullopt;
    }
    return file;
}
