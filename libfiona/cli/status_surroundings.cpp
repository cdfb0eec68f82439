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
#include "libfiona/store/request_files.h"

#include <algorithm>
#include <iostream>
#include <iterator>

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
                    + "; move the lines back, or delete them"};
}

status::OtherQueue jobs_of(const Config& config)
{
    const auto lines = jobs::JobList{config.paths.job_list()}.lines(Clock::now());
    status::OtherQueue queue;
    queue.name = "jobs";
    for (const auto& line : lines) {
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
    return queue;
}

/// Pathology and other files that were attached, and wait to be worked on.
status::OtherQueue uploads_of(const Config& config)
{
    const auto names = visible_names(config.paths.applications / "Attach" / "uploads");
    return {.name = "uploads",
            .waiting = names.size(),
            .oldest = std::nullopt,
            .failed = 0,
            .next = {}};
}

} // namespace

status::Surroundings surroundings_of(const Config& config, const std::string& crontab, Peers peers)
{
    status::Surroundings found;
    auto table = crontab_of(config, crontab);
    found.crontab = std::move(table.text);
    found.is_crontab_assumed = !table.is_of_the_site;
    const auto* const redcap = config.document.find("REDCAP");
    const bool is_embedded = redcap != nullptr && !redcap->text("db").empty();
    found.daemons = {{"fiona-storescp",
                      config.paths.server_pids() / fmt::format("storescpd{}.pid", config.project)},
                     {"fiona-process-file", ingest::pid_file(config)},
                     {"fiona-redcapd", config.paths.pids() / "fiona-redcapd.pid", is_embedded}};
    const auto totals = pacs::read_totals(pacs::status_file(config));
    found.received_objects = count_in(totals, "objects");
    found.received_bytes = count_in(totals, "bytes");
    found.is_reception_enabled = pacs::is_reception_enabled(config.paths);
    if (peers == Peers::ask) {
        found.probes = probes_of(config);
    }
    for (const auto& look : {packages_of, jobs_of, outbox_of, uploads_of}) {
        try {
            found.queues.push_back(look(config));
        } catch (const Error& e) { // a site that has none of that
            log::debug("queue_not_looked_at", {{"reason", e.what()}});
        }
    }
    return found;
}

} // namespace fiona::cli
