// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/export/export_type.h"
#include "libfiona/export/image.h"

#include <filesystem>
#include <string>
#include <vector>

namespace fiona::exports {

struct PlannedImage {
    std::filesystem::path file;
    anonymize::Layout layout; ///< of the file
    std::string name;         ///< in the package
    std::string series;
    Fields fields;
};

/// Which images go into the package and what they are called there, in the order of `files`. Names are
/// unique: a second series that would share the folder of another has `_2` behind its folder's name, a
/// second file of one name likewise; upper and lower case make no other name. Headers are read by `threads` threads. Throws as Image.
[[nodiscard]] std::vector<PlannedImage> plan_images(const std::vector<std::filesystem::path>& files,
                                                    const ExportType& type,
                                                    const PackageFacts& facts, unsigned threads);

/// Names of one package, each once; those that differ in case only are one to many disks.
class UniqueNames {
public:
    /// `name`, or with `_2`, `_3`, ... before its last suffix.
    [[nodiscard]] std::string take(const std::string& name);

private:
    std::map<std::string, unsigned, std::less<>> m_taken;
};

} // namespace fiona::exports
