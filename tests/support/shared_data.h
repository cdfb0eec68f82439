// SPDX-License-Identifier: MIT
#pragma once

#include "tests/support/skip.h"

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

/// The real test data, or a file or a folder of it ($FIONA_TEST_DATA, else ../shared/data beside the source);
/// nothing, and the word that skips, if it is not there.
inline std::optional<std::filesystem::path> shared_data(const std::string& part = {})
{
    const auto* const named = std::getenv("FIONA_TEST_DATA"); // NOLINT(concurrency-mt-unsafe) tests
    const auto root = named != nullptr
                          ? std::filesystem::path{named}
                          : std::filesystem::path{FIONA_SOURCE_DIR} / ".." / "shared" / "data";
    auto place = root / part;
    if (!std::filesystem::exists(place)) {
        skip("no test data at " + place.native());
        return std::nullopt;
    }
    return place;
}
