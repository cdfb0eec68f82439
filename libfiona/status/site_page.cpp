// SPDX-License-Identifier: MIT
#include "libfiona/status/site_page.h"

#include "libfiona/base/html.h"
#include "libfiona/status/chart.h"

#include <fmt/format.h>

#include <algorithm>

namespace fiona::status {

namespace {

constexpr unsigned days_shown = 30;

std::string tile(std::string_view value, std::string_view label, std::string_view look = {})
{
    return fmt::format("<div class=\"tile\"><b class=\"{}\">{}</b><span>{}</span></div>\n", look,
                       html_escaped(value), html_escaped(label));
}

std::string count_text(double value)
{
    return value >= 10'000 ? fmt::format("{:.0f}k", value / 1000) : fmt::format("{:g}", value);
}

std::string bytes_label(double value)
{
    return bytes_text(static_cast<std::uint64_t>(std::max(0.0, value)));
}

/// What a plot of ages counts in: one unit for its whole axis, which age_text() has not.
struct AgeUnit {
    double seconds;
    std::string_view name;
};

AgeUnit unit_for(double most_seconds)
{
    constexpr AgeUnit minute{60, "min"};
    constexpr AgeUnit hour{3600, "h"};
    constexpr AgeUnit day{86400, "d"};
    return most_seconds >= 2 * day.seconds ? day : most_seconds >= 2 * hour.seconds ? hour : minute;
}

class SitePage {
public:
    explicit SitePage(const Summary& summary) : m_summary{summary} {}

    std::string body()
    {
        troubles();
        tiles();
        days();
        history();
        failures();
        return std::move(m_body);
    }

private:
    void troubles()
    {
        m_body += "<h2>What to do</h2>\n<div class=\"card\"><ul>\n";
        if (m_summary.troubles.empty()) {
            m_body += "<li class=\"good\">All is well: nothing needs a person.</li>\n";
        }
        for (const auto& trouble : m_summary.troubles) {
            const bool is_critical = trouble.severity == Trouble::Severity::critical;
            m_body += fmt::format("<li><span class=\"{}\">{} {}</span><small>{}</small></li>\n",
                                  is_critical ? "bad" : "warn", is_critical ? "&#9679;" : "&#9675;",
                                  html_escaped(trouble.what), html_escaped(trouble.next));
        }
        m_body += "</ul></div>\n";
    }

    [[nodiscard]] std::size_t requests(RequestState state) const
    {
        const auto found = m_summary.requests.find(state);
        return found == m_summary.requests.end() ? 0 : found->second.count;
    }

    void add_count(Part part, std::size_t count, std::string_view label, std::string_view look = {})
    {
        const bool is_known = m_summary.knows(part);
        m_body += tile(is_known ? std::to_string(count) : "?", label, is_known ? look : "bad");
    }

    void tiles()
    {
        using enum RequestState;
        m_body += "<h2>Now</h2>\n<div class=\"tiles\">\n";
        add_count(
            Part::arrivals, m_summary.arrived_today,
            fmt::format("studies today, {} in 7 days", m_summary.knows(Part::arrivals)
                                                           ? std::to_string(m_summary.arrived_week)
                                                           : "?"));
        add_count(Part::spool, m_summary.spool.count, "objects in the spool");
        add_count(Part::requests, requests(waiting) + requests(postponed), "requests waiting");
        add_count(Part::requests, requests(in_work), "requests in work");
        add_count(Part::requests, requests(held), "requests held");
        add_count(Part::requests, requests(failed), "requests given up",
                  requests(failed) > 0 ? "warn" : "");
        site_tiles();
        m_body += "</div>\n";
    }

    void site_tiles()
    {
        if (m_summary.knows(Part::disks)) {
            for (const auto& disk : m_summary.disks) {
                m_body += tile(
                    fmt::format("{} %", disk.space.used_percent()),
                    fmt::format("disk {}, {} free", disk.name, bytes_text(disk.space.free_bytes)),
                    disk.state == store::DiskState::ok ? "" : "bad");
            }
        } else {
            m_body += tile("?", "disks", "bad");
        }
        if (m_summary.knows(Part::daemons)) {
            for (const auto& daemon : m_summary.daemons) {
                if (daemon.is_expected || daemon.pid != 0) {
                    m_body += tile(daemon.pid != 0 ? "runs" : "down", daemon.name,
                                   daemon.pid != 0 ? "good" : "bad");
                }
            }
        } else {
            m_body += tile("?", "daemons", "bad");
        }
        for (const auto& peer : m_summary.peers) {
            m_body +=
                tile(peer.answers ? "answers" : "silent", peer.name, peer.answers ? "good" : "bad");
        }
    }

