// SPDX-License-Identifier: MIT
#include "libfiona/site/check.h"

#include "libfiona/anonymize/profile.h"
#include "libfiona/anonymize/project_file.h"
#include "libfiona/base/dates.h"
#include "libfiona/base/files.h"
#include "libfiona/base/json.h"
#include "libfiona/base/pathology_settings.h"
#include "libfiona/base/process.h"
#include "libfiona/base/unique_fd.h"
#include "libfiona/classify/rules.h"
#include "libfiona/jobs/job_settings.h"
#include "libfiona/pacs/receiver_access.h"
#include "libfiona/pacs/receiver_tls.h"
#include "libfiona/pixel/regions.h"
#include "libfiona/routing/autoid_key.h"
#include "libfiona/routing/permissions.h"
#include "libfiona/site/layout.h"
#include "libfiona/store/daemon.h"
#include "libfiona/store/disk_space.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>

namespace fiona::site {

namespace fs = std::filesystem;

namespace {

using Grade = Finding::Grade;

Finding ok(std::string what)
{
    return {Grade::ok, std::move(what), "", Fault::config};
}

/// Collects findings; an Error of one check is a failure with that check's remedy.
class Findings {
public:
    void add(Finding finding) { m_findings.push_back(std::move(finding)); }
    void add(std::vector<Finding> findings)
    {
        std::ranges::move(findings, std::back_inserter(m_findings));
    }
    void attempt(const std::string& what, const std::string& remedy, const auto& check)
    {
        try {
            check();
            add(ok(what));
        } catch (const Error& e) {
            add({Grade::fail, what + ": " + e.what(), remedy, e.fault()});
        }
    }
    [[nodiscard]] std::vector<Finding> take() { return std::move(m_findings); }

private:
    std::vector<Finding> m_findings;
};

/// A file made and removed again: mode bits alone do not know read-only mounts and full disks.
void try_to_write(const fs::path& directory)
{
    const auto probe = directory / fmt::format(".check.{}.part", ::getpid());
    const UniqueFd fd{::open(probe.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600)};
    if (!fd) {
        throw os_error(errno, "write in " + directory.native());
    }
    ::unlink(probe.c_str());
}

void check_directories(const Paths& paths, Findings& findings)
{
    bool all_good = true;
    for (const auto& [path, mode] : directories(paths)) {
        struct stat status {};
        if (::stat(path.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
            findings.add(
                {Grade::fail, "directory " + path.native() + " is missing",
                 "make it (mkdir -p), owned by who runs the tools; fiona-config init --root "
                 "makes all of a site below one directory",
                 Fault::missing});
            all_good = false;
            continue;
        }
        if (mode == 0700 && (status.st_mode & 077U) != 0) {
            findings.add({Grade::fail, "directory " + path.native() + " is open to others",
                          "chmod 700 " + path.native(), Fault::config});
            all_good = false;
        }
        try {
            try_to_write(path);
        } catch (const Error& e) {
            findings.add(
                {Grade::fail, e.what(), "give the user of the tools write permission", e.fault()});
            all_good = false;
        }
    }
    if (all_good) {
        findings.add(ok("directories are there and can be written"));
    }
}

void check_file_systems(const Paths& paths, Findings& findings)
{
    for (const auto& group : rename_groups(paths)) {
        struct stat first {};
        if (::stat(group.front().c_str(), &first) != 0) {
            continue; // reported as missing
        }
        for (const auto& path : group) {
            struct stat other {};
            if (::stat(path.c_str(), &other) == 0 && other.st_dev != first.st_dev) {
                findings.add(
                    {Grade::fail,
                     path.native() + " is on another file system than " + group.front().native(),
                     "mount both as one: files move between them by rename", Fault::config});
            }
        }
    }
}

constexpr const char* shipped = "correct it; fiona-config init makes it for a new site, for an old "
                                "one copy it from the package (fiona-migration(7))";

/// A finding for each of the first mistakes: the rest of the rules is in use.
void check_rules(const fs::path& file, Findings& findings)
{
    const auto what = "classification rules " + file.native();
    try {
        const auto rules = classify::Rules::load(file);
        const auto& problems = rules.problems();
        constexpr std::size_t most = 20; // lines that a person reads
        for (std::size_t i = 0; i < problems.size() && i < most; ++i) {
            findings.add({Grade::fail, fmt::format("{}: {}", what, problems[i]),
                          "correct it: the object is not in use, see fiona-files(5)",
                          Fault::config});
        }
        if (problems.size() > most) {
            findings.add({Grade::fail,
                          fmt::format("{}: {} mistakes more", what, problems.size() - most),
                          "fiona-process-file test-rules names them all", Fault::config});
        }
        if (problems.empty()) {
            findings.add(ok(what));
        }
    } catch (const Error& e) {
        findings.add({Grade::fail, fmt::format("{}: {}", what, e.what()), shipped, e.fault()});
    }
}

/// The profile by itself, and what each project makes of it.
void check_deidentification(const DeidentifyConfig& settings, const fs::path& keys,
                            Findings& findings)
{
    using anonymize::Profile;
    findings.attempt("de-identification " + settings.profile.native(), shipped,
                     [&] { static_cast<void>(Profile::load({settings.profile}, {})); });
    findings.attempt("de-identification " + settings.safe_private.native(), shipped,
                     [&] { static_cast<void>(Profile::load({}, settings.safe_private)); });
    json::Object projects;
    findings.attempt("projects " + settings.projects.native(), "write {} into it for the defaults",
                     [&] {
                         const auto text = read_file(settings.projects);
                         projects = json::parse(text, settings.projects.native()).object();
                     });
    for (const auto& project : projects) {
        const auto& name = project.first;
        findings.attempt("project " + name, "correct projects.json, see fiona-files(5)", [&] {
            const anonymize::ProjectFile file{{settings.projects, keys}, name};
            static_cast<void>(file.scheme());
            static_cast<void>(file.date_shift());
            static_cast<void>(file.documents());
            if (const auto lists = file.private_lists(); !lists.empty()) {
                static_cast<void>(Profile::load({}, {}, {}, lists));
            }
        });
    }
}

/// Says nothing of files that are not there: a site may do without.
void check_optional_files(const fs::path& directory, Findings& findings)
{
    const auto attempt = [&](const char* name, const char* remedy, const auto& read) {
        const auto file = directory / name;
        std::error_code ignored;
        if (fs::exists(file, ignored)) {
            findings.attempt(file.native(), remedy, [&] { static_cast<void>(read(file)); });
        }
    };
    attempt("pixel-regions.json", "correct it, see fiona-rewrite-pixel(1)", pixel::read_regions);
    attempt("assign-groups.json", "correct it, see fiona-assign(1)", routing::Permissions::load);
    attempt("autoid.key", "bring it back from a backup, see fiona-populate-autoid(1)",
            routing::AutoIdKey::load_or_make);
}

void check_files(const Config& config, Findings& findings)
{
    check_rules(config.classify_rules, findings);
    check_deidentification(config.deidentify, config.paths.keys(), findings);
    check_optional_files(config.paths.config(), findings);
    findings.attempt("tokens file " + config.redcap.tokens_file.native(),
                     "it has a line ROLE = TOKEN for each project, and mode 0600",
                     [&] { static_cast<void>(read_secret_file(config.redcap.tokens_file)); });
    std::error_code absent; // a missing directory is reported elsewhere
    for (const auto& key : fs::directory_iterator{config.paths.keys(), absent}) {
        if (key.is_directory(absent)) {
            continue; // the mappings of what was sent: inside a directory of mode 0700
        }
        try {
            static_cast<void>(read_secret_file(key.path()));
        } catch (const Error& e) {
            findings.add({Grade::fail, e.what(), "chmod 600 " + key.path().native(), e.fault()});
        }
    }
    if (config.timezone.empty()) {
        findings.add({Grade::warn,
                      "LOCALTIMEZONE is not set; dates in REDCap are in the zone of this machine",
                      "set it, e.g. \"Europe/Oslo\"", Fault::config});
    } else if (!fs::exists(fs::path{"/usr/share/zoneinfo"} / config.timezone)) {
        findings.add({Grade::warn, "LOCALTIMEZONE is no known zone; dates in REDCap will be UTC",
                      "set it, e.g. \"Europe/Oslo\"", Fault::config});
    }
}

void check_disk(const Config& config, Findings& findings)
{
    try {
        const auto space = store::disk_space(config.paths.archive());
        const auto free = fmt::format("archive has {} MiB free", space.free_bytes >> 20U);
        switch (store::disk_state(space, config.receiver)) {
        case store::DiskState::ok: findings.add(ok(free)); break;
        case store::DiskState::low:
            findings.add(
                {Grade::warn, free, "make room, or lower RECEIVER.soft_free_*", Fault::io});
            break;
        case store::DiskState::hard:
            findings.add({Grade::fail, free + ": the receiver accepts nothing",
                          "make room, or lower RECEIVER.hard_free_*", Fault::io});
            break;
        }
    } catch (const Error& e) {
        findings.add({Grade::fail, e.what(), "see the directories above", e.fault()});
    }
}

void check_daemons(const Config& config, Findings& findings)
{
    const auto daemon = [&](const std::string& tool, const fs::path& pid_file) {
        if (const auto pid = store::running_daemon(pid_file)) {
            findings.add(ok(fmt::format("{} runs, process {}", tool, *pid)));
        } else {
            findings.add({Grade::warn, tool + " does not run",
                          tool + " start --config " + config.file.native(), Fault::unreachable});
        }
    };
    const auto pids = config.paths.server_pids();
    daemon("fiona-storescp", pids / fmt::format("storescpd{}.pid", config.project));
    daemon("fiona-process-file", pids / fmt::format("processSingleFile{}.pid", config.project));
}

void check_peers(const Config& config, const Probes& probes, Findings& findings)
{
    const auto& pacs = config.research_pacs;
    if (pacs.host.empty()) {
        findings.add({Grade::fail, "research PACS: no address",
                      "set RESEARCH_PACS.host, port and aet", Fault::config});
    } else {
        findings.attempt(
            fmt::format("C-ECHO to the research PACS {} at {}:{}", pacs.aet, pacs.host, pacs.port),
            "see that it runs and knows our AE title " + pacs.calling_aet
                + (pacs.tls ? ", and that RESEARCH_PACS.tls is right" : ""),
            [&] {
                probes.echo({.host = pacs.host,
                             .port = pacs.port,
                             .called_aet = pacs.aet,
                             .calling_aet = pacs.calling_aet,
                             .timeout = pacs.timeout,
                             .tls = pacs.tls});
            });
    }
    const auto& receiver = config.receiver;
    const auto host = receiver.bind_address == "0.0.0.0" ? "127.0.0.1" : receiver.bind_address;
    findings.attempt(
        fmt::format("C-ECHO to our receiver {} at {}:{}", receiver.aet, host, receiver.port),
        "fiona-storescp start --config " + config.file.native(), [&] {
            probes.echo({.host = host,
                         .port = receiver.port,
                         .called_aet = receiver.aet,
                         .calling_aet = pacs.calling_aet.empty() ? "FIONA" : pacs.calling_aet,
                         .timeout = std::chrono::seconds{10}});
        });
}

/// A site may well send no mail and no files.
void check_ways_out(const Config& config, const Probes& probes, Findings& findings)
{
    if (!config.smtp.url.empty()) {
        findings.attempt("mail server", "correct SMTP, or leave its url empty for no mail",
                         [&] { probes.greet_mail_server(config.smtp); });
    }
    if (!config.sftp.host.empty()) {
        findings.attempt(
            "SFTP server " + config.sftp.host,
            "correct SFTP: its key belongs to known_hosts, ours to its authorized keys",
            [&] { probes.greet_file_server(config.sftp); });
    }
}

/// What would keep the receiver from starting, or its TLS peers from trusting it.
void check_receiver(const ReceiverConfig& receiver, Findings& findings)
{
    if (!receiver.allowed_addresses.empty()) {
        findings.attempt("addresses that may send", "correct RECEIVER.allowed_addresses",
                         [&] { static_cast<void>(pacs::AccessList{receiver}); });
    }
    if (!receiver.tls) {
        return;
    }
    constexpr std::chrono::hours early_warning{24 * 30};
    findings.attempt(
        "TLS certificate and key of the receiver",
        "correct RECEIVER.tls; the key needs mode 0600 and no password", [&] {
            const pacs::TlsContext context{*receiver.tls};
            const auto now = Clock::now();
            const auto end = iso8601_utc(context.not_after());
            const auto* const remedy = "have it renewed, then send SIGHUP to the receiver";
            if (context.not_after() < now) {
                findings.add({Grade::warn, "the receiver's certificate ended " + end, remedy,
                              Fault::config});
            } else if (context.not_before() > now) {
                findings.add({Grade::warn, "the receiver's certificate is not yet valid",
                              "set the clock, or wait", Fault::config});
            } else if (context.not_after() < now + early_warning) {
                findings.add(
                    {Grade::warn, "the receiver's certificate ends " + end, remedy, Fault::config});
            }
        });
}

/// Says nothing where there is no such file: a site may do without slides.
void check_pathology(const Config& config, Findings& findings)
{
    if (!fs::exists(pathology_file(config))) {
        return;
    }
    std::vector<fs::path> roots;
    findings.attempt("pathology " + pathology_file(config).native(),
                     "correct it, see fiona-process-tiff(1)",
                     [&] { roots = read_pathology_settings(config).import_roots; });
    for (const auto& root : roots) {
        findings.attempt("pathology: import root " + root.native(),
                         "mount it, give the user of the tools write permission, or take it out of "
                         "import_roots",
                         [&] { try_to_write(root); });
    }
}

/// Says nothing where there are no images: a site may do without jobs.
void check_jobs(const Config& config, Findings& findings)
{
    std::set<std::string> programs;
    try {
        const auto settings = jobs::read_job_settings(config);
        for (const auto& [name, image] : settings.images) {
            const bool is_process = image.engine == jobs::Engine::process;
            programs.emplace(is_process ? "bwrap" : jobs::engine_name(image.engine));
            if (settings.uses_slurm) {
                programs.insert("sbatch");
            }
        }
    } catch (const Error& e) {
        findings.add({Grade::fail, fmt::format("jobs: {}", e.what()),
                      "correct JOBS or workflows.json, see fiona-run-one-job(1)", e.fault()});
    }
    for (const auto& program : programs) {
        findings.attempt(fmt::format("jobs: {}", program),
                         fmt::format("install {}, or take its images out", program), [&] {
                             static_cast<void>(run({.arguments = {program, "--version"}}));
                         });
    }
}

} // namespace

Finding unreadable_config(const Error& error)
{
    return {Grade::fail, error.what(), "correct it, or make a site with fiona-config init",
            error.fault()};
}

std::vector<Finding> check_site(const Config& config, const Probes& probes,
                                const std::vector<ConfigReader>& readers)
{
    Findings findings;
    findings.add(ok("configuration " + config.file.native()));
    check_directories(config.paths, findings);
    check_file_systems(config.paths, findings);
    check_files(config, findings);
    for (const auto& reader : readers) {
        findings.attempt(reader.what, reader.remedy, [&] { reader.read(config); });
    }
    check_disk(config, findings);
    check_receiver(config.receiver, findings);
    check_daemons(config, findings);
    check_peers(config, probes, findings);
    check_ways_out(config, probes, findings);
    findings.add(check_redcap(config.redcap, probes));
    check_jobs(config, findings);
    check_pathology(config, findings);
    return findings.take();
}

std::optional<Fault> first_failure(const std::vector<Finding>& findings)
{
    const auto found = std::ranges::find(findings, Grade::fail, &Finding::grade);
    return found == findings.end() ? std::nullopt : std::optional{found->fault};
}

} // namespace fiona::site
