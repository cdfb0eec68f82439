// SPDX-License-Identifier: MIT
#include "libfiona/ingest/legacy_pipe.h"

#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/base/text.h"
#include "libfiona/ingest/wakeup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace fiona::ingest {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds patience_for_the_end{1};

/// Whether a process has the FIFO open for reading.
bool has_reader(const fs::path& fifo)
{
    return static_cast<bool>(
        UniqueFd{::open(fifo.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW)});
}

} // namespace

std::vector<std::string> LineSplitter::add(std::string_view piece)
{
    std::vector<std::string> lines;
    for (;;) {
        const auto end = piece.find('\n');
        m_rest += m_is_dropping ? std::string_view{} : piece.substr(0, end);
        if (m_rest.size() > longest) {
            m_is_dropping = true;
            ++m_dropped;
            m_rest.clear();
        }
        if (end == std::string_view::npos) {
            return lines;
        }
        if (auto line = take_rest(); !line.empty()) {
            lines.push_back(std::move(line));
        }
        m_is_dropping = false;
        piece.remove_prefix(end + 1);
    }
}

std::string LineSplitter::take_rest()
{
    const auto rest = std::exchange(m_rest, {});
    return std::string{trimmed(rest)};
}

std::size_t LineSplitter::take_dropped()
{
    return std::exchange(m_dropped, 0);
}

LegacyPipe::LegacyPipe(const Config& config)
    : m_path{config.paths.data / "run" / fmt::format("processSingleFile{}.pipe", config.project)}
{
    make_directories(m_path.parent_path());
    m_fd = open_fifo(m_path);
}

std::vector<std::string> LegacyPipe::take_lines(std::chrono::steady_clock::time_point now)
{
    std::array<char, 4096> piece{};
    const auto got = ::read(m_fd.get(), piece.data(), piece.size());
    std::vector<std::string> lines;
    if (got > 0) {
        m_last_piece = now;
        lines = m_lines.add({piece.data(), static_cast<std::size_t>(got)});
    } else if (m_lines.has_rest() && now - m_last_piece >= patience_for_the_end) {
        if (auto line = m_lines.take_rest(); !line.empty()) {
            lines.push_back(std::move(line));
        }
    }
    if (const auto dropped = m_lines.take_dropped(); dropped > 0) {
        log::warn("line_refused", {{"lines", dropped}, {"reason", "too long"}});
    }
    return lines;
}

fs::path OldPipeName::name(const Config& config)
{
    return fmt::format("/tmp/.processSingleFilePipe{}",
                       percent_encoded(config.project).substr(config.project.empty() ? 1 : 0));
}

OldPipeName::OldPipeName(const Config& config, fs::path target)
    : m_name{name(config)}, m_target{std::move(target)}
{
    struct stat status {};
    if (::lstat(m_name.c_str(), &status) == 0) {
        const bool is_ours = status.st_uid == ::geteuid();
        if (!is_ours || (!S_ISLNK(status.st_mode) && !S_ISFIFO(status.st_mode))) {
            throw Error{Fault::config, "{} is in the way and is not ours", m_name.native()};
        }
        if (S_ISFIFO(status.st_mode) && has_reader(m_name)) {
            throw Error{Fault::temporary, "another program reads {}: stop it first",
                        m_name.native()};
        }
    }
    // By rename, so that nobody ever finds nothing there. The sticky bit of /tmp protects what is ours.
    const auto temporary = fmt::format("{}.{}", m_name.native(), ::getpid());
    ::unlink(temporary.c_str());
    if (::symlink(m_target.c_str(), temporary.c_str()) != 0
        || ::rename(temporary.c_str(), m_name.c_str()) != 0) {
        const int reason = errno;
        ::unlink(temporary.c_str());
        throw os_error(reason, fmt::format("make the link {}", m_name.native()));
    }
}

OldPipeName::~OldPipeName()
{
    std::error_code problem;
    if (fs::read_symlink(m_name, problem) == m_target) {
        ::unlink(m_name.c_str());
    }
}

} // namespace fiona::ingest
