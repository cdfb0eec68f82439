// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/status/summary.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

/// The summary as static pages: HTML and SVG, no script, nothing fetched from anywhere, no identifying value.
namespace fiona::status {

/// By file name: `index.html`, `jobs.html`, `review.html`. `sheets`: names of the pictures in `review/`.
[[nodiscard]] std::map<std::string, std::string>
report_pages(const Summary& summary, const std::vector<std::string>& sheets);

/// Writes the pages and copies the contact sheets of `<state>/review/` into `directory`, each file at once
/// complete; sheets that have gone there go here. Nothing else in `directory` is touched.
void write_report(const Summary& summary, const Paths& paths,
                  const std::filesystem::path& directory);

} // namespace fiona::status