    void add_days(const std::string& title, const std::function<double(const DayCounts&)>& value,
                  const std::function<std::string(double)>& text)
    {
        Chart chart{title, {}, text};
        for (const auto& day : last_days(m_summary.when, days_shown)) {
            const auto found = m_summary.days.days.find(day);
            chart.points.push_back(
                {0, found == m_summary.days.days.end() ? 0 : value(found->second), day});
        }
        m_body += bar_chart(chart);
    }

    void days()
    {
        if (!m_summary.knows(Part::arrivals)) {
            return; // a plot of nothing would say that nothing was done
        }
        m_body += "<h2>The last 30 days</h2>\n<div class=\"grid\">\n";
        const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
        add_days(
            "Studies arrived", [=](const auto& day) { return number(day.arrived); }, count_text);
        add_days(
            "Transfers sent", [=](const auto& day) { return number(day.sent); }, count_text);
        add_days(
            "Transfers failed", [=](const auto& day) { return number(day.failed); }, count_text);
        add_days(
            "Images sent", [=](const auto& day) { return number(day.images); }, count_text);
        add_days(
            "Bytes sent", [=](const auto& day) { return number(day.bytes); }, bytes_label);
        add_days(
            "Images masked", [=](const auto& day) { return number(day.masked); }, count_text);
        m_body += "</div>\n";
    }

    void add_history(const std::string& title,
                     const std::function<double(const HistoryPoint&)>& value,
                     const std::function<std::string(double)>& text)
    {
        constexpr std::size_t most_points = 700; // two for each column of pixels
        const auto& all = m_summary.history;
        const auto step = all.size() / most_points + 1;
        Chart chart{title, {}, text};
        for (std::size_t begin = 0; begin < all.size(); begin += step) {
            ChartPoint
                highest; // of the step: a short time of trouble must not fall between two points
            for (auto i = begin; i < std::min(begin + step, all.size()); ++i) {
                const auto y = value(all[i]);
                if (i == begin || y >= highest.y) {
                    highest = {static_cast<double>(epoch_seconds(all[i].when)), y,
                               local_minute(all[i].when)};
                }
            }
            chart.points.push_back(std::move(highest));
        }
        m_body += line_chart(chart);
    }

    void add_ages(const std::string& title, std::uint64_t HistoryPoint::*seconds)
    {
        double most = 0;
        for (const auto& point : m_summary.history) {
            most = std::max(most, static_cast<double>(point.*seconds));
        }
        const auto unit = unit_for(most);
        add_history(
            title,
            [=](const auto& point) { return static_cast<double>(point.*seconds) / unit.seconds; },
            [=](double value) { return fmt::format("{:g} {}", value, unit.name); });
    }

    void history()
    {
        m_body += "<h2>Over time</h2>\n<div class=\"grid\">\n";
        const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
        add_history(
            "Requests not yet done", [=](const auto& point) { return number(point.requests); },
            count_text);
        add_ages("Age of the oldest request", &HistoryPoint::request_seconds);
        add_history(
            "Objects in the spool", [=](const auto& point) { return number(point.spool); },
            count_text);
        add_ages("Age of the oldest object there", &HistoryPoint::spool_seconds);
        add_history(
            "Bytes received, in all",
            [=](const auto& point) { return number(point.received_bytes); }, bytes_label);
        add_history(
            "Disk of the archive, used",
            [=](const auto& point) { return number(point.disk_used_bytes); }, bytes_label);
        m_body += "</div>\n";
    }

    void failures()
    {
        if (m_summary.failures.empty()) {
            return;
        }
        m_body += "<h2>Why requests failed in the last 24 hours</h2>\n<div class=\"card\"><ul>\n";
        constexpr std::size_t most_reasons = 20;
        for (const auto& line : frequent_reasons(m_summary.failures, most_reasons)) {
            m_body += fmt::format("<li>{}</li>\n", html_escaped(line));
        }
        m_body += "</ul></div>\n";
    }

    const Summary& m_summary;
    std::string m_body;
};

} // namespace

std::string site_body(const Summary& summary)
{
    return SitePage{summary}.body();
}

} // namespace fiona::status
