// SPDX-License-Identifier: MIT
#include "libfiona/inventory/lines.h"

#include "libfiona/base/error.h"
#include "libfiona/base/text.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace fiona::inventory {

LineReader::LineReader(const std::filesystem::path& file)
{
    if (file != "-") {
        m_owned = UniqueFd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
        if (!m_owned) {
            throw os_error(errno, "open " + file.native());
        }
        m_fd = m_owned.get();
    }
}

bool LineReader::refill()
{
    constexpr std::size_t piece = 65'536;
    std::array<char, piece> bytes{};
    ssize_t got = 0;
    do {
        got = ::read(m_fd, bytes.data(), bytes.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        throw os_error(errno, "read the lines");
    }
    m_buffer.append(bytes.data(), static_cast<std::size_t>(got));
    return got > 0;
}

std::optional<std::string> LineReader::next()
{
    bool is_too_long = false;
    while (true) {
        const auto end = m_buffer.find('\n');
        if (end == std::string::npos && !m_is_over) {
            if (m_buffer.size() > max_line_bytes) {
                is_too_long = true;
                m_buffer.clear();
            }
            m_is_over = !refill();
            continue;
        }
        if (end == std::string::npos && m_buffer.empty() && !is_too_long) {
            return std::nullopt;
        }
        std::string line = m_buffer.substr(0, end);
        m_buffer.erase(0, end == std::string::npos ? end : end + 1);
        ++m_number;
        if (is_too_long || line.size() > max_line_bytes) {
            throw Error{Fault::data, "line {}: more than a megabyte", m_number};
        }
        if (!trimmed(line).empty()) {
            return line;
        }
    }
}

} // namespace fiona::inventory
