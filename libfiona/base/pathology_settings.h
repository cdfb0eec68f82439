// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace fiona {

/// `<config>/pathology.json` (fiona-files(5)); without the file all is as the initialisers say.
struct PathologySettings {
    struct Project {
        bool caches_original =
            false;                ///< cache_original: else the project cache gets the clean copy
        bool keeps_macro = false; ///< keep_macro: an upload may ask for it, its label blanked
    };

    /// Absolute; only below them a slide is delivered as a file.
    std::vector<std::filesystem::path> import_roots;
    std::chrono::seconds quiet{
        60};               ///< an image of unknown size is whole when unchanged for so long
    unsigned attempts = 5; ///< of a PACS that refuses, until a person is told
    std::chrono::seconds first_wait{60}; ///< after a failure; doubled after each
    std::chrono::seconds longest_wait{3600};
    double label_fraction = 0.0; ///< of the macro image's width; 0: the format's own
    std::map<std::string, Project> projects;

    [[nodiscard]] Project project(const std::string& name) const;
};

/// Throws Error{Fault::config} naming the file and the key.
[[nodiscard]] PathologySettings read_pathology_settings(const Config& config);
[[nodiscard]] std::filesystem::path pathology_file(const Config& config);

} // namespace fiona
