// SPDX-License-Identifier: MIT
#include "libfiona/pacs/receiver_children.h"

#include "libfiona/base/error.h"
#include "libfiona/base/log.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

namespace fiona::pacs {

namespace {

constexpr std::chrono::minutes host_memory{10};
constexpr std::size_t max_known_hosts = 4096;
constexpr std::size_t max_refusals = 8;
constexpr int longest_wait_ms = 1000;
constexpr std::chrono::seconds for_the_killed{2};

} // namespace

Children::Children()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        throw os_error(errno, "make a pipe");
    }
    m_reports = UniqueFd{ends[0]};
    m_report_end = UniqueFd{ends[1]};
}

void Children::add_association(pid_t child, ReceiverStatus::Child state)
{
    m_associations[child] = std::move(state);
    m_has_news = true;
}

void Children::add_refusal(pid_t child)
{
    m_refusals.insert(child);
    m_has_news = true;
}

void Children::add_reporter(pid_t child)
{
    m_reporter = child;
    m_has_news = true;
}

std::size_t Children::associations_of(const std::string& address) const
{
    return static_cast<std::size_t>(std::ranges::count_if(
        m_associations, [&](const auto& entry) { return entry.second.report.address == address; }));
}

bool Children::may_refuse() const
{
    return m_refusals.size() < max_refusals;
}

std::optional<std::string> Children::known_host(const std::string& address) const
{
    const auto found = m_hosts.find(address);
    if (found == m_hosts.end() || found->second.until < Steady::now()) {
        return std::nullopt;
    }
    return found->second.name;
}

void Children::read_reports()
{
    while (auto report = next_report(m_reports.get())) {
        if (!report->host.empty()) {
            if (m_hosts.size() >= max_known_hosts) {
                m_hosts.clear();
            }
            m_hosts[report->address] = {report->host, Steady::now() + host_memory};
        }
        if (const auto child = m_associations.find(report->pid); child != m_associations.end()) {
            child->second.report = std::move(*report);
            m_has_news = true;
        }
    }
}

void Children::reap()
{
    int how = 0;
    for (pid_t child = 0; (child = ::waitpid(-1, &how, WNOHANG)) > 0;) {
        read_reports(); // its last words are in the pipe before it is gone
        if (WIFSIGNALED(how)) {
            // What it had not acknowledged was never ours; what it had is durable.
            log::error("association_crashed", {{"process", child}, {"signal", WTERMSIG(how)}});
        }
        m_has_news = m_associations.erase(child) != 0 || m_has_news;
        m_refusals.erase(child);
        if (m_reporter == child) {
            m_reporter.reset();
            m_has_news = true;
        }
    }
}

bool Children::take_news()
{
    return std::exchange(m_has_news, false);
}

void Children::finish(std::chrono::seconds grace, const Signals& signals)
{
    signal_all(SIGTERM);
    wait(Steady::now() + grace, signals);
    if (is_any_left()) {
        log::warn("associations_killed", {{"associations", m_associations.size()}});
        signal_all(SIGKILL);
        wait(Steady::now() + for_the_killed, signals);
    }
}

bool Children::is_any_left() const
{
    return !m_associations.empty() || !m_refusals.empty() || m_reporter;
}

void Children::signal_all(int number) const
{
    for (const auto& [child, state] : m_associations) {
        ::kill(child, number);
    }
    for (const auto child : m_refusals) {
        ::kill(child, number);
    }
    if (m_reporter) {
        ::kill(*m_reporter, number);
    }
}

void Children::wait(Steady::time_point deadline, const Signals& signals)
{
    reap();
    while (is_any_left() && Steady::now() < deadline) {
        pollfd one{signals.fd(), POLLIN, 0};
        ::poll(&one, 1, longest_wait_ms);
        while (signals.next() != 0) {
        }
        reap();
    }
}

} // namespace fiona::pacs
