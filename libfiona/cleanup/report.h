// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"
#include "libfiona/base/json.h"
#include "libfiona/cleanup/clear_old.h"
#include "libfiona/cleanup/exports.h"
#include "libfiona/cleanup/stale_links.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// What the runs have done, for people and for programs. Studies and exports stand there as the tags of
/// the log (log::uid_tag).
namespace fiona::cleanup {

[[nodiscard]] json::Value as_json(const ClearOldReport& report, const ClearOldOrder& order);
[[nodiscard]] std::vector<std::string> as_lines(const ClearOldReport& report,
                                                const ClearOldOrder& order);
[[nodiscard]] json::Value as_json(const ClearExportsReport& report);
[[nodiscard]] std::vector<std::string> as_lines(const ClearExportsReport& report, Mode mode);
[[nodiscard]] json::Value as_json(const StaleLinkReport& report);
[[nodiscard]] std::vector<std::string> as_lines(const StaleLinkReport& report, Mode mode);

/// The result of the last run of fiona-clear-old, `.status/clear-old.json`, for those who watch the disk:
/// the document of as_json() without the studies, and `finished`, `state`: `ok`, `full` (the goal was not
/// reached) or `emergency` (not reached, and above the emergency mark).
void write_status(const Paths& paths, const ClearOldReport& report, const ClearOldOrder& order,
                  TimePoint now);

/// "1.5 GB": powers of 1000.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

} // namespace fiona::cleanup
