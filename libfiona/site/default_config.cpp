// SPDX-License-Identifier: MIT
#include "libfiona/site/default_config.h"

#include "libfiona/base/config.h"
#include "libfiona/site/layout.h"

namespace fiona::site {

namespace fs = std::filesystem;

namespace {

json::Object receiver_section(const ReceiverConfig& defaults)
{
    return {{"bind", defaults.bind_address},
            {"aet", defaults.aet},
            {"max_associations", defaults.max_associations},
            {"max_per_peer", defaults.max_per_peer},
            {"acse_timeout", defaults.acse_timeout.count()},
            {"dimse_timeout", defaults.dimse_timeout.count()},
            {"stop_grace", defaults.stop_grace.count()},
            {"transfer_syntaxes", "any"},
            {"durability", "file"},
            {"promiscuous", defaults.promiscuous},
            {"allowed_callers", json::Array{}},
            {"soft_free_share", defaults.soft_free_share},
            {"soft_free_bytes", defaults.soft_free_bytes},
            {"hard_free_share", defaults.hard_free_share},
            {"hard_free_bytes", defaults.hard_free_bytes},
            {"spool_warn", defaults.spool_warn},
            {"spool_max", defaults.spool_max}};
}

json::Object redcap_section(const Paths& paths, const std::string& url)
{
    const RedcapConfig defaults;
    return {{"url", url},
            {"tokens_file", (paths.config() / "redcap.tokens").native()},
            {"connect_timeout", defaults.connect_timeout.count()},
            {"timeout", defaults.timeout.count()},
            {"deadline", defaults.deadline.count()},
            {"rate_per_minute", defaults.rate_per_minute}};
}

json::Object pacs_section(const std::string& host, const std::string& aet, std::uint16_t port)
{
    return {{"host", host},
            {"port", port},
            {"aet", aet},
            {"qr_aet", aet},
            {"qr_port", port},
            {"calling_aet", "FIONA"},
            {"timeout", ResearchPacsConfig{}.timeout.count()}};
}

json::Object common(const fs::path& root, const Paths& paths)
{
    const TimingConfig timing;
    return {{"ROOT", root.native()},
            {"DICOMIP", "127.0.0.1"},
            {"DICOMPORT", ReceiverConfig{}.port},
            {"DICOMAETITLE", ReceiverConfig{}.aet},
            {"QUIETTIME", timing.quiet.count()},
            {"SETTLETIME", timing.settle.count()},
            {"LOCALTIMEZONE", local_timezone()},
            {"RULESFILE", (paths.config() / "classifyRules.json").native()},
            {"DEIDENTIFY",
             json::Object{{"profile", (paths.config() / "profile.csv").native()},
                          {"safe_private", (paths.config() / "safe-private.csv").native()},
                          {"projects", (paths.config() / "projects.json").native()}}}};
}

} // namespace

json::Value default_config(const fs::path& root)
{
    constexpr std::uint16_t dicom_port = 104; // PS3.8 section 9.1.1: the registered port
    const auto paths = paths_below(root);
    auto config = common(root, paths);
    config["REDCAP"] = redcap_section(paths, "");
    config["RESEARCH_PACS"] = pacs_section("", "RESEARCH", dicom_port);
    config["RECEIVER"] = receiver_section(ReceiverConfig{});
    config["SMTP"] = json::Object{{"url", ""}, {"from", ""}};
    return config;
}

json::Value demo_config(const fs::path& root, const DemoPorts& ports)
{
    constexpr int short_wait = 2; // seconds; a demo sends one small study and shows the result
    const auto paths = paths_below(root);
    ReceiverConfig receiver;
    receiver.bind_address = "127.0.0.1";
    receiver.soft_free_share = 0;
    receiver.soft_free_bytes = std::uint64_t{64} << 20U;
    receiver.hard_free_share = 0;
    receiver.hard_free_bytes = std::uint64_t{16} << 20U;

    auto config = common(root, paths);
    config["DEMO"] = true;
    config["DICOMPORT"] = ports.receiver;
    config["QUIETTIME"] = short_wait;
    config["SETTLETIME"] = short_wait;
    config["REDCAP"] = redcap_section(paths, fmt::format("http://127.0.0.1:{}/api/", ports.redcap));
    config["REDCAP"].object()["rate_per_minute"] = 0; // a REDCap of one's own bans nobody
    config["REDCAP"].object()["db"] = (paths.config() / "redcap.sqlite").native();
    config["RESEARCH_PACS"] = pacs_section("127.0.0.1", demo_pacs_aet, ports.research_pacs);
    config["RECEIVER"] = receiver_section(receiver);
    return config;
}

std::string local_timezone()
{
    std::error_code problem;
    const auto target = fs::read_symlink("/etc/localtime", problem).native();
    constexpr std::string_view marker = "/zoneinfo/";
    const auto at = target.find(marker);
    return problem || at == std::string::npos ? "UTC" : target.substr(at + marker.size());
}

} // namespace fiona::site
