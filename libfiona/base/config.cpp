// SPDX-License-Identifier: MIT
#include "libfiona/base/config.h"

#include "libfiona/base/config_section.h"
#include "libfiona/base/error.h"
#include "libfiona/base/files.h"

#include <array>
#include <cstdlib>
#include <ctime>

namespace fiona {

namespace fs = std::filesystem;

namespace {

Paths read_paths(const ConfigSection& root, const ConfigSection& project,
                 const std::string& project_name)
{
    const auto prefix = root.absolute_path("ROOT").value_or("");
    const auto moved = root.section("PATHS");
    const auto place = [&](std::string_view key, const std::string& fallback) {
        return fs::path{moved.absolute_path(key).value_or(prefix + fallback)};
    };
    Paths paths;
    paths.data = place("data", root.absolute_path("DATADIR").value_or("/data"));
    if (!project_name.empty()) {
        const auto directory = project.absolute_path("DATADIR");
        if (!directory) {
            throw Error{Fault::config, "config: SITES has no project {} with a DATADIR",
                        project_name};
        }
        paths.data = prefix + *directory;
    }
    paths.processing = place("processing", "/home/processing");
    paths.server = place("server", "/var/www/html/server");
    paths.applications = place("applications", "/var/www/html/applications");
    paths.export_root = place("export", "/export2");
    return paths;
}

RedcapConfig read_redcap(const ConfigSection& section, const Paths& paths)
{
    RedcapConfig redcap;
    section.copy("url", redcap.url);
    if (const auto socket = section.text("unix_socket")) {
        redcap.unix_socket = *socket;
    }
    if (const auto ca_file = section.text("ca_file")) {
        redcap.ca_file = *ca_file;
    }
    redcap.tokens_file =
        section.text("tokens_file").value_or((paths.config() / "redcap.tokens").native());
    section.seconds("connect_timeout", redcap.connect_timeout);
    section.seconds("timeout", redcap.timeout);
    section.seconds("deadline", redcap.deadline);
    section.number("rate_per_minute", redcap.rate_per_minute);
    section.copy("server_timezone", redcap.server_timezone);
    redcap.state_dir = paths.state();
    return redcap;
}

TlsClientConfig read_client_tls(const ConfigSection& section)
{
    TlsClientConfig tls;
    tls.ca_file = section.absolute_path("ca_file").value_or("");
    tls.certificate = section.absolute_path("certificate");
    tls.private_key = section.absolute_path("private_key");
    section.copy("server_name", tls.server_name);
    if (tls.ca_file.empty()) {
        throw section.error("ca_file", "is missing: nobody could say whom to trust");
    }
    if (tls.certificate.has_value() != tls.private_key.has_value()) {
        throw section.error(tls.certificate ? "private_key" : "certificate",
                            "is missing: certificate and key go together");
    }
    return tls;
}

ResearchPacsConfig read_pacs(const ConfigSection& section)
{
    ResearchPacsConfig pacs;
    section.copy("host", pacs.host);
    section.number("port", pacs.port);
    section.copy("aet", pacs.aet);
    pacs.qr_port = pacs.port;
    section.number("qr_port", pacs.qr_port);
    pacs.qr_aet = section.text("qr_aet").value_or(pacs.aet);
    pacs.calling_aet = section.text("calling_aet").value_or("FIONA");
    section.seconds("timeout", pacs.timeout);
    if (const auto tls = section.section("tls"); tls.is_given()) {
        pacs.tls = read_client_tls(tls);
    }
    using enum ResearchPacsConfig::Commitment;
    section.choice("commitment", {{"off", off}, {"auto", automatic}, {"required", required}},
                   pacs.commitment);
    section.seconds("commitment_wait", pacs.commitment_wait);
    section.seconds("commitment_timeout", pacs.commitment_timeout);
    return pacs;
}

TlsConfig read_tls(const ConfigSection& section)
{
    TlsConfig tls;
    section.number("port", tls.port);
    const auto named_path = [&](std::string_view key) {
        const auto path = section.absolute_path(key);
        if (!path) {
            throw section.error(key, "is missing");
        }
        return fs::path{*path};
    };
    tls.certificate = named_path("certificate");
    tls.private_key = named_path("private_key");
    if (const auto ca_file = section.absolute_path("ca_file")) {
        tls.ca_file = *ca_file;
    }
    using enum TlsConfig::ClientCertificates;
    section.choice("client_certificates",
                   {{"none", none}, {"optional", optional}, {"required", required}},
                   tls.client_certificates);
    if (tls.client_certificates != none && !tls.ca_file) {
        throw section.error("ca_file", "is missing: client_certificates need it (or \"none\")");
    }
    return tls;
}

std::map<std::string, PeerAddress> read_peers(const ConfigSection& section)
{
    std::map<std::string, PeerAddress> peers;
    for (const auto& title : section.keys()) {
        const auto peer = section.section(title);
        PeerAddress address;
        peer.copy("host", address.host);
        peer.number("port", address.port);
        if (address.host.empty() || address.port == 0) {
            throw section.error(title, "needs a host and a port");
        }
        peers.emplace(title, std::move(address));
    }
    return peers;
}

/// RECEIVER with what SITES.<project>.RECEIVER says instead. A project has no TLS port but its own.
json::Value receiver_block(const json::Value& document, const std::string& project)
{
    json::Object merged;
    if (const auto* const common = document.find("RECEIVER");
        common != nullptr && common->is_object()) {
        merged = common->object();
    }
    if (!project.empty()) {
        merged.erase("tls");
        const auto* const block = document.find("SITES")->find(project);
        const auto* const own = block == nullptr ? nullptr : block->find("RECEIVER");
        if (own != nullptr && own->is_object()) {
            for (const auto& [key, value] : own->object()) {
                merged[key] = value;
            }
        }
    }
    return merged;
}

/// `root` and `project` hold DICOMPORT.
ReceiverConfig read_receiver(const ConfigSection& root, const ConfigSection& project,
                             const ConfigSection& section)
{
    ReceiverConfig receiver;
    if (project.is_given()) {
        receiver.port = 0; // never the port of another archive
        project.number("DICOMPORT", receiver.port);
    } else {
        root.number("DICOMPORT", receiver.port);
    }
    section.copy("bind", receiver.bind_address);
    section.copy("aet", receiver.aet);
    section.number("max_associations", receiver.max_associations);
    section.number("max_per_peer", receiver.max_per_peer);
    section.seconds("acse_timeout", receiver.acse_timeout);
    section.seconds("dimse_timeout", receiver.dimse_timeout);
    section.seconds("stop_grace", receiver.stop_grace);
    using enum ReceiverConfig::TransferSyntaxes;
    section.choice("transfer_syntaxes", {{"any", any}, {"uncompressed", uncompressed}},
                   receiver.transfer_syntaxes);
    using enum ReceiverConfig::Durability;
    section.choice("durability", {{"full", full}, {"file", file}, {"none", none}},
                   receiver.durability);
    section.boolean("promiscuous", receiver.promiscuous);
    section.boolean("keep_rejected", receiver.keep_rejected);
    receiver.allowed_callers = section.texts("allowed_callers");
    receiver.allowed_addresses = section.texts("allowed_addresses");
    if (const auto tls = section.section("tls"); tls.is_given()) {
        receiver.tls = read_tls(tls);
    }
    receiver.peers = read_peers(section.section("peers"));
    section.seconds("commitment_retry", receiver.commitment_retry);
    section.seconds("commitment_give_up", receiver.commitment_give_up);
    section.number("soft_free_share", receiver.soft_free_share);
    section.number("soft_free_bytes", receiver.soft_free_bytes);
    section.number("hard_free_share", receiver.hard_free_share);
    section.number("hard_free_bytes", receiver.hard_free_bytes);
    section.number("spool_warn", receiver.spool_warn);
    section.number("spool_max", receiver.spool_max);
    return receiver;
}

SmtpConfig read_smtp(const ConfigSection& section)
{
    SmtpConfig smtp;
    section.copy("url", smtp.url);
    section.copy("from", smtp.from);
    smtp.user_file = section.absolute_path("user_file");
    smtp.ca_file = section.absolute_path("ca_file");
    using enum SmtpConfig::Tls;
    section.choice("tls", {{"auto", automatic}, {"required", required}, {"none", none}}, smtp.tls);
    section.seconds("timeout", smtp.timeout);
    return smtp;
}

/// The original's keys stand in the root or in a project's block; SFTP says what they leave open.
SftpConfig read_sftp(const ConfigSection& root, const ConfigSection& project, const Paths& paths)
{
    const auto common = root.section("SFTP");
    const auto own = project.section("SFTP");
    SftpConfig sftp;
    sftp.key_file = paths.config() / "sftp.key";
    sftp.known_hosts = paths.config() / "known_hosts";
    const auto read = [&](const ConfigSection& section, const auto& names) {
        const auto& [host, port, user, key, hosts, check] = names;
        section.copy(host, sftp.host);
        section.number(port, sftp.port);
        section.copy(user, sftp.user);
        sftp.key_file = section.absolute_path(key).value_or(sftp.key_file.native());
        sftp.known_hosts = section.absolute_path(hosts).value_or(sftp.known_hosts.native());
        using enum SftpConfig::Verify;
        section.choice(check, {{"server-md5", server_md5}, {"readback", readback}, {"size", size}},
                       sftp.verify);
    };
    using Names = std::array<std::string_view, 6>;
    constexpr Names old{"DAICSERVER", "DAICPORT",       "SERVERUSER",
                        "DAICKEY",    "DAICKNOWNHOSTS", "DAICVERIFY"};
    constexpr Names current{"host", "port", "user", "key_file", "known_hosts", "verify"};
    read(root, old);
    read(common, current);
    read(project, old);
    read(own, current);
    for (const auto* const section : {&common, &own}) {
        section->copy("remote", sftp.remote);
        section->number("bytes_per_second", sftp.bytes_per_second);
        section->seconds("time_limit", sftp.time_limit);
        section->seconds("connect_timeout", sftp.connect_timeout);
    }
    return sftp;
}

DeidentifyConfig read_deidentify(const ConfigSection& section, const Paths& paths)
{
    const auto place = [&](std::string_view key, const char* name) {
        return fs::path{section.text(key).value_or((paths.config() / name).native())};
    };
    return {place("profile", "profile.csv"), place("safe_private", "safe-private.csv"),
            place("projects", "projects.json"), section.texts("no_image_classes")};
}

} // namespace

TlsClientConfig read_client_tls(const json::Value& value, std::string name)
{
    return read_client_tls(ConfigSection{&value, std::move(name)});
}

fs::path Config::default_path(const std::optional<fs::path>& from_command_line)
{
    if (from_command_line) {
        return *from_command_line;
    }
    const auto* const from_environment =
        std::getenv("FIONA_CONFIG"); // NOLINT(concurrency-mt-unsafe) before any thread
    return from_environment != nullptr && *from_environment != '\0' ? from_environment
                                                                    : "/data/config/config.json";
}

Config Config::load(const fs::path& file, const std::string& project)
{
    Config config;
    config.file = file;
    config.project = project;
    const auto text = read_file_if_any(file);
    if (!text) {
        throw Error{Fault::config,
                    "no configuration at {}; name one with --config, or make a site with "
                    "fiona-config init",
                    file.native()};
    }
    try {
        config.document = json::parse(*text, file.native());
        const ConfigSection root{&config.document, ""};
        const auto sites = root.section("SITES");
        if (!project.empty() && config.document.find("SITES") == nullptr) {
            throw Error{Fault::config, "{}: no SITES, so no project {}", file.native(), project};
        }
        const auto project_block =
            project.empty() ? ConfigSection{nullptr, ""} : sites.section(project);
        config.paths = read_paths(root, project_block, project);
        config.redcap = read_redcap(root.section("REDCAP"), config.paths);
        config.research_pacs = read_pacs(root.section("RESEARCH_PACS"));
        static_cast<void>(root.section("RECEIVER")); // must be an object
        static_cast<void>(project_block.section("RECEIVER"));
        const auto receiver = receiver_block(config.document, project);
        config.receiver = read_receiver(root, project_block, {&receiver, "RECEIVER"});
        config.deidentify = read_deidentify(root.section("DEIDENTIFY"), config.paths);
        config.smtp = read_smtp(root.section("SMTP"));
        config.sftp = read_sftp(root, project_block, config.paths);
        root.seconds("QUIETTIME", config.timing.quiet);
        root.seconds("SETTLETIME", config.timing.settle);
        config.classify_rules =
            root.text("RULESFILE")
                .value_or((config.paths.config() / "classifyRules.json").native());
        config.streams = root.absolute_path("STREAMSFILE")
                             .value_or((config.paths.workflows() / "config.json").native());
        root.copy("LOCALTIMEZONE", config.timezone);
    } catch (const Error& e) {
        throw Error{Fault::config, "{}", e.what()};
    }
    if (!config.timezone.empty()) {
        // NOLINTNEXTLINE(concurrency-mt-unsafe) before any thread
        ::setenv("TZ", config.timezone.c_str(), 1);
        ::tzset();
    }
    return config;
}

fs::path shipped_file(const fs::path& relative)
{
    std::error_code problem;
    const auto self = fs::read_symlink("/proc/self/exe", problem).parent_path();
    std::vector<fs::path> places;
    if (const auto* const share =
            std::getenv("FIONA_SHARE")) { // NOLINT(concurrency-mt-unsafe) before any thread
        places.emplace_back(share);
    }
    places.emplace_back(self / ".." / "share" / "fiona");
    places.emplace_back(FIONA_SOURCE_SHARE);
    for (const auto& place : places) {
        if (fs::exists(place / relative, problem)) {
            return place / relative;
        }
    }
    throw Error{Fault::missing, "{} is not installed (looked in {})", relative.native(),
                places.front().native()};
}

} // namespace fiona
