// SPDX-License-Identifier: MIT
#include "libfiona/site/show.h"

namespace fiona::site {

namespace {

/// scheme://user:password@host/... without the part before `@`.
std::string without_credentials(const std::string& url)
{
    const auto scheme = url.find("://");
    const auto start = scheme == std::string::npos ? 0 : scheme + 3;
    const auto end = std::min(url.find('/', start), url.size());
    const auto at = url.rfind('@', end);
    return at == std::string::npos || at < start ? url : url.substr(0, start) + url.substr(at + 1);
}

json::Object paths_section(const Paths& paths)
{
    return {{"data", paths.data.native()},
            {"processing", paths.processing.native()},
            {"server", paths.server.native()},
            {"applications", paths.applications.native()},
            {"export", paths.export_root.native()},
            {"archive", paths.archive().native()},
            {"raw", paths.raw().native()},
            {"spool", paths.spool().native()},
            {"incoming_list", paths.incoming_list().native()},
            {"requests", paths.requests().native()},
            {"held_requests", paths.held().native()},
            {"logs", paths.logs().native()},
            {"pids", paths.pids().native()}};
}

json::Object redcap_section(const RedcapConfig& redcap)
{
    json::Object section{{"url", without_credentials(redcap.url)},
                         {"tokens_file", redcap.tokens_file.native()},
                         {"connect_timeout", redcap.connect_timeout.count()},
                         {"timeout", redcap.timeout.count()},
                         {"deadline", redcap.deadline.count()}};
    if (redcap.unix_socket) {
        section["unix_socket"] = redcap.unix_socket->native();
    }
    if (redcap.ca_file) {
        section["ca_file"] = redcap.ca_file->native();
    }
    return section;
}

json::Object smtp_section(const SmtpConfig& smtp)
{
    using enum SmtpConfig::Tls;
    json::Object section{{"url", without_credentials(smtp.url)},
                         {"from", smtp.from},
                         {"tls", smtp.tls == automatic  ? "auto"
                                 : smtp.tls == required ? "required"
                                                        : "none"},
                         {"timeout", smtp.timeout.count()}};
    for (const auto& [key, file] :
         {std::pair{"user_file", smtp.user_file}, std::pair{"ca_file", smtp.ca_file}}) {
        if (file) {
            section[key] = file->native();
        }
    }
    return section;
}

json::Object sftp_section(const SftpConfig& sftp)
{
    using enum SftpConfig::Verify;
    return {{"host", sftp.host},
            {"port", sftp.port},
            {"user", sftp.user},
            {"key_file", sftp.key_file.native()},
            {"known_hosts", sftp.known_hosts.native()},
            {"remote", sftp.remote},
            {"verify", sftp.verify == server_md5 ? "server-md5"
                       : sftp.verify == readback ? "readback"
                                                 : "size"},
            {"bytes_per_second", sftp.bytes_per_second},
            {"time_limit", sftp.time_limit.count()},
            {"connect_timeout", sftp.connect_timeout.count()}};
}

json::Object tls_section(const TlsConfig& tls)
{
    using enum TlsConfig::ClientCertificates;
    json::Object section{{"port", tls.port},
                         {"certificate", tls.certificate.native()},
                         {"private_key", tls.private_key.native()},
                         {"client_certificates", tls.client_certificates == required   ? "required"
                                                 : tls.client_certificates == optional ? "optional"
                                                                                       : "none"}};
    if (tls.ca_file) {
        section["ca_file"] = tls.ca_file->native();
    }
    return section;
}

json::Object receiver_section(const ReceiverConfig& receiver)
{
    json::Array callers(receiver.allowed_callers.begin(), receiver.allowed_callers.end());
    json::Array addresses(receiver.allowed_addresses.begin(), receiver.allowed_addresses.end());
    json::Object peers;
    for (const auto& [title, address] : receiver.peers) {
        peers[title] = json::Object{{"host", address.host}, {"port", address.port}};
    }
    const auto* const durability = receiver.durability == ReceiverConfig::Durability::full ? "full"
                                   : receiver.durability == ReceiverConfig::Durability::file
                                       ? "file"
                                       : "none";
    json::Object section{
        {"bind", receiver.bind_address},
        {"port", receiver.port},
        {"aet", receiver.aet},
        {"max_associations", receiver.max_associations},
        {"max_per_peer", receiver.max_per_peer},
        {"acse_timeout", receiver.acse_timeout.count()},
        {"dimse_timeout", receiver.dimse_timeout.count()},
        {"stop_grace", receiver.stop_grace.count()},
        {"transfer_syntaxes", receiver.transfer_syntaxes == ReceiverConfig::TransferSyntaxes::any
                                  ? "any"
                                  : "uncompressed"},
        {"durability", durability},
        {"promiscuous", receiver.promiscuous},
        {"allowed_callers", std::move(callers)},
        {"allowed_addresses", std::move(addresses)},
        {"keep_rejected", receiver.keep_rejected},
        {"peers", std::move(peers)},
        {"commitment_retry", receiver.commitment_retry.count()},
        {"commitment_give_up", receiver.commitment_give_up.count()},
        {"soft_free_share", receiver.soft_free_share},
        {"soft_free_bytes", receiver.soft_free_bytes},
        {"hard_free_share", receiver.hard_free_share},
        {"hard_free_bytes", receiver.hard_free_bytes},
        {"spool_warn", receiver.spool_warn},
        {"spool_max", receiver.spool_max}};
    if (receiver.tls) {
        section["tls"] = tls_section(*receiver.tls);
    }
    return section;
}

void add_lines(const json::Value& value, const std::string& name, std::vector<std::string>& lines)
{
    if (!value.is_object()) {
        lines.push_back(name + " = " + (value.is_array() ? json::write(value) : value.text()));
        return;
    }
    for (const auto& [key, member] : value.object()) {
        add_lines(member, name.empty() ? key : fmt::format("{}.{}", name, key), lines);
    }
}

json::Object pacs_section(const ResearchPacsConfig& pacs)
{
    using enum ResearchPacsConfig::Commitment;
    json::Object section{{"host", pacs.host},
                         {"port", pacs.port},
                         {"aet", pacs.aet},
                         {"qr_port", pacs.qr_port},
                         {"qr_aet", pacs.qr_aet},
                         {"calling_aet", pacs.calling_aet},
                         {"timeout", pacs.timeout.count()},
                         {"commitment", pacs.commitment == off         ? "off"
                                        : pacs.commitment == automatic ? "auto"
                                                                       : "required"},
                         {"commitment_wait", pacs.commitment_wait.count()},
                         {"commitment_timeout", pacs.commitment_timeout.count()}};
    if (pacs.tls) {
        json::Object tls{{"ca_file", pacs.tls->ca_file.native()},
                         {"server_name", pacs.tls->server_name}};
        if (pacs.tls->certificate && pacs.tls->private_key) {
            tls["certificate"] = pacs.tls->certificate->native();
            tls["private_key"] = pacs.tls->private_key->native();
        }
        section["tls"] = std::move(tls);
    }
    return section;
}

} // namespace

json::Value effective_config(const Config& config)
{
    return json::Object{
        {"config_file", config.file.native()},
        {"project", config.project},
        {"PATHS", paths_section(config.paths)},
        {"REDCAP", redcap_section(config.redcap)},
        {"RESEARCH_PACS", pacs_section(config.research_pacs)},
        {"RECEIVER", receiver_section(config.receiver)},
        {"DEIDENTIFY",
         json::Object{{"profile", config.deidentify.profile.native()},
                      {"safe_private", config.deidentify.safe_private.native()},
                      {"projects", config.deidentify.projects.native()},
                      {"no_image_classes", json::Array(config.deidentify.no_image_classes.begin(),
                                                       config.deidentify.no_image_classes.end())}}},
        {"SMTP", smtp_section(config.smtp)},
        {"SFTP", sftp_section(config.sftp)},
        {"RULESFILE", config.classify_rules.native()},
        {"QUIETTIME", config.timing.quiet.count()},
        {"SETTLETIME", config.timing.settle.count()},
        {"LOCALTIMEZONE", config.timezone}};
}

std::vector<std::string> as_lines(const json::Value& document)
{
    std::vector<std::string> lines;
    add_lines(document, "", lines);
    return lines;
}

} // namespace fiona::site
