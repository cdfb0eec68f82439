// SPDX-License-Identifier: MIT
#include "libfiona/cli/progress.h"

#include "libfiona/cli/tool.h"

#include <fmt/format.h>

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace fiona::cli {

namespace {

constexpr std::chrono::milliseconds between_two_drawings{100};
constexpr std::size_t widest_bar = 40;
constexpr std::size_t narrowest_bar = 8;

/// The line that stands on a terminal now.
struct Drawn {
    int fd = -1;
    std::size_t columns = 0;
};
Drawn g_drawn;

std::size_t width_of_terminal(int fd)
{
    constexpr std::size_t usual = 80;
    winsize size{};
    return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col : usual;
}

// A terminal that takes nothing more is no reason to stop the work.
void put(int fd, const std::string& text)
{
    [[maybe_unused]] const auto ignored = ::write(fd, text.data(), text.size());
}

/// The first `columns` characters.
std::string_view cut(std::string_view text, std::size_t columns)
{
    std::size_t end = 0;
    while (end < text.size()
           && ((static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U || columns-- > 0)) {
        ++end;
    }
    return text.substr(0, end);
}

} // namespace

std::string progress_line(std::string_view label, std::size_t done, std::size_t total,
                          std::size_t columns)
{
    done = std::min(done, total);
    const double share = total == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(total);
    const auto numbers =
        fmt::format(" {:3} %  {}/{}", static_cast<unsigned>(share * 100), done, total);
    constexpr std::size_t frame = 3; // the blank before, and two brackets
    const auto taken = columns_of(label) + numbers.size() + frame;
    if (taken + narrowest_bar > columns) {
        const auto room = columns - std::min(columns, numbers.size());
        return std::string{cut(label, room)} + std::string{cut(numbers, columns)};
    }
    const auto bar = std::min(columns - taken, widest_bar);
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(bar));
    return fmt::format("{} [{}{}]{}", label, std::string(filled, '#'),
                       std::string(bar - filled, ' '), numbers);
}

// Blanks instead of an escape sequence: every terminal knows them.
void erase_progress()
{
    if (g_drawn.fd >= 0) {
        put(g_drawn.fd, "\r" + std::string(g_drawn.columns, ' ') + "\r");
        g_drawn = {};
    }
}

Progress::Progress(const Tool& tool, std::string label, std::size_t total)
    : Progress{tool.shows_progress() ? STDERR_FILENO : -1, std::move(label), total}
{
}

Progress::Progress(int fd, std::string label, std::size_t total, std::chrono::milliseconds delay)
    : m_fd{fd}, m_label{std::move(label)}, m_total{total}, m_next{std::chrono::steady_clock::now()
                                                                  + delay}
{
}

Progress::~Progress()
{
    if (m_fd >= 0) {
        erase_progress();
    }
}

void Progress::advance(std::size_t steps)
{
    m_done += steps;
    const auto now = std::chrono::steady_clock::now();
    if (m_fd < 0 || now < m_next) {
        return;
    }
    m_next = now + between_two_drawings;
    erase_progress();
    // The last column stays free: some terminals go to the next line behind it.
    const auto line = progress_line(m_label, m_done, m_total, width_of_terminal(m_fd) - 1);
    put(m_fd, line);
    g_drawn = {m_fd, columns_of(line)};
}

} // namespace fiona::cli
