// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace fiona::cli {

class Tool;

/// How far a work of known size has come, as one line on standard error that is drawn anew in its
/// place. Nothing is drawn in the first second, nor unless somebody watches (Tool::shows_progress());
/// the line is gone when the object is. Log lines may come in between. One at a time, one thread.
class Progress {
public:
    /// `label`: UTF-8, never a value of a header.
    Progress(const Tool& tool, std::string label, std::size_t total);
    /// On the terminal `fd` (borrowed; -1: nowhere), after `delay`.
    Progress(int fd, std::string label, std::size_t total,
             std::chrono::milliseconds delay = std::chrono::milliseconds{1000});
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    void advance(std::size_t steps = 1);

private:
    int m_fd;
    std::string m_label;
    std::size_t m_total;
    std::size_t m_done = 0;
    std::chrono::steady_clock::time_point m_next; ///< not drawn before
};

/// `label [#####     ]  50 %  60/120`, at most `columns` wide: first the bar gets shorter, then it
/// goes, then the label is cut between two characters.
[[nodiscard]] std::string progress_line(std::string_view label, std::size_t done, std::size_t total,
                                        std::size_t columns);

/// Takes the line off the terminal until it is drawn again: before anything else is written there.
void erase_progress();

} // namespace fiona::cli
