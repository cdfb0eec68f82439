// SPDX-License-Identifier: MIT
#pragma once

#include "libfiona/base/config.h"
#include "libfiona/base/unique_fd.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

/// The FIFO by which programs of the original announce files: lines as in announcement.h.
namespace fiona::ingest {

/// Lines out of pieces of a stream. Ends of lines are LF; NULs and blanks around a line go, and so do
/// empty lines (rings of the doorbell). A line longer than `longest` bytes is dropped whole.
class LineSplitter {
public:
    static constexpr std::size_t longest = 16384; ///< a path of PATH_MAX and three names

    /// The lines that end in `piece`.
    [[nodiscard]] std::vector<std::string> add(std::string_view piece);
    /// What has no end yet; then it is nothing.
    [[nodiscard]] std::string take_rest();
    [[nodiscard]] bool has_rest() const { return !m_rest.empty(); }
    /// Lines dropped since the last call.
    [[nodiscard]] std::size_t take_dropped();

private:
    std::string m_rest;
    bool m_is_dropping = false;
    std::size_t m_dropped = 0;
};

class LegacyPipe {
public:
    /// Makes `<data>/run/processSingleFile<project>.pipe`, mode 0620. Throws Error{Fault::config} if
    /// something else has that name.
    explicit LegacyPipe(const Config& config);

    [[nodiscard]] int fd() const { return m_fd.get(); }
    [[nodiscard]] const std::filesystem::path& path() const { return m_path; }
    /// Lines that are there now, of one read(2); without waiting. A line that nobody has ended for a
    /// second counts as ended.
    [[nodiscard]] std::vector<std::string> take_lines(std::chrono::steady_clock::time_point now);
    /// Whether take_lines() is to be called again within a second, whatever comes.
    [[nodiscard]] bool has_rest() const { return m_lines.has_rest(); }

private:
    std::filesystem::path m_path;
    UniqueFd m_fd;
    LineSplitter m_lines;
    std::chrono::steady_clock::time_point m_last_piece;
};

/// The name that the original's FIFO had, `/tmp/.processSingleFilePipe<project>`, as a link to ours for
/// as long as the object lives. A dead FIFO or link of our own user is replaced. Throws
/// Error{Fault::temporary} if somebody reads a FIFO there, Fault::config if anything else is there.
class OldPipeName {
public:
    OldPipeName(const Config& config, std::filesystem::path target);
    OldPipeName(const OldPipeName&) = delete;
    OldPipeName& operator=(const OldPipeName&) = delete;
    ~OldPipeName();

    [[nodiscard]] static std::filesystem::path name(const Config& config);

private:
    std::filesystem::path m_name;
    std::filesystem::path m_target;
};

} // namespace fiona::ingest
