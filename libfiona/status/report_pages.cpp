// SPDX-License-Identifier: MIT
#include "libfiona/status/report_pages.h"

#include "libfiona/base/html.h"
#include "libfiona/status/chart.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace fiona::status {

namespace {

constexpr unsigned days_shown = 30;

// prefers-color-scheme decides; everything else has the colours by name.
constexpr std::string_view style = R"(
:root{color-scheme:light dark;--back:#f6f7f9;--card:#fff;--text:#1b2430;--soft:#5b6675;--edge:#d9dee5;
--good:#1a7f4b;--warn:#9a6400;--bad:#b42318;--ink:#2563a8;--fill:#2563a826}
@media (prefers-color-scheme:dark){:root{--back:#12161c;--card:#1b212a;--text:#e6eaf0;--soft:#9aa5b3;
--edge:#323b47;--good:#4cc38a;--warn:#f0b429;--bad:#ff7a6b;--ink:#6fb1f5;--fill:#6fb1f533}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1240px;padding:12px 16px 32px;background:var(--back);color:var(--text);
font:15px/1.45 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.35rem;margin:.2em 0}h2{font-size:1.05rem;margin:1.6em 0 .5em}
header{display:flex;flex-wrap:wrap;gap:4px 20px;align-items:baseline;justify-content:space-between}
nav a{margin-right:14px}a{color:var(--ink)}.soft{color:var(--soft)}
.grid,.tiles{display:grid;gap:12px}.grid{grid-template-columns:repeat(auto-fill,minmax(min(100%,340px),1fr))}
.tiles{grid-template-columns:repeat(auto-fill,minmax(min(100%,170px),1fr))}
.tile,figure,.card{background:var(--card);border:1px solid var(--edge);border-radius:8px;padding:10px 12px;margin:0}
.tile b{display:block;font-size:1.3rem;line-height:1.25}.tile span{color:var(--soft);font-size:.87rem}
figcaption{font-size:.9rem;color:var(--soft);margin-bottom:4px}
svg{display:block;width:100%;height:auto}svg text{font:11px system-ui,sans-serif;fill:var(--soft)}
.grid .bar,.bar{fill:var(--ink)}svg .grid{stroke:var(--edge);stroke-width:1}
.line{fill:none;stroke:var(--ink);stroke-width:1.6}.area{fill:var(--fill);stroke:none}
ul{list-style:none;margin:0;padding:0}li{padding:7px 0;border-top:1px solid var(--edge)}li:first-child{border:0}
li small{display:block;color:var(--soft)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:5px 8px 5px 0;border-top:1px solid var(--edge);
vertical-align:top}th{color:var(--soft);font-weight:500;border:0}td.n{white-space:nowrap}
.good{color:var(--good)}.warn{color:var(--warn)}.bad{color:var(--bad)}
img{max-width:100%;height:auto;display:block;border-radius:4px})";

std::string page(const Summary& summary, std::string_view title, const std::string& body)
{
    return fmt::format("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
                       "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                       "style-src 'unsafe-inline'; img-src 'self' data:\">\n"
                       "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                       "<meta name=\"referrer\" content=\"no-referrer\">\n"
                       "<title>fiona: {0}</title>\n<style>{1}\n</style></head>\n<body>\n"
                       "<header><h1>{0}</h1><span class=\"soft\">{2}, {3}</span></header>\n"
                       "<nav><a href=\"index.html\">Site</a><a href=\"jobs.html\">Jobs</a>"
                       "<a href=\"review.html\">Review</a></nav>\n{4}</body></html>\n",
                       html_escaped(title), style, html_escaped(summary.host),
                       local_minute(summary.when), body);
}

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

/// Not of age_text(), whose units are no round parts of each other.
std::string minutes_label(double minutes)
{
    return fmt::format("{:g} min", minutes);
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

    void tiles()
    {
        using enum RequestState;
        m_body += "<h2>Now</h2>\n<div class=\"tiles\">\n";
        m_body += tile(std::to_string(m_summary.arrived_today),
                       fmt::format("studies today, {} in 7 days", m_summary.arrived_week));
        m_body += tile(std::to_string(m_summary.spool.count), "objects in the spool");
        m_body += tile(std::to_string(requests(waiting) + requests(postponed)), "requests waiting");
        m_body += tile(std::to_string(requests(in_work)), "requests in work");
        m_body += tile(std::to_string(requests(held)), "requests held");
        m_body += tile(std::to_string(requests(failed)), "requests given up",
                       requests(failed) > 0 ? "warn" : "");
        for (const auto& disk : m_summary.disks) {
            m_body +=
                tile(fmt::format("{} %", disk.space.used_percent()),
                     fmt::format("disk {}, {} free", disk.name, bytes_text(disk.space.free_bytes)),
                     disk.state == store::DiskState::ok ? "" : "bad");
        }
        for (const auto& daemon : m_summary.daemons) {
            if (daemon.is_expected || daemon.pid != 0) {
                m_body += tile(daemon.pid != 0 ? "runs" : "down", daemon.name,
                               daemon.pid != 0 ? "good" : "bad");
            }
        }
        for (const auto& peer : m_summary.peers) {
            m_body +=
                tile(peer.answers ? "answers" : "silent", peer.name, peer.answers ? "good" : "bad");
        }
        m_body += "</div>\n";
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
        for (std::size_t i = 0; i < all.size();
             i += i + 1 < all.size() ? std::min(step, all.size() - 1 - i) : 1) {
            chart.points.push_back({static_cast<double>(epoch_seconds(all[i].when)), value(all[i]),
                                    local_minute(all[i].when)});
        }
        m_body += line_chart(chart);
    }

    void history()
    {
        m_body += "<h2>Over time</h2>\n<div class=\"grid\">\n";
        const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
        add_history(
            "Requests not yet done", [=](const auto& point) { return number(point.requests); },
            count_text);
        add_history(
            "Age of the oldest request",
            [=](const auto& point) { return number(point.request_seconds / 60); }, minutes_label);
        add_history(
            "Objects in the spool", [=](const auto& point) { return number(point.spool); },
            count_text);
        add_history(
            "Age of the oldest object there",
            [=](const auto& point) { return number(point.spool_seconds / 60); }, minutes_label);
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
        for (const auto& [reason, count] : m_summary.failures) {
            m_body += fmt::format("<li>{} &times; {}</li>\n", count, html_escaped(reason));
        }
        m_body += "</ul></div>\n";
    }

    const Summary& m_summary;
    std::string m_body;
};

std::string job_row(const Summary& summary, const store::RunName& name,
                    const std::optional<store::KnownRun>& run, std::string_view schedule,
                    bool is_overdue)
{
    using State = store::KnownRun::State;
    std::string state = "never ran";
    std::string_view look = is_overdue ? "warn" : "";
    std::string since = "-";
    if (run) {
        since = age_text(summary.when
                         - (run->state == State::ended ? run->last->ended : run->run.started));
        state = run->state == State::running  ? "runs"
                : run->state == State::killed ? "killed"
                : run->last->exit_code == 0   ? "ok"
                                              : fmt::format("exit {}", run->last->exit_code);
        look = state == "ok" || state == "runs" ? (is_overdue ? "warn" : "good") : "bad";
    }
    return fmt::format(
        "<tr><td>{}<br><span class=\"soft\">{}</span></td><td class=\"n {}\">{}{}</td>"
        "<td class=\"n\">{}</td></tr>\n",
        html_escaped(title_of(name)), html_escaped(schedule), look, state,
        is_overdue ? ", overdue" : "", since);
}

std::string jobs_body(const Summary& summary)
{
    std::string body = "<h2>The last run of each</h2>\n<div class=\"card\"><table>\n"
                       "<tr><th>Job</th><th>Result</th><th>Ago</th></tr>\n";
    for (const auto& state : summary.jobs) {
        body += job_row(summary, state.job.name, state.run, state.job.schedule, state.is_overdue);
    }
    for (const auto& run : summary.other_runs) {
        body += job_row(summary, run.run.name, run, "by hand", false);
    }
    return body + "</table></div>\n";
}

std::string review_body(const std::vector<std::string>& sheets)
{
    std::string body =
        "<p>Series in which burned-in text was hidden, as they were sent: a few frames of each, "
        "named by "
        "its new series UID. Whoever still reads a name here should hold the project and tell "
        "the site's operators.</p>\n<div class=\"grid\">\n";
    if (sheets.empty()) {
        body = "<p>No masked series is waiting for a look.</p>\n<div>";
    }
    for (const auto& sheet : sheets) {
        const auto name = html_escaped(sheet);
        body += fmt::format("<figure><figcaption>{}</figcaption><a href=\"review/{}\"><img "
                            "loading=\"lazy\" src=\"review/{}\" alt=\"frames of a masked series\">"
                            "</a></figure>\n",
                            html_escaped(sheet.substr(0, sheet.rfind('.'))), name, name);
    }
    return body + "</div>\n";
}

} // namespace

std::map<std::string, std::string> report_pages(const Summary& summary,
                                                const std::vector<std::string>& sheets)
{
    return {{"index.html", page(summary, "Site", SitePage{summary}.body())},
            {"jobs.html", page(summary, "Jobs", jobs_body(summary))},
            {"review.html", page(summary, "Review of masked series", review_body(sheets))}};
}

} // namespace fiona::status
