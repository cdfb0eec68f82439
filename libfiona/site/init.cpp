// SPDX-License-Identifier: MIT
#include "libfiona/site/init.h"

#include "libfiona/base/config.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"
#include "libfiona/base/text.h"
#include "libfiona/site/builder.h"
#include "libfiona/site/default_config.h"
#include "libfiona/site/demo.h"
#include "libfiona/site/layout.h"
#include "libfiona/site/places.h"
#include "libfiona/site/ports.h"
#include "libfiona/site/timers.h"

#include <unistd.h>

#include <algorithm>
#include <array>

namespace fiona::site {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view empty_tokens =
    "# REDCap API tokens, one a line: role = TOKEN\n"
    "# Roles: incoming, routing, coupling, dtp, autoid, ids7. Keep the mode 0600.\n"
    "# incoming =\n"
    "# routing =\n"
    "# coupling =\n"
    "# dtp =\n"
    "# autoid =\n"
    "# ids7 =\n";

/// An absolute path without `..` and trailing slash. Its characters must be safe in a crontab (no
/// blank, no `%`), in dcmqrscp.cfg and in a shell.
fs::path checked_root(const fs::path& root)
{
    auto path = fs::absolute(root).lexically_normal();
    if (path.filename().empty()) {
        path = path.parent_path();
    }
    const auto is_safe = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z')
               || (byte >= 'a' && byte <= 'z')
               || std::string_view{"/._-+@,="}.find(c) != std::string_view::npos;
    };
    if (path == path.root_path() || !std::ranges::all_of(path.native(), is_safe)) {
        throw Error{Fault::data,
                    "{} cannot be the root of a site: choose a directory whose path has only "
                    "letters, digits and / . _ - + @ , =",
                    path.native()};
    }
    return path;
}

/// Nothing but directories, and unfinished files of a run of ours that was killed.
bool is_untouched(const fs::path& root)
{
    if (!fs::exists(root)) {
        return true;
    }
    return std::ranges::all_of(
        fs::recursive_directory_iterator{root}, [](const fs::directory_entry& entry) {
            const auto name = entry.path().filename().native();
            return (entry.is_directory() && !entry.is_symlink())
                   || (name.starts_with(".config.json.") && name.ends_with(".part"));
        });
}

bool is_demo(const Config& config)
{
    const auto* const demo = config.document.find("DEMO");
    return demo != nullptr && demo->is_bool() && demo->boolean();
}

json::Value new_config(const fs::path& root, Kind kind)
{
    if (kind == Kind::plain) {
        return default_config(root);
    }
    constexpr std::size_t daemons = 3;
    const auto ports = free_loopback_ports(daemons);
    return demo_config(root, {.receiver = ports[0], .redcap = ports[1], .research_pacs = ports[2]});
}

std::string crontab(const fs::path& config_file, const Paths& paths, Kind kind)
{
    auto text = read_file(shipped_file("crontab.example"));
    // The comment above the first blank line explains the place-holders: it stays with the example.
    if (const auto body = text.find("MAILTO="); body != std::string::npos) {
        text = "# The every-minute jobs of the site below, made by fiona-config init. fiona(7).\n"
               + text.substr(body);
    }
    if (kind == Kind::demo) {
        text = replaced(std::move(text), "#embedded-redcap# ", "");
    }
    return with_places(std::move(text), config_file, paths);
}

/// The daemons as units, and the crontab as timers, for those who want systemd rather than cron to start
/// them.
void make_units(Builder& builder, const fs::path& root, const Paths& paths,
                std::string_view crontab)
{
    constexpr mode_t readable = 0644;
    const auto directory = root / "systemd";
    builder.directory(directory, 0755);
    const auto make = [&](const std::string& name, std::string text) {
        builder.file(directory / name,
                     with_places(std::move(text), paths.config() / "config.json", paths), readable);
    };
    for (const auto* const daemon : {"fiona-storescp.service", "fiona-process-file.service",
                                     "fiona-detect-arrival.service", "fiona-redcapd.service"}) {
        make(daemon, read_file(shipped_file(fs::path{"systemd"} / daemon)));
    }
    const JobTemplates templates{read_file(shipped_file("systemd/jobs/job.service")),
                                 read_file(shipped_file("systemd/jobs/job.timer"))};
    for (auto& job : timed_jobs(crontab, templates)) {
        if (job.name == "fiona-detect-arrival") {
            continue; // has a unit that watches
        }
        make(job.name + ".service", std::move(job.service));
        make(job.name + ".timer", std::move(job.timer));
    }
}

void make_files(Builder& builder, const fs::path& root, const Paths& paths, Kind kind)
{
    const auto directory = paths.config();
    constexpr mode_t readable = 0640;
    const auto copy = [&](const char* name, const char* shipped) {
        builder.file(directory / name, read_file(shipped_file(shipped)), readable);
    };
    copy("classifyRules.json", "rules/classifyRules.json");
    copy("profile.csv", "profiles/profile.csv");
    copy("safe-private.csv", "profiles/safe-private.csv");
    builder.file(directory / "projects.json", "{}\n", readable);
    const auto jobs = crontab(directory / "config.json", paths, kind);
    builder.file(root / "crontab", jobs, readable);
    make_units(builder, root, paths, jobs);
    builder.file(
        root / "logrotate",
        with_places(read_file(shipped_file("logrotate/fiona")), directory / "config.json", paths),
        readable);
}

} // namespace

InitReport init_site(const fs::path& given_root, Kind kind, Mode mode)
{
    const auto root = checked_root(given_root);
    const auto config_file = root / "data/config/config.json";
    const bool is_new = !fs::exists(config_file);
    if (is_new && !is_untouched(root)) {
        throw Error{Fault::data,
                    "{} is not empty and no site: name a new or empty directory with --root",
                    root.native()};
    }

    // The configuration comes first: from then on the directory is a site, and a killed init is
    // completed by the next one.
    Builder builder{mode};
    if (is_new && mode == Mode::apply) {
        make_directories(config_file.parent_path());
    }
    builder.file(config_file,
                 is_new ? json::write(new_config(root, kind), json::Style::pretty) + "\n" : "",
                 0640);
    Paths paths = paths_below(root);
    if (!is_new || mode == Mode::apply) {
        const auto config = Config::load(config_file);
        paths = config.paths;
        if (is_demo(config) != (kind == Kind::demo)) {
            throw Error{Fault::data, "{} is {}; {}", root.native(),
                        is_demo(config) ? "a demo site" : "a site, but no demo",
                        is_demo(config) ? "complete it with init --demo"
                                        : "name another directory for the demo"};
        }
    }
    for (const auto& directory : directories(paths)) {
        builder.directory(directory.path, directory.mode);
    }
    make_files(builder, root, paths, kind);

    InitReport report;
    if (kind == Kind::demo) {
        report.notes = make_demo(builder, root, config_file);
    } else {
        builder.file(paths.config() / "redcap.tokens", empty_tokens, 0600);
        report.notes = {"fill in REDCAP.url and RESEARCH_PACS in " + config_file.native()
                            + " and the tokens in " + (paths.config() / "redcap.tokens").native(),
                        "then: fiona-config check --config " + config_file.native()};
        if (::geteuid() == 0) {
            report.notes.emplace_back("the site belongs to root, which its tools have no need to "
                                      "be: better make it as a user of its own");
        }
    }
    report.config_file = config_file;
    report.made = builder.made();
    report.kept = builder.kept();
    return report;
}

} // namespace fiona::site
