// SPDX-License-Identifier: MIT
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/log.h"
#include "libfiona/cli/status_commands.h"
#include "libfiona/export/export_list.h"
#include "libfiona/export/settings.h"
#include "libfiona/ingest/file_daemon.h"
#include "libfiona/jobs/job_list.h"
#include "libfiona/outbox/item.h"
#include "libfiona/pacs/receiver_status.h"
#include "libfiona/pacs/research_pacs.h"
#include "libfiona/redcap/client.h"
#include "libfiona/wsi/upload_folder.h"

#include <algorithm>
#include <array>
#include <exception>
#include <functional>
#include <iostream>
#include <iterator>
#include <string_view>
#include <utility>

namespace fiona::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::chrono::seconds patience{3}; // of a probe

/// The site's crontab; where it has none, the shipped one.
struct Crontab {
    std::string text;
    bool is_of_the_site = true;
};

Crontab crontab_of(const Config& config, const std::string& given)
{
    if (given == "-") {
        return {{std::istreambuf_iterator<char>{std::cin}, {}}};
    }
    if (!given.empty()) {
        return {read_file(given)};
    }
    const auto* const section = config.document.find("STATUS");
    if (const auto named = section == nullptr ? "" : section->text("crontab"); !named.empty()) {
        return {read_file(named)};
    }
    if (const auto root = config.document.text("ROOT"); !root.empty()) {
        if (auto text = read_file_if_any(fs::path{root} / "crontab")) {
            return {std::move(*text)};
        }
    }
    return {read_file(shipped_file("crontab.example")), false};
}

std::uint64_t count_in(const json::Object& totals, const char* key)
{
    const auto found = totals.find(key);
    return found != totals.end() && found->second.is_integer()
               ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, found->second.integer()))
               : 0;
}

std::vector<status::Probe> probes_of(const Config& config)
{
    return {{"REDCap",
             [redcap = config.redcap]() mutable {
                 redcap.connect_timeout = patience;
                 redcap.timeout = patience;
                 redcap.deadline = patience;
                 redcap.rate_per_minute = 0;
                 redcap.state_dir.clear(); // neither a limit nor a circuit keeps us from asking
                 static_cast<void>(redcap::connect(redcap, redcap::Role::incoming)->version());
             }},
            {"research PACS", [&config] {
                 auto peer = pacs::research_pacs(config);
                 peer.timeout = patience;
                 pacs::echo(peer);
             }}};
}

status::OtherQueue packages_of(const Config& config)
{
    const auto settings = exports::read_settings(config);
    const auto listing = exports::ExportList{settings.list, settings.failed_list}.read();
    return {.name = "packages",
            .waiting = listing.jobs.size(),
            .oldest = std::nullopt,
            .failed = listing.failed,
            .next = "reasons in " + settings.failed_list.native()
                    + "; move the lines back, or delete them",
            .next_if_late = "fiona-create-zip status says why"};
}

status::OtherQueue jobs_of(const Config& config)
{
    constexpr std::chrono::hours recent{
        72}; // a weekend: a job that failed stays in its list for 90 days
    constexpr std::chrono::hours longest_job{72}; // with the wait for Slurm
    const auto now = Clock::now();
    const jobs::JobList list{config.paths.job_list()};
    status::OtherQueue queue;
    queue.name = "jobs";
    queue.failed = list.failed_since(now - recent);
    queue.next =
        fmt::format("of the last {} h; reasons in {} and {} beside the list", recent.count(),
                    list.shelf(jobs::JobList::Shelf::done).filename().native(),
                    list.shelf(jobs::JobList::Shelf::rejected).filename().native());
    queue.longest_wait = longest_job;
    queue.next_if_late = "fiona-run-one-job --dry-run says what it waits for";
    for (const auto& line : list.lines(now)) {
        if (line.job) {
            ++queue.waiting;
            queue.oldest = std::min(queue.oldest.value_or(line.job->date), line.job->date);
        }
    }
    return queue;
}

