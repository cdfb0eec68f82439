// SPDX-License-Identifier: MIT
#include "libfiona/status/report_pages.h"

#include "libfiona/base/html.h"
#include "libfiona/status/site_page.h"

#include <fmt/format.h>

namespace fiona::status {

namespace {

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
.line{fill:none;stroke:var(--ink);stroke-width:1.6}.area{fill:var(--fill);stroke:none}.dot{fill:var(--ink)}
ul{list-style:none;margin:0;padding:0}li{padding:7px 0;border-top:1px solid var(--edge)}li:first-child{border:0}
li small{display:block;color:var(--soft)}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:5px 8px 5px 0;border-top:1px solid var(--edge);
vertical-align:top}th{color:var(--soft);font-weight:500;border:0;white-space:nowrap}td.n{white-space:nowrap}
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

std::string job_row(const Summary& summary, const JobState& job)
{
    using State = store::KnownRun::State;
    std::string state = "never ran";
    std::string since = "-";
    if (const auto& run = job.run) {
        since = age_text(summary.when
                         - (run->state == State::ended ? run->last->ended : run->run.started));
        state = run->state == State::running  ? "runs"
                : run->state == State::killed ? "killed"
                : run->last->exit_code == 0   ? "ok"
                                              : fmt::format("exit {}", run->last->exit_code);
    }
    const bool is_well = state == "ok" || state == "runs";
    const auto* const look = is_bad(job) ? (is_well || !job.run ? "warn" : "bad")
                             : is_well   ? "good"
                                         : "";
    return fmt::format(
        "<tr><td>{}<br><span class=\"soft\">{}</span></td><td class=\"n {}\">{}{}</td>"
        "<td class=\"n\">{}</td></tr>\n",
        html_escaped(title_of(job.job.name)), html_escaped(job.job.schedule), look, state,
        job.is_overdue ? ", overdue" : "", since);
}

std::string jobs_body(const Summary& summary)
{
    if (!summary.knows(Part::jobs)) {
        return "<p class=\"bad\">The runs of the jobs cannot be looked at.</p>\n";
    }
    std::string body = "<h2>The last run of each</h2>\n<div class=\"card\"><table>\n"
                       "<tr><th>Job</th><th>Result</th><th>Ago</th></tr>\n";
    for (const auto& job : summary.jobs) {
        body += job_row(summary, job);
    }
    for (const auto& run : summary.other_runs) {
        JobState job;
        job.job.name = run.run.name;
        job.job.schedule = "by hand";
        job.run = run;
        body += job_row(summary, job);
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
    return {{"index.html", page(summary, "Site", site_body(summary))},
            {"jobs.html", page(summary, "Jobs", jobs_body(summary))},
            {"review.html", page(summary, "Review of masked series", review_body(sheets))}};
}

} // namespace fiona::status
