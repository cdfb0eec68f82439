// SPDX-License-Identifier: MIT
#include "libfiona/status/summary.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

/// The summary for people: one screen of 80 columns, without colours.
namespace fiona::status {

namespace {

constexpr std::size_t columns = 80;
constexpr std::size_t label_columns = 11;
constexpr std::string_view not_seen = "NOT KNOWN, see below";

std::size_t width_of(std::string_view text)
{
    return static_cast<std::size_t>(std::ranges::count_if(
        text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

/// What would not fit ends in `...`.
std::string cut(std::string text, std::size_t most)
{
    constexpr std::string_view dots = "...";
    if (width_of(text) <= most) {
        return text;
    }
    while (!text.empty() && width_of(text) > most - dots.size()) {
        text.pop_back();
        while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U) {
            text.pop_back();
        }
    }
    return text + std::string{dots};
}

std::string padded(std::string text, std::size_t width)
{
    text = cut(std::move(text), width);
    return text + std::string(width - width_of(text), ' ');
}

/// Words over as many lines as they need.
std::vector<std::string> wrapped(std::string_view text, std::size_t most)
{
    std::vector<std::string> lines{""};
    while (!text.empty()) {
        const auto end = text.find(' ');
        const auto word = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        if (!lines.back().empty() && width_of(lines.back()) + 1 + width_of(word) > most) {
            lines.emplace_back();
        }
        lines.back() += (lines.back().empty() ? "" : " ") + std::string{word};
    }
    for (auto& line : lines) {
        line = cut(std::move(line), most);
    }
    return lines;
}

class Screen {
public:
    explicit Screen(const Summary& summary) : m_summary{summary} {}

    std::vector<std::string> lines()
    {
        head();
        arrivals();
        requests();
        disks();
        daemons();
        queues();
        jobs();
        troubles();
        return std::move(m_lines);
    }

private:
    void row(std::string_view label, std::string_view text)
    {
        auto first = std::string{label};
        for (const auto& line : wrapped(text, columns - label_columns)) {
            m_lines.push_back(padded(std::exchange(first, {}), label_columns) + line);
        }
    }

    /// The row of a part, if anybody knows how it stands.
    template <typename Text>
    void row(Part part, std::string_view label, const Text& text)
    {
        row(label, m_summary.knows(part) ? std::string{text()} : std::string{not_seen});
    }

    [[nodiscard]] std::string age(TimePoint since) const
    {
        return age_text(m_summary.when - since);
    }
    [[nodiscard]] std::string oldest(const Amounts& amounts) const
    {
        return amounts.oldest ? fmt::format(" (oldest {})", age(*amounts.oldest)) : "";
    }

    void head()
    {
        const auto count = m_summary.troubles.size();
        const auto verdict = count == 0   ? std::string{"all is well"}
                             : count == 1 ? "1 thing needs a person"
                                          : fmt::format("{} things need a person", count);
        const auto left =
            fmt::format("fiona on {}, {}", m_summary.host, local_minute(m_summary.when));
        const auto room = columns - width_of(verdict) - 2;
        m_lines.push_back(padded(left, room) + "  " + verdict);
    }

    void arrivals()
    {
        row(Part::arrivals, "arrivals", [&] {
            const auto last = m_summary.last_arrival
                                  ? fmt::format("; the last {} ago", age(*m_summary.last_arrival))
                                  : std::string{};
            const auto arriving =
                m_summary.arriving > 0 ? fmt::format("; {} arriving", m_summary.arriving) : "";
            return fmt::format("{} studies today, {} in 7 days{}{}", m_summary.arrived_today,
                               m_summary.arrived_week, last, arriving);
        });
        row(Part::spool, "spool", [&] {
            const auto& spool = m_summary.spool;
            return spool.count == 0 ? std::string{"empty"}
                                    : fmt::format("{} objects wait{}", spool.count, oldest(spool));
        });
    }

    void requests()
    {
        row(Part::requests, "requests", [&] {
            std::vector<std::string> parts;
            for (const auto& [state, amounts] : m_summary.requests) {
                if (amounts.count > 0) {
                    parts.push_back(
                        fmt::format("{} {}{}", amounts.count, name_of(state), oldest(amounts)));
                }
            }
            return parts.empty() ? std::string{"none"} : fmt::format("{}", fmt::join(parts, ", "));
        });
        row(Part::arrivals, "sent today", [&] {
            const auto today = m_summary.days.days.find(local_day(m_summary.when));
            const auto counts = today == m_summary.days.days.end() ? DayCounts{} : today->second;
            return fmt::format("{} studies, {} images, {}", counts.sent, counts.images,
                               bytes_text(counts.bytes));
        });
        if (!m_summary.failures.empty()) {
            constexpr std::size_t most_reasons = 5;
            row("failures", "in the last 24 hours:");
            for (const auto& line : frequent_reasons(m_summary.failures, most_reasons)) {
                row("", line);
            }
        }
    }

    void disks()
    {
        row(Part::disks, "disk", [&] {
            std::vector<std::string> parts;
            for (const auto& disk : m_summary.disks) {
                constexpr std::array<std::string_view, 3> words{"", ", LOW", ", FULL"};
                parts.push_back(fmt::format("{} {} % used, {} free{}", disk.name,
                                            disk.space.used_percent(),
                                            bytes_text(disk.space.free_bytes),
                                            words.at(static_cast<std::size_t>(disk.state))));
            }
            if (m_summary.full_when) {
                parts.push_back("full in " + age_text(*m_summary.full_when - m_summary.when));
            }
            return fmt::format("{}", fmt::join(parts, "; "));
        });
    }

    void daemons()
    {
        row(Part::daemons, "daemons", [&] {
            std::vector<std::string> parts;
            for (const auto& daemon : m_summary.daemons) {
                if (daemon.pid != 0) {
                    parts.push_back(fmt::format("{} runs ({})", daemon.name, daemon.pid));
                } else if (daemon.is_expected) {
                    parts.push_back(daemon.name + " DOES NOT RUN");
                }
            }
            return fmt::format("{}", fmt::join(parts, ", "));
        });
        std::vector<std::string> parts;
        for (const auto& peer : m_summary.peers) {
            parts.push_back(peer.answers
                                ? fmt::format("{} answers ({:.1f} s)", peer.name, peer.took.count())
                                : peer.name + " DOES NOT ANSWER");
        }
        row("peers", parts.empty() ? "not asked" : fmt::format("{}", fmt::join(parts, ", ")));
    }

    void queues()
    {
        std::vector<std::string> parts;
        for (const auto& queue : m_summary.queues) {
            if (queue.waiting > 0 || queue.failed > 0) {
                const auto failed =
                    queue.failed > 0 ? fmt::format(", {} given up", queue.failed) : "";
                parts.push_back(fmt::format("{} {}{}{}", queue.waiting, queue.name,
                                            oldest({queue.waiting, queue.oldest}), failed));
            }
        }
        if (!parts.empty()) {
            row("also wait", fmt::format("{}", fmt::join(parts, "; ")));
        }
        parts.clear();
        for (const auto& [kind, count] : m_summary.set_aside) {
            if (count > 0) {
                parts.push_back(fmt::format("{} {}", count, kind));
            }
        }
        if (!parts.empty() || !m_summary.knows(Part::set_aside)) {
            row(Part::set_aside, "set aside",
                [&] { return fmt::format("{}", fmt::join(parts, ", ")); });
        }
    }

    /// One cell: mark, name, exit code, how long ago.
    [[nodiscard]] std::string cell(const JobState& state) const
    {
        constexpr std::size_t name_columns = 24;
        using State = store::KnownRun::State;
        std::string code = "-";
        std::string since = "never";
        if (state.run) {
            since = age(state.run->last ? state.run->last->ended : state.run->run.started);
            code = state.run->state == State::killed ? "kill"
                   : state.run->state == State::running
                       ? "runs"
                       : std::to_string(state.run->last->exit_code);
        }
        auto title = title_of(state.job.name);
        if (title.starts_with("fiona-")) {
            title.erase(0, std::string_view{"fiona-"}.size());
        }
        if (width_of(title) > name_columns) { // their ends differ
            constexpr std::size_t end_columns = 11;
            title = title.substr(0, name_columns - end_columns - 2) + ".."
                    + title.substr(title.size() - end_columns);
        }
        return fmt::format("{} {} {:>4} {:>6}", is_bad(state) ? '!' : ' ',
                           padded(title, name_columns), code, since);
    }

    /// Two columns, read downwards.
    void jobs()
    {
        const auto& jobs = m_summary.jobs;
        if (jobs.empty() || !m_summary.knows(Part::jobs)) {
            row(Part::jobs, "jobs", [] { return "no crontab is known"; });
            return;
        }
        const auto late = std::ranges::count_if(jobs, &JobState::is_overdue);
        m_lines.push_back(fmt::format("jobs: name, last exit code, how long ago{}",
                                      late > 0 ? fmt::format("; {} overdue (!)", late) : ""));
        const auto rows = (jobs.size() + 1) / 2;
        for (std::size_t i = 0; i < rows; ++i) {
            auto line = cell(jobs[i]);
            if (i + rows < jobs.size()) {
                line += "  " + cell(jobs[i + rows]);
            }
            m_lines.push_back(line);
        }
    }

    void troubles()
    {
        if (m_summary.troubles.empty()) {
            return;
        }
        m_lines.emplace_back("what to do:");
        for (const auto& trouble : m_summary.troubles) {
            const bool is_critical = trouble.severity == Trouble::Severity::critical;
            auto mark = std::string{is_critical ? "!! " : " ! "};
            for (const auto& line : wrapped(trouble.what, columns - mark.size())) {
                m_lines.push_back(std::exchange(mark, "   ") + line);
            }
            for (const auto& line : wrapped(trouble.next, columns - mark.size() - 2)) {
                m_lines.push_back("     " + line);
            }
        }
    }

    const Summary& m_summary;
    std::vector<std::string> m_lines;
};

} // namespace

std::vector<std::string> as_lines(const Summary& summary)
{
    return Screen{summary}.lines();
}

} // namespace fiona::status
