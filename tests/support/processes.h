// SPDX-License-Identifier: MIT
// Who runs: for tests that kill. Other tests run at the same time, so that a name alone is not enough.
#pragma once

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"

#include <fmt/format.h>

#include <sys/types.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

/// A file of /proc; empty if its process has ended.
inline std::string process_file(const std::filesystem::path& file)
{
    try {
        return fiona::read_file_if_any(file).value_or("");
    } catch (const fiona::Error&) { // ESRCH: it ended while we read
        return {};
    }
}

/// The children of a process, those that were not waited for too.
inline std::vector<pid_t> children_of(pid_t parent)
{
    std::vector<pid_t> children;
    const auto text = process_file(fmt::format("/proc/{0}/task/{0}/children", parent));
    for (const auto word : fiona::split(text, ' ')) {
        pid_t child = 0;
        if (std::from_chars(word.data(), word.data() + word.size(), child).ec == std::errc{}) {
            children.push_back(child);
        }
    }
    return children;
}

/// The tools that run with `config` on their command line, by name: those of one site and of no other.
inline std::map<std::string, std::vector<pid_t>> tools_of(const std::filesystem::path& config)
{
    std::map<std::string, std::vector<pid_t>> found;
    std::error_code gone;
    for (const auto& entry : std::filesystem::directory_iterator{"/proc", gone}) {
        const auto number = entry.path().filename().native();
        if (number.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        const auto line = process_file(entry.path() / "cmdline");
        const auto words = fiona::split(line, '\0');
        const auto name = std::filesystem::path{words.front()}.filename().native();
        if (name.starts_with("fiona-")
            && std::ranges::find(words, std::string_view{config.native()}) != words.end()) {
            found[name].push_back(std::stoi(number));
        }
    }
    return found;
}