status::OtherQueue outbox_of(const Config& config)
{
    const auto directory = config.paths.data / "outbox";
    status::OtherQueue queue;
    queue.name = "outbox";
    if (!fs::is_directory(directory)) {
        return queue;
    }
    for (const auto& item : outbox::scan(directory).items) {
        ++queue.waiting;
        queue.oldest = std::min(queue.oldest.value_or(item.newest), item.newest);
    }
    for (const auto& name : visible_names(directory / "corrupt")) {
        queue.failed += name.ends_with(".reason") ? 1U : 0U;
    }
    queue.next = "reasons in " + (directory / "corrupt").native();
    constexpr std::chrono::hours time_of_the_partner{36}; // it says within a day what it has
    queue.longest_wait = time_of_the_partner;
    queue.next_if_late = "log of fiona-send-files; fiona-send-files --now tries it at once";
    return queue;
}

/// Slides that were filed at the Attach page: the JSONs count, not what lies beside them.
status::OtherQueue uploads_of(const Config& config)
{
    const wsi::UploadFolder folder{config.paths};
    status::OtherQueue queue;
    queue.name = "uploads";
    for (const auto& ticket : folder.tickets()) {
        ++queue.waiting;
        queue.oldest = std::min(queue.oldest.value_or(ticket.modified), ticket.modified);
    }
    queue.failed = folder.failed().size();
    queue.next = "fiona-process-tiff status says why; mend it, and move the JSON back to uploads";
    queue.next_if_late = "fiona-process-tiff status says why";
    return queue;
}

/// `what` is looked at by itself: where it cannot be, that is a trouble, and the rest is shown.
void look(status::Surroundings& found, std::string_view what, const std::function<void()>& step)
{
    try {
        step();
    } catch (const std::exception& e) {
        found.troubles.push_back(status::unseen(what, e));
    }
}

void look_at_queues(status::Surroundings& found, const Config& config)
{
    struct Queue {
        std::string_view what;
        status::OtherQueue (*read)(const Config&);
    };
    constexpr std::array<Queue, 4> queues{{{"the list of packages", packages_of},
                                           {"the list of jobs", jobs_of},
                                           {"the outbox", outbox_of},
                                           {"the uploads", uploads_of}}};
    for (const auto& queue : queues) {
        look(found, queue.what, [&] {
            try {
                found.queues.push_back(queue.read(config));
            } catch (const Error& e) {
                if (e.fault() != Fault::config) {
                    throw;
                }
                log::debug("queue_not_looked_at", {{"reason", e.what()}}); // a site that has none
            }
        });
    }
}

} // namespace

status::Surroundings surroundings_of(const Config& config, const std::string& crontab, Peers peers)
{
    status::Surroundings found;
    const auto read_crontab = [&] {
        auto table = crontab_of(config, crontab);
        found.crontab = std::move(table.text);
        found.is_crontab_assumed = !table.is_of_the_site;
    };
    if (crontab.empty()) {
        look(found, "the crontab", read_crontab);
    } else {
        read_crontab(); // named on the command line: an error of whoever did
    }
    const auto* const redcap = config.document.find("REDCAP");
    const bool is_embedded = redcap != nullptr && !redcap->text("db").empty();
    found.daemons = {{"fiona-storescp",
                      config.paths.server_pids() / fmt::format("storescpd{}.pid", config.project)},
                     {"fiona-process-file", ingest::pid_file(config)},
                     {"fiona-redcapd", config.paths.pids() / "fiona-redcapd.pid", is_embedded}};
    const auto totals = pacs::read_totals(pacs::status_file(config));
    found.received_objects = count_in(totals, "objects");
    found.received_bytes = count_in(totals, "bytes");
    look(found, "whether reception is switched off",
         [&] { found.is_reception_enabled = pacs::is_reception_enabled(config.paths); });
    if (peers == Peers::ask) {
        found.probes = probes_of(config);
    }
    look_at_queues(found, config);
    return found;
}

} // namespace fiona::cli
