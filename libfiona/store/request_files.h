// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/dates.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Names, limits and directory listings behind requests.h, for those who work on the files themselves or
/// report what lies there. Requests move by Requests and RequestWorker only.
namespace fiona::store::files {

inline constexpr std::string_view lock_name = ".lock"; ///< of each of the directories
inline constexpr std::chrono::seconds lock_patience{30};
/// Of a request, and of what was said about it.
inline constexpr std::size_t max_note_bytes = std::size_t{16} << 20U;

[[nodiscard]] inline std::string state_name(std::string_view request)
{
    return std::string{request} + ".state.json";
}
[[nodiscard]] inline std::string result_name(std::string_view request)
{
    return std::string{request} + ".result.json";
}
[[nodiscard]] inline std::string failed_name(std::string_view request)
{
    return std::string{request} + "_fail.log";
}
[[nodiscard]] inline std::string messages_name(std::string_view request)
{
    return std::string{request} + "_fail_messages.log";
}

[[nodiscard]] bool exists(const std::filesystem::path& path);
/// The modification time; nothing if the file has gone.
[[nodiscard]] std::optional<TimePoint> modified(const std::filesystem::path& path);
/// Names of requests, without their states and results.
[[nodiscard]] std::vector<std::string> requests_in(const std::filesystem::path& directory);
[[nodiscard]] std::vector<std::filesystem::path> work_directories(const Paths& paths);

} // namespace fiona::store::files
