// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/dates.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

namespace fiona::exports {

/// `<packages>/.status/<job>.json`: how far a package is, for the Export page. Replaced as a whole, at
/// most once a second but for a change of state.
class ProgressFile {
public:
    ProgressFile(const std::filesystem::path& packages, const std::string& job);

    void set_state(std::string_view state, std::string_view error = {});
    void set_counts(std::size_t received, std::size_t expected);
    void set_bytes(std::uint64_t bytes);
    [[nodiscard]] std::chrono::seconds elapsed() const;

    /// Removes those that nobody has changed for `age`.
    static void sweep(const std::filesystem::path& packages, std::chrono::hours age);

private:
    void write();

    std::filesystem::path m_file;
    TimePoint m_started;
    std::chrono::steady_clock::time_point m_begin;
    std::chrono::steady_clock::time_point m_next;
    std::string m_state = "pulling";
    std::string m_error;
    std::size_t m_received = 0;
    std::size_t m_expected = 0;
    std::uint64_t m_bytes = 0;
};

} // namespace fiona::exports
