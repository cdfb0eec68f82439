// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/files.h"

#include <sys/resource.h>
#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <stdexcept>
#include <string>

/// What a process and its children may take, and what it has taken.

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool is_memory_measured = false; // sanitizers map all there is, and keep what was freed
#else
constexpr bool is_memory_measured = true;
#endif

/// A line of /proc/PID/status, in kilobytes: `VmHWM`, the most that was resident; `VmSize`. 0 if the process is
/// gone.
inline std::uint64_t memory_kb(pid_t process, const std::string& line)
{
    const auto file = std::filesystem::path{"/proc"} / std::to_string(process) / "status";
    const auto text = fiona::read_file_if_any(file).value_or("");
    const auto at = text.find(line + ":");
    return at == std::string::npos ? 0 : std::stoull(text.substr(at + line.size() + 1));
}

/// From now on the process and the children that it will have can map so much more than it has mapped, and not
/// a byte beyond: who holds a bomb does not get to refuse it.
inline void limit_memory(pid_t process, std::uint64_t megabytes)
{
    if (!is_memory_measured) {
        return;
    }
    const auto bytes = (memory_kb(process, "VmSize") << 10U) + (megabytes << 20U);
    const rlimit limit{bytes, bytes};
    if (::prlimit(process, RLIMIT_AS, &limit, nullptr) != 0) {
        throw std::runtime_error{"cannot limit the memory of a process"};
    }
}
